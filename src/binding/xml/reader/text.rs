//! A text, put together from the parts that a document writes it in.

use std::borrow::Cow;

use quick_xml::events::BytesRef;

use crate::binding::refusal::{Refusal, shown};

/// A text as it comes in parts.
#[derive(Default)]
pub(super) struct Text<'a> {
    text: Option<Cow<'a, str>>,
    /// The first half of a surrogate pair that was written as two references.
    high: Option<u32>,
}

impl<'a> Text<'a> {
    pub fn push(&mut self, part: Cow<'a, str>, at: usize) -> Result<(), Refusal> {
        if !part.is_empty() {
            self.no_half(at)?;
            match &mut self.text {
                None => self.text = Some(part),
                Some(text) => text.to_mut().push_str(&part),
            }
        }
        Ok(())
    }

    pub fn push_reference(&mut self, reference: &BytesRef<'_>, at: usize) -> Result<(), Refusal> {
        let name: &str = reference;
        let character = match name.strip_prefix('#') {
            Some(number) => match self.character(number, at)? {
                Some(character) => character,
                None => return Ok(()),
            },
            None => {
                self.no_half(at)?;
                let known = [("lt", '<'), ("gt", '>'), ("amp", '&'), ("quot", '"'), ("apos", '\'')];
                let found = known.into_iter().find(|(known, _)| *known == name).map(|(_, character)| character);
                let unknown = || format!("the entity {} is not declared", shown(name));
                found.ok_or_else(|| Refusal::malformed(at, unknown()))?
            }
        };
        self.text.get_or_insert_default().to_mut().push(character);
        Ok(())
    }

    /// The character of a reference; none yet after the first half of a surrogate pair.
    fn character(&mut self, number: &str, at: usize) -> Result<Option<char>, Refusal> {
        let code = match number.strip_prefix('x') {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        let refused = || Refusal::malformed(at, format_args!("the reference &#{number}; is no character"));
        let code = code.map_err(|_| refused())?;
        match (self.high.take(), code) {
            (None, 0xD800..=0xDBFF) => {
                self.high = Some(code);
                Ok(None)
            }
            (Some(high), 0xDC00..=0xDFFF) => Ok(char::from_u32(0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00))),
            (None, 9 | 10 | 13 | 0x20..=0xFFFD | 0x10000..) => char::from_u32(code).map(Some).ok_or_else(refused),
            _ => Err(refused()),
        }
    }

    fn no_half(&self, at: usize) -> Result<(), Refusal> {
        match self.high {
            None => Ok(()),
            Some(_) => Err(Refusal::malformed(at, "half of a surrogate pair")),
        }
    }

    pub fn take(&mut self, at: usize) -> Result<Option<Cow<'a, str>>, Refusal> {
        self.no_half(at)?;
        Ok(self.text.take())
    }
}

/// Whether it is white space as XML has it.
pub fn is_space(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
}
