//! Parameters as the input record of an operation.

use serde::de::{self, DeserializeSeed, Deserializer, Error, IntoDeserializer, Visitor};

use super::{Parameters, usage};
use crate::{
    binding::{
        refusal::{Mistake, Refusal},
        xmlrpc::decode::{Known, Members, Opened, read_name},
    },
    operation::describe::Description,
};

/// Parameters as a record.
pub(super) struct Input<'p, 'a> {
    pub parameters: &'p mut Parameters<'a>,
    pub operation: &'static Description,
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
