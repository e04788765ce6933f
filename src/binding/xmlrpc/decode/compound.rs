//! Structs and arrays, whose parts are pulled one by one.

use std::borrow::Cow;

use serde::de::{self, DeserializeSeed, Error, IntoDeserializer};

use super::Opened;
use crate::binding::{
    refusal::Refusal,
    xml::{Reader, Token, unexpected},
};

/// What a record is called and which members it knows.
pub type Known = (&'static str, &'static [&'static str]);

/// The members of a struct, in the caller's order. The reader is handed in, so that whoever holds it can go on with it.
pub struct Members<'a> {
    record: Option<Known>,
    strict: bool,
    member: Option<(Cow<'a, str>, Opened<'a>)>,
}

impl<'a> Members<'a> {
    /// The members of a struct that may hold nothing else than what the record knows, where that is said.
    pub fn of(record: Option<Known>) -> Self {
        Self::new(record, true)
    }

    pub(super) fn new(record: Option<Known>, strict: bool) -> Self {
        Self { record, strict, member: None }
    }

    /// The name of the next member that is not nil, whose value then waits; none at the end of the struct.
    pub fn next_name(&mut self, reader: &mut Reader<'a>) -> Result<Option<&Cow<'a, str>>, Refusal> {
        loop {
            match reader.next_tag()? {
                Token::Close => return reader.close().map(|()| None),
                Token::Open(tag) if tag.name() == "member" => {}
                token => return Err(unexpected("<member>", &token)),
            }
            let name = match reader.next_tag()? {
                Token::Open(tag) if tag.name() == "name" => reader.text()?,
                token => return Err(unexpected("<name>", &token)),
            };
            if let Some((record, known)) = self.record
                && !known.contains(&&*name)
            {
                return Err(Refusal::unknown("member", &name, record, known));
            }
            let Token::Open(tag) = reader.next_tag()? else {
                return Err(Refusal::foreign("a member without a <value>").within(&name));
            };
            let opened = Opened::read(reader, &tag).map_err(|e| e.within(&name))?;
            if !opened.is_nil() {
                return Ok(Some(&self.member.insert((name, opened)).0));
            }
            reader.close()?;
        }
    }

    /// The value of the member whose name was read last.
    pub fn read_value<T>(&mut self, reader: &mut Reader<'a>, seed: T) -> Result<T::Value, Refusal>
    where
        T: DeserializeSeed<'a>,
    {
        let (name, opened) = self.member.take().ok_or_else(|| Refusal::custom("a value was read twice"))?;
        let read = seed.deserialize(opened.content(reader, self.strict)).map_err(|e| e.within(&name))?;
        reader.close()?;
        Ok(read)
    }
}

/// Hands a name to serde, borrowed from the document where it can be.
pub fn read_name<'a, K: DeserializeSeed<'a>>(name: &Cow<'a, str>, seed: K) -> Result<K::Value, Refusal> {
    match name {
        Cow::Borrowed(name) => seed.deserialize(de::value::BorrowedStrDeserializer::new(name)),
        Cow::Owned(name) => seed.deserialize(name.as_str().into_deserializer()),
    }
}

/// The members of a struct as serde asks for them.
pub(super) struct MemberAccess<'r, 'a> {
    reader: &'r mut Reader<'a>,
    members: Members<'a>,
}

impl<'r, 'a> MemberAccess<'r, 'a> {
    pub fn new(reader: &'r mut Reader<'a>, members: Members<'a>) -> Self {
        Self { reader, members }
    }
}

impl<'a> de::MapAccess<'a> for MemberAccess<'_, 'a> {
    type Error = Refusal;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, Refusal> {
        self.members.next_name(self.reader)?.map(|name| read_name(name, seed)).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, Refusal> {
        self.members.read_value(self.reader, seed)
    }
}

/// The items of an array.
pub(super) struct Items<'r, 'a> {
    reader: &'r mut Reader<'a>,
    strict: bool,
    index: usize,
    done: bool,
}

impl<'r, 'a> Items<'r, 'a> {
    /// The items that come next, or none where the array is `done`.
    pub fn new(reader: &'r mut Reader<'a>, strict: bool, done: bool) -> Self {
        Self { reader, strict, index: 0, done }
    }
}

impl<'a> de::SeqAccess<'a> for Items<'_, 'a> {
    type Error = Refusal;

    fn next_element_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<Option<T::Value>, Refusal> {
        if self.done {
            return Ok(None);
        }
        match self.reader.next_tag()? {
            Token::Open(tag) => {
                let index = self.index;
                self.index += 1;
                let opened = Opened::read(self.reader, &tag).map_err(|e| e.at(index))?;
                seed.deserialize(opened.content(self.reader, self.strict)).map(Some).map_err(|e| e.at(index))
            }
            _ => {
                // The data ended; the array and its value end behind it.
                self.done = true;
                self.reader.close()?;
                self.reader.close()?;
                Ok(None)
            }
        }
    }
}
