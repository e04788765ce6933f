//! A `methodCall` and how its parameters become the fields of an operation's input.
//!
//! The required fields come by position, in the contract's order, then one struct with the others; or one struct comes
//! with all of them. Which of the two it is shows at the first parameter, so neither is collected first.

mod inner;
mod input;

use std::marker::PhantomData;

use serde::de::{self, DeserializeOwned, DeserializeSeed};

pub use self::inner::InnerCall;
use self::input::Input;
use super::decode::{Opened, Raw};
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
        self.only(PhantomData, false)
    }

    /// Reads the only parameter, a text; a number in its place is refused.
    ///
    /// # Errors
    /// The same.
    pub fn read_text(&mut self) -> Result<String, Refusal> {
        self.only(PhantomData, true)
    }

    /// As [`Parameters::read_one`], into what the seed makes of it.
    ///
    /// # Errors
    /// The same.
    pub fn read_one_as<S: DeserializeSeed<'a>>(&mut self, seed: S) -> Result<S::Value, Refusal> {
        self.only(seed, false)
    }

    fn only<S: DeserializeSeed<'a>>(&mut self, seed: S, strict: bool) -> Result<S::Value, Refusal> {
        let read = self.read_position_as(seed, strict)?;
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
        self.read_position_as(PhantomData, true)
    }

    /// With `strict` a number is no text, and a record has no members that it does not know.
    fn read_position_as<S: DeserializeSeed<'a>>(&mut self, seed: S, strict: bool) -> Result<S::Value, Refusal> {
        let misfit = |refusal: Refusal| match refusal.mistake {
            Mistake::IllTyped | Mistake::Invalid => Refusal::new(Mistake::Misfit, refusal),
            _ => refusal,
        };
        let opened = self.next()?.ok_or_else(|| Refusal::new(Mistake::Misfit, "too few parameters"))?;
        let read = seed.deserialize(opened.content(&mut self.reader, strict)).map_err(misfit)?;
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
