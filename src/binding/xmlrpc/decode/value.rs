//! A value of the document, read into whatever serde asks for.

use std::borrow::Cow;

use serde::de::{Deserializer, IntoDeserializer, Visitor};

use super::{
    Node, Opened,
    any::ANY_TOKEN,
    compound::{Items, Known, MemberAccess, Members},
    raw::RAW_TOKEN,
    scalar::{Kind, base64, whole},
};
use crate::binding::{
    refusal::{Refusal, shown},
    xml::Reader,
};

/// A value of the document, to be read into whatever serde asks for.
pub struct Value<'r, 'a> {
    reader: &'r mut Reader<'a>,
    node: Node<'a>,
    start: usize,
    /// Whether members that the record does not know are refused.
    strict: bool,
}

impl<'r, 'a> Value<'r, 'a> {
    pub(super) fn new(opened: Opened<'a>, reader: &'r mut Reader<'a>, strict: bool) -> Self {
        Self { reader, node: opened.node, start: opened.start, strict }
    }

    /// Reads past it.
    fn skip(self) -> Result<(), Refusal> {
        if matches!(self.node, Node::Array) {
            self.reader.skip()?;
        }
        if matches!(self.node, Node::Struct | Node::Array) {
            self.reader.skip()?;
            self.reader.close()?;
        }
        Ok(())
    }

    fn found(&self) -> String {
        match &self.node {
            Node::Scalar(Kind::String, text) => format!("the string {}", shown(text)),
            Node::Scalar(kind, text) => format!("{} {}", kind.name(), shown(text)),
            Node::Struct => "a struct".to_owned(),
            Node::Array | Node::EmptyArray => "an array".to_owned(),
            Node::Nil => "nil".to_owned(),
        }
    }

    fn ill_typed(&self, want: &str) -> Refusal {
        Refusal::ill_typed(want, self.found())
    }

    fn whole(&self) -> Result<i64, Refusal> {
        let number = match &self.node {
            Node::Scalar(kind @ (Kind::Whole | Kind::Double | Kind::String), text) => whole(*kind, text.trim()),
            _ => None,
        };
        number.ok_or_else(|| self.ill_typed("a whole number"))
    }

    fn double(&self) -> Result<f64, Refusal> {
        let number = match &self.node {
            Node::Scalar(Kind::Whole | Kind::Double | Kind::String, text) => text.trim().parse().ok(),
            _ => None,
        };
        number.filter(|number: &f64| number.is_finite()).ok_or_else(|| self.ill_typed("a number"))
    }

    fn boolean(&self) -> Result<bool, Refusal> {
        match &self.node {
            Node::Scalar(Kind::Boolean | Kind::Whole | Kind::String, text) => match text.trim() {
                "1" | "true" => Ok(true),
                "0" | "false" => Ok(false),
                _ => Err(self.ill_typed("a boolean, 1 or 0")),
            },
            _ => Err(self.ill_typed("a boolean")),
        }
    }

    /// The text of a string, a moment, or base64 that holds text. A number in its place shows a caller that his fields
    /// are in the wrong places; in an answer it is how a language without types writes a text of digits.
    fn text(self, want: &str) -> Result<Cow<'a, str>, Refusal> {
        match self.node {
            Node::Scalar(Kind::String | Kind::Time, text) => Ok(text),
            Node::Scalar(Kind::Whole | Kind::Double, text) if !self.strict => Ok(text),
            Node::Scalar(Kind::Base64, text) => {
                let not_text = || Refusal::ill_typed(want, "base64 that holds no UTF-8 text");
                Ok(Cow::Owned(String::from_utf8(base64(&text)?).map_err(|_| not_text())?))
            }
            _ => Err(self.ill_typed(want)),
        }
    }

    /// The bytes of base64; a string, as scripting languages send their byte strings, is the bytes of its UTF-8 form.
    fn bytes(self) -> Result<Vec<u8>, Refusal> {
        match self.node {
            Node::Scalar(Kind::Base64, text) => base64(&text),
            Node::Scalar(Kind::String, text) => Ok(text.into_owned().into_bytes()),
            _ => Err(self.ill_typed("base64")),
        }
    }

    fn members(self, record: Option<Known>) -> Result<MemberAccess<'r, 'a>, Refusal> {
        if !matches!(self.node, Node::Struct) {
            return Err(self.ill_typed("a struct"));
        }
        Ok(MemberAccess::new(self.reader, Members::new(record.filter(|_| self.strict), self.strict)))
    }

    fn items(self) -> Result<Items<'r, 'a>, Refusal> {
        let done = match self.node {
            Node::Array => false,
            Node::EmptyArray => true,
            _ => return Err(self.ill_typed("an array")),
        };
        Ok(Items::new(self.reader, self.strict, done))
    }
}

macro_rules! whole_numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Refusal> {
            visitor.visit_i64(self.whole()?)
        }
    )*};
}

fn visit_text<'a, V: Visitor<'a>>(text: Cow<'a, str>, visitor: V) -> Result<V::Value, Refusal> {
    match text {
        Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
        Cow::Owned(text) => visitor.visit_string(text),
    }
}

impl<'a> Deserializer<'a> for Value<'_, 'a> {
    type Error = Refusal;

    fn is_human_readable(&self) -> bool {
        false
    }

    whole_numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match &self.node {
            Node::Scalar(Kind::Whole, _) => visitor.visit_i64(self.whole()?),
            Node::Scalar(Kind::Double, _) => visitor.visit_f64(self.double()?),
            Node::Scalar(Kind::Boolean, _) => visitor.visit_bool(self.boolean()?),
            Node::Scalar(Kind::Base64, _) => visitor.visit_byte_buf(self.bytes()?),
            Node::Scalar(Kind::String | Kind::Time, _) => self.deserialize_str(visitor),
            Node::Struct => self.deserialize_map(visitor),
            Node::Array | Node::EmptyArray => self.deserialize_seq(visitor),
            Node::Nil => visitor.visit_none(),
        }
    }

    fn deserialize_bool<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_bool(self.boolean()?)
    }

    fn deserialize_f32<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_f64(self.double()?)
    }

    fn deserialize_f64<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_f64(self.double()?)
    }

    fn deserialize_char<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visit_text(self.text("a string")?, visitor)
    }

    fn deserialize_string<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_byte_buf(self.bytes()?)
    }

    fn deserialize_byte_buf<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Refusal> {
        if matches!(self.node, Node::Nil) { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.skip()?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'a>>(self, _: &'static str, visitor: V) -> Result<V::Value, Refusal> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(self, name: &'static str, visitor: V) -> Result<V::Value, Refusal> {
        match (name, &self.node) {
            (RAW_TOKEN, _) => {}
            (ANY_TOKEN, node) if !matches!(node, Node::Scalar(Kind::Time, _)) => return self.deserialize_any(visitor),
            _ => return visitor.visit_newtype_struct(self),
        }
        let Self { reader, node, start, strict } = self;
        Value { reader: &mut *reader, node, start, strict }.skip()?;
        visitor.visit_borrowed_str(reader.slice_from(start))
    }

    fn deserialize_seq<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_seq(self.items()?)
    }

    fn deserialize_tuple<V: Visitor<'a>>(self, _: usize, visitor: V) -> Result<V::Value, Refusal> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_map(self.members(None)?)
    }

    fn deserialize_struct<V: Visitor<'a>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        visitor.visit_map(self.members(Some((name, fields)))?)
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        let word = self.text("a word")?;
        visitor.visit_enum(word.trim().into_deserializer())
    }

    fn deserialize_identifier<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.deserialize_unit(visitor)
    }
}
