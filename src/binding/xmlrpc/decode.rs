//! XML-RPC as records, pulled from the document while it is read.
//!
//! Clients write the same value in many forms (contract, section 3), and all of them are read: any integer type, a
//! number as a string, a moment with or without dashes, base64 for a string and a string for base64, nil for absent.
//! A number where text is wanted is refused, since it shows that the caller's fields are in the wrong places.

use std::borrow::Cow;

use serde::de::{self, DeserializeSeed, Deserializer, Error, IntoDeserializer, Visitor};

use crate::binding::{
    refusal::{Mistake, Refusal, shown},
    xml::{Reader, Tag, Token, is_space, unexpected},
};

/// The newtype name under which a [`Raw`] passes through serde.
const RAW_TOKEN: &str = "$peergate::xmlrpc::raw";

/// The `value` element that a value occupies in the document, for those who read it later.
pub struct Raw<'a>(pub &'a str);

impl<'de> de::Deserialize<'de> for Raw<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RawVisitor;
        impl<'de> Visitor<'de> for RawVisitor {
            type Value = Raw<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an XML-RPC value")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Raw<'de>, E> {
                Ok(Raw(text))
            }
        }
        deserializer.deserialize_newtype_struct(RAW_TOKEN, RawVisitor)
    }
}

/// The type that a scalar was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Whole,
    Double,
    Boolean,
    String,
    Base64,
    Time,
}

impl Kind {
    fn of(name: &str) -> Option<Self> {
        match name {
            "string" => Some(Self::String),
            "int" | "i4" | "i8" | "i1" | "i2" => Some(Self::Whole),
            "boolean" => Some(Self::Boolean),
            "double" | "float" => Some(Self::Double),
            "dateTime.iso8601" | "dateTime" => Some(Self::Time),
            "base64" => Some(Self::Base64),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Whole => "an int",
            Self::Double => "a double",
            Self::Boolean => "a boolean",
            Self::String => "the string",
            Self::Base64 => "base64",
            Self::Time => "a dateTime.iso8601",
        }
    }
}

/// A value whose beginning was read. A scalar is complete; the content of a struct or an array comes next.
enum Node<'a> {
    Scalar(Kind, Cow<'a, str>),
    Struct,
    Array,
    EmptyArray,
    Nil,
}

/// A value whose beginning was read, and where it begins.
pub struct Opened<'a> {
    node: Node<'a>,
    start: usize,
}

impl<'a> Opened<'a> {
    /// The value whose `value` tag was just read.
    ///
    /// # Errors
    /// Malformed, and Foreign for types that XML-RPC does not have.
    pub fn read(reader: &mut Reader<'a>, tag: &Tag<'a>) -> Result<Self, Refusal> {
        if tag.name() != "value" {
            return Err(Refusal::foreign(format_args!("want <value>, got <{}>", tag.name())));
        }
        let node = match reader.next()? {
            Token::Close => Node::Scalar(Kind::String, Cow::Borrowed("")),
            Token::Open(tag) => typed(reader, &tag)?,
            Token::Text(text) => match reader.next()? {
                Token::Close => Node::Scalar(Kind::String, text),
                Token::Open(tag) if is_space(&text) => typed(reader, &tag)?,
                token => return Err(unexpected("</value>", &token)),
            },
            Token::End => return Err(unexpected("</value>", &Token::End)),
        };
        Ok(Self { node, start: tag.start })
    }

    /// Whether it is nil, which means absent.
    pub fn is_nil(&self) -> bool {
        matches!(self.node, Node::Nil)
    }

    /// Whether it is a struct.
    pub fn is_struct(&self) -> bool {
        matches!(self.node, Node::Struct)
    }

    /// Its content, to be read next. Without `strict`, members that a record does not know are skipped.
    pub fn content<'r>(self, reader: &'r mut Reader<'a>, strict: bool) -> Value<'r, 'a> {
        Value { reader, node: self.node, start: self.start, strict }
    }
}

/// A value of the document, to be read into whatever serde asks for.
pub struct Value<'r, 'a> {
    reader: &'r mut Reader<'a>,
    node: Node<'a>,
    start: usize,
    /// Whether members that the record does not know are refused.
    strict: bool,
}

impl<'r, 'a> Value<'r, 'a> {
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
            Node::Scalar(Kind::Whole | Kind::Double | Kind::String, text) => whole(text.trim()),
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

    /// The text of a string, a moment, or base64 that holds text.
    fn text(self, want: &str) -> Result<Cow<'a, str>, Refusal> {
        match self.node {
            Node::Scalar(Kind::String | Kind::Time, text) => Ok(text),
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
        let members = Members { record: record.filter(|_| self.strict), strict: self.strict, member: None };
        Ok(MemberAccess { reader: self.reader, members })
    }

    fn items(self) -> Result<Items<'r, 'a>, Refusal> {
        let done = match self.node {
            Node::Array => false,
            Node::EmptyArray => true,
            _ => return Err(self.ill_typed("an array")),
        };
        Ok(Items { reader: self.reader, strict: self.strict, index: 0, done })
    }
}

/// The content of a value from its type's tag on.
fn typed<'a>(reader: &mut Reader<'a>, tag: &Tag<'a>) -> Result<Node<'a>, Refusal> {
    // Apache's `ex:` types are known by their local names, whatever prefix their namespace was given.
    let node = match tag.local() {
        "struct" => return Ok(Node::Struct),
        "array" => match reader.next_tag()? {
            Token::Open(data) if data.name() == "data" => return Ok(Node::Array),
            Token::Close => Node::EmptyArray,
            token => return Err(unexpected("<data>", &token)),
        },
        "nil" => {
            reader.close()?;
            Node::Nil
        }
        name => match Kind::of(name) {
            Some(kind) => Node::Scalar(kind, reader.text()?),
            None => return Err(Refusal::foreign(format_args!("<{}> is no type of XML-RPC", tag.name()))),
        },
    };
    reader.close()?;
    Ok(node)
}

/// A whole number, with or without a sign; a fraction of zeros, as in a double that stands for a long, is none.
fn whole(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    if let Some((number, fraction)) = text.split_once('.')
        && fraction.bytes().all(|byte| byte == b'0')
    {
        return number.parse().ok();
    }
    let number: f64 = text.parse().ok()?;
    // Beyond 2^53 a double names no single whole number.
    (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0).then_some(number as i64)
}

fn base64(text: &str) -> Result<Vec<u8>, Refusal> {
    let decoded = base64_simd::forgiving_decode_to_vec(text.as_bytes());
    decoded.map_err(|_| Refusal::new(Mistake::IllTyped, "the text is not base64"))
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
        if name != RAW_TOKEN {
            return visitor.visit_newtype_struct(self);
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
        Self { record, strict: true, member: None }
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
struct MemberAccess<'r, 'a> {
    reader: &'r mut Reader<'a>,
    members: Members<'a>,
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
struct Items<'r, 'a> {
    reader: &'r mut Reader<'a>,
    strict: bool,
    index: usize,
    done: bool,
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
