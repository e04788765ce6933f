//! A `methodCall` and how its parameters become the fields of an operation's input.
//!
//! The required fields come by position, in the contract's order, then one struct with the others; or one struct comes
//! with all of them. Which of the two it is shows at the first parameter, so neither is collected first.

use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, Error, IntoDeserializer, Visitor};

use super::decode::{Known, Members, Opened, read_name};
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
    /// The parameters of an inner call of a multicall, from the `value` that they occupy in the document.
    ///
    /// # Errors
    /// Misfit when it is no array.
    pub fn of_inner_call(value: &'a str, limits: &Limits) -> Result<Self, Refusal> {
        let mut reader = Reader::new(value, true, limits);
        let misfit = |_| Refusal::new(Mistake::Misfit, "params: want an array");
        ["value", "array", "data"].into_iter().try_for_each(|name| expect(&mut reader, name)).map_err(misfit)?;
        Ok(Self { reader, place: Place::Array })
    }

    /// No parameters at all.
    pub fn none(limits: &Limits) -> Self {
        Self { reader: Reader::new("", true, limits), place: Place::After }
    }

    /// Reads the input of an operation.
    ///
    /// # Errors
    /// Misfit where the parameters do not fit the signature, otherwise a refusal that names the field.
    pub fn read<I: DeserializeOwned>(&mut self, operation: &'static Description) -> Result<I, Refusal> {
        I::deserialize(Input { parameters: self, operation })
    }

    /// Reads exactly these parameters by position, as a tuple.
    ///
    /// # Errors
    /// Misfit for other numbers or types of parameters.
    pub fn read_tuple<T: de::Deserialize<'a>>(&mut self) -> Result<T, Refusal> {
        let misfit = |refusal: Refusal| match refusal.mistake {
            Mistake::Malformed | Mistake::Foreign => refusal,
            _ => Refusal::new(Mistake::Misfit, refusal),
        };
        let tuple = T::deserialize(de::value::SeqAccessDeserializer::new(Positions(self))).map_err(misfit)?;
        match self.next()? {
            None => Ok(tuple),
            Some(_) => Err(Refusal::new(Mistake::Misfit, "too many parameters")),
        }
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

/// How an operation is called, for messages: `search.find(string query, struct options)`.
pub fn usage(operation: &Description) -> String {
    let mut parameters: Vec<String> = operation
        .required()
        .map(|field| format!("{} {}", super::introspection::type_name(field), field.name))
        .collect();
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

/// Parameters as the items of a tuple.
struct Positions<'p, 'a>(&'p mut Parameters<'a>);

impl<'a> de::SeqAccess<'a> for Positions<'_, 'a> {
    type Error = Refusal;

    fn next_element_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<Option<T::Value>, Refusal> {
        let Some(opened) = self.0.next()? else { return Ok(None) };
        let read = seed.deserialize(opened.content(&mut self.0.reader, false))?;
        self.0.end()?;
        Ok(Some(read))
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
