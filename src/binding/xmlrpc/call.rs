//! A `methodCall` and how its parameters become the fields of an operation's input.
//!
//! The required fields come by position, in the contract's order, then one struct with the others; or one struct comes
//! with all of them. Which of the two it is shows at the first parameter, so neither is collected first.

use std::marker::PhantomData;

use serde::{
    Deserialize,
    de::{self, DeserializeOwned, DeserializeSeed, Deserializer, Error, IntoDeserializer, Visitor},
};

use super::decode::{Known, Members, Opened, Raw, read_name};
use crate::{
    binding::{
        refusal::{Mistake, Refusal},
        xml::{Reader, Token, unexpected},
    },
    model::Limits,
    operation::describe::Description,
};

/// A request whose method is known and whose parameters come next.
pub struct Call<'a> {
    /// The method's name.
    pub method: String,
    /// Its parameters.
    pub parameters: Parameters<'a>,
}

impl<'a> Call<'a> {
    /// Reads the document up to its parameters.
    ///
    /// # Errors
    /// Malformed, and Foreign for what is no `methodCall`.
    pub fn read(text: &'a str, limits: &Limits) -> Result<Self, Refusal> {
        let mut reader = Reader::new(text, true, limits);
        expect(&mut reader, "methodCall")?;
        expect(&mut reader, "methodName")?;
        let method = reader.text()?.trim().to_owned();
        let place = match reader.next_tag()? {
            Token::Close => Place::After,
            Token::Open(tag) if tag.name() == "params" => Place::Document,
            token => return Err(unexpected("<params>", &token)),
        };
        let mut parameters = Parameters { reader, place };
        if place == Place::After {
            parameters.finish()?;
        }
        Ok(Self { method, parameters })
    }
}

/// Where the next parameter is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the `params` of a document.
    Document,
    /// In the array of an inner call.
    Array,
    /// There is none.
    After,
}

/// The parameters of a call, pulled one by one.
pub struct Parameters<'a> {
    reader: Reader<'a>,
    place: Place,
}

impl<'a> Parameters<'a> {
    /// The parameters of an inner call of a multicall.
    ///
    /// # Errors
    /// Misfit when they are no array.
    pub fn of_inner_call(call: &InnerCall<'a>, limits: &Limits) -> Result<Self, Refusal> {
        let Some(Raw(value)) = call.parameters else {
            return Ok(Self { reader: Reader::new("", true, limits), place: Place::After });
        };
        let mut reader = Reader::new(value, true, limits);
        let misfit = || Refusal::new(Mistake::Misfit, "params: want an array");
        ["value", "array"].into_iter().try_for_each(|name| expect(&mut reader, name)).map_err(|_| misfit())?;
        let place = match reader.next_tag()? {
            Token::Open(tag) if tag.name() == "data" => Place::Array,
            Token::Close => Place::After,
            _ => return Err(misfit()),
        };
        Ok(Self { reader, place })
    }

    /// Reads the input of an operation.
    ///
    /// # Errors
    /// Misfit where the parameters do not fit the signature, otherwise a refusal that names the field.
    pub fn read<I: DeserializeOwned>(&mut self, operation: &'static Description) -> Result<I, Refusal> {
        I::deserialize(Input { parameters: self, operation })
    }

    /// Makes sure that there is no parameter.
    ///
    /// # Errors
    /// Misfit when there is one.
    pub fn read_none(&mut self) -> Result<(), Refusal> {
        match self.next()? {
            None => Ok(()),
            Some(_) => Err(Refusal::new(Mistake::Misfit, "too many parameters; the method takes none")),
        }
    }

    /// Reads the only parameter.
    ///
    /// # Errors
    /// Misfit when there is none, more than one, or one of another type.
    pub fn read_one<T: de::Deserialize<'a>>(&mut self) -> Result<T, Refusal> {
        self.read_one_as(PhantomData)
    }

    /// As [`Parameters::read_one`], into what the seed makes of it.
    ///
    /// # Errors
    /// The same.
    pub fn read_one_as<S: DeserializeSeed<'a>>(&mut self, seed: S) -> Result<S::Value, Refusal> {
        let read = self.read_position_as(seed)?;
        match self.next()? {
            None => Ok(read),
            Some(_) => Err(Refusal::new(Mistake::Misfit, "too many parameters; the method takes one")),
        }
    }

    /// Reads the next parameter.
    ///
    /// # Errors
    /// Misfit when there is none, or one of another type.
    pub fn read_position<T: de::Deserialize<'a>>(&mut self) -> Result<T, Refusal> {
        self.read_position_as(PhantomData)
    }

    fn read_position_as<S: DeserializeSeed<'a>>(&mut self, seed: S) -> Result<S::Value, Refusal> {
        let misfit = |refusal: Refusal| match refusal.mistake {
            Mistake::IllTyped | Mistake::Invalid => Refusal::new(Mistake::Misfit, refusal),
            _ => refusal,
        };
        let opened = self.next()?.ok_or_else(|| Refusal::new(Mistake::Misfit, "too few parameters"))?;
        let read = seed.deserialize(opened.content(&mut self.reader, false)).map_err(misfit)?;
        self.end()?;
        Ok(read)
    }

    /// The next parameter, whose content is to be read before [`Parameters::end`].
    fn next(&mut self) -> Result<Option<Opened<'a>>, Refusal> {
        let wrapped = match self.place {
            Place::After => return Ok(None),
            Place::Document => true,
            Place::Array => false,
        };
        let tag = match (self.reader.next_tag()?, wrapped) {
            (Token::Close, _) => return self.finish().map(|()| None),
            (Token::Open(tag), true) if tag.name() == "param" => match self.reader.next_tag()? {
                Token::Open(tag) => tag,
                token => return Err(unexpected("<value>", &token)),
            },
            (Token::Open(tag), false) => tag,
            (token, _) => return Err(unexpected("<param>", &token)),
        };
        Opened::read(&mut self.reader, &tag).map(Some)
    }

    /// Reads the end of a parameter.
    fn end(&mut self) -> Result<(), Refusal> {
        if self.place == Place::Document { self.reader.close() } else { Ok(()) }
    }

    /// Reads what lies behind the parameters, where nothing may lie.
    fn finish(&mut self) -> Result<(), Refusal> {
        let still_open = match self.place {
            Place::Document => 1,
            Place::Array => 2,
            Place::After => 0,
        };
        self.place = Place::After;
        for _ in 0..still_open {
            self.reader.close()?;
        }
        match self.reader.next_tag()? {
            Token::End => Ok(()),
            token => Err(unexpected("the end of the document", &token)),
        }
    }
}

/// One call of a multicall, whose parameters are read once it is its turn.
#[derive(Debug, Deserialize)]
#[serde(rename = "a call", rename_all = "camelCase", deny_unknown_fields)]
pub struct InnerCall<'a> {
    /// The method's name.
    #[serde(rename = "methodName")]
    pub method: String,
    /// The `value` that its parameters occupy in the document.
    #[serde(borrow, rename = "params")]
    pub parameters: Option<Raw<'a>>,
}

impl<'a> InnerCall<'a> {
    /// Reads the struct of a call from the `value` that it occupies in the document.
    ///
    /// # Errors
    /// A refusal that names the member that is missing, unknown or ill-typed.
    pub fn read(value: &'a str, limits: &Limits) -> Result<Self, Refusal> {
        let mut reader = Reader::new(value, true, limits);
        match reader.next_tag()? {
            Token::Open(tag) => Self::deserialize(Opened::read(&mut reader, &tag)?.content(&mut reader, true)),
            token => Err(unexpected("<value>", &token)),
        }
    }
}

/// How an operation is called, for messages: `search.find(string query, struct options)`.
pub fn usage(operation: &Description) -> String {
    let mut parameters: Vec<String> =
        operation.required().map(|field| format!("{} {}", super::manual::type_name(field), field.name)).collect();
    if operation.optional().next().is_some() {
        parameters.push("[struct options]".to_owned());
    }
    format!("{}({})", operation.name, parameters.join(", "))
}

fn expect(reader: &mut Reader<'_>, name: &str) -> Result<(), Refusal> {
    match reader.next_tag()? {
        Token::Open(tag) if tag.name() == name => Ok(()),
        token => Err(unexpected(&format!("<{name}>"), &token)),
    }
}

/// Parameters as a record.
struct Input<'p, 'a> {
    parameters: &'p mut Parameters<'a>,
    operation: &'static Description,
}

impl<'a> Deserializer<'a> for Input<'_, 'a> {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Refusal> {
        let Self { parameters, operation } = self;
        visitor.visit_map(Fields { parameters, operation, known: None, position: 0, source: Source::Positions(None) })
    }

    fn deserialize_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        let Self { parameters, operation } = self;
        let known = Some((operation.name, known));
        visitor.visit_map(Fields { parameters, operation, known, position: 0, source: Source::Positions(None) })
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(self, _: &'static str, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        <V: Visitor<'a>>
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple
        tuple_struct map enum identifier ignored_any
    }
}

/// Where the next field comes from.
enum Source<'a> {
    /// The parameters by position; one may wait to be read.
    Positions(Option<Opened<'a>>),
    /// The struct at the end, or the only one.
    Struct(Members<'a>),
}

/// The fields of the input, whichever way they come.
struct Fields<'p, 'a> {
    parameters: &'p mut Parameters<'a>,
    operation: &'static Description,
    known: Option<Known>,
    position: usize,
    source: Source<'a>,
}

impl<'a> Fields<'_, 'a> {
    /// The name of the field that the next positional parameter is; none when they are through or a struct begins.
    fn next_position(&mut self) -> Result<Option<&'static str>, Refusal> {
        let required = self.operation.required().count();
        loop {
            let Some(opened) = self.parameters.next()? else {
                return if self.position < required { Err(self.misfit("too few parameters")) } else { Ok(None) };
            };
            if opened.is_struct() && (self.position == 0 || self.position == required) {
                self.source = Source::Struct(Members::of(self.known));
                return Ok(None);
            }
            let field = self.operation.required().nth(self.position);
            self.position += 1;
            match field {
                _ if opened.is_nil() => self.parameters.end()?,
                Some(field) => {
                    self.source = Source::Positions(Some(opened));
                    return Ok(Some(&field.name));
                }
                None => return Err(self.misfit("too many parameters, or the last one is no struct")),
            }
        }
    }

    fn misfit(&self, reason: &str) -> Refusal {
        Refusal::new(Mistake::Misfit, format_args!("{reason}; want {}", usage(self.operation)))
    }

    /// A value of the wrong type means another signature only where its position gave it its field.
    fn misplaced(&self, mut refusal: Refusal) -> Refusal {
        let field = self.operation.required().nth(self.position.saturating_sub(1));
        let is_type = refusal.mistake == Mistake::IllTyped;
        refusal = refusal.within(field.map_or("", |field| &field.name));
        if is_type {
            refusal.mistake = Mistake::Misfit;
            refusal = refusal.with_remark(format_args!("want {}", usage(self.operation)));
        }
        refusal
    }
}

impl<'a> de::MapAccess<'a> for Fields<'_, 'a> {
    type Error = Refusal;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, Refusal> {
        if let Source::Positions(_) = self.source
            && let Some(name) = self.next_position()?
        {
            return seed.deserialize(name.into_deserializer()).map(Some);
        }
        let Source::Struct(members) = &mut self.source else { return Ok(None) };
        if let Some(name) = members.next_name(&mut self.parameters.reader)? {
            return read_name(name, seed).map(Some);
        }
        self.parameters.end()?;
        match self.parameters.next()? {
            None => Ok(None),
            Some(_) => Err(self.misfit("no parameter may follow the struct")),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, Refusal> {
        match &mut self.source {
            Source::Struct(members) => members.read_value(&mut self.parameters.reader, seed),
            Source::Positions(waiting) => {
                let opened = waiting.take().ok_or_else(|| Refusal::custom("a parameter was read twice"))?;
                let content = opened.content(&mut self.parameters.reader, true);
                let read = seed.deserialize(content).map_err(|e| self.misplaced(e))?;
                self.parameters.end()?;
                Ok(read)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::{REGISTRY, node, search};

    fn member(name: &str, value: &str) -> String {
        format!("<member><name>{name}</name> <value>{value}</value></member>")
    }

    fn inner(members: &[String]) -> Result<String, Refusal> {
        let value = format!("<value><struct>{}</struct></value>", members.concat());
        let limits = Limits::default();
        let call = InnerCall::read(&value, &limits)?;
        let mut parameters = Parameters::of_inner_call(&call, &limits)?;
        if call.method == "node.info" {
            return parameters.read::<node::Info>(REGISTRY.find("node.info").unwrap()).map(|_| String::new());
        }
        Ok(parameters.read::<search::Find>(REGISTRY.find("search.find").unwrap())?.query)
    }

    #[test]
    fn the_members_of_an_inner_call_come_in_any_order() {
        let name = member("methodName", "search.find");
        let params = member("params", "<array><data> <value>x &amp; y</value></data></array>");
        assert_eq!(inner(&[params.clone(), name.clone()]).unwrap(), "x & y");
        assert_eq!(inner(&[name, params]).unwrap(), "x & y");
        assert!(inner(&[member("methodName", "node.info")]).is_ok());
        assert!(inner(&[member("methodName", "node.info"), member("params", "<nil/>")]).is_ok());
    }

    #[test]
    fn an_inner_call_is_refused_by_the_name_of_what_is_wrong() {
        let name = || member("methodName", "search.find");
        for (members, mistake, named) in [
            (vec![], Mistake::Invalid, "methodName: the field is missing"),
            (vec![name(), member("parms", "x")], Mistake::Invalid, "\"parms\"; a call takes methodName, params"),
            (vec![member("methodName", "<int>1</int>")], Mistake::IllTyped, "methodName: want a string"),
            (vec![name(), member("params", "<string>x</string>")], Mistake::Misfit, "params: want an array"),
            (vec![name(), name()], Mistake::Invalid, "methodName: the field is given twice"),
        ] {
            let refusal = inner(&members).unwrap_err();
            assert!(refusal.mistake == mistake && refusal.to_string().contains(named), "{refusal:?}");
        }
        let limits = Limits::default();
        assert_eq!(InnerCall::read("<value>x</value>", &limits).unwrap_err().mistake, Mistake::IllTyped);
    }
}
