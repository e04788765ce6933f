//! Records as the body of a SOAP message, document/literal, written straight into the bytes of the document.
//!
//! A field is an element of its name, a list repeats it, an absent field is left out. The element that wraps the fields
//! declares the contract's namespace as the default one, which every stack that was tried reads.

use std::fmt::{self, Display, Write};

use serde::{
    Serialize, Serializer,
    ser::{self, Error},
};

use super::names::{CONTRACT, XOP};
use crate::{
    binding::{
        refusal::Refusal,
        xml::{Draft, Escape},
    },
    model::{BESIDE_TOKEN, ID_TOKEN, TIME_TOKEN},
};

/// Appends the answer of an operation: `<SearchFindResponse><result>…</result></SearchFindResponse>`.
///
/// # Errors
/// A value that the contract has no type for, such as a map.
pub fn answer(out: &mut Draft, operation: &str, output: &impl Serialize) -> Result<(), Refusal> {
    let name = [operation, "Response"].concat();
    open_root(out, &name);
    element(out, "result", output)?;
    out.push_tag("</", &name, ">");
    Ok(())
}

/// Appends a request: `<SearchFind>…</SearchFind>` with the fields of the input.
///
/// # Errors
/// As for [`answer`].
pub fn request(out: &mut Draft, operation: &str, input: &impl Serialize) -> Result<(), Refusal> {
    let start = out.len();
    open_root(out, operation);
    input.serialize(Field { out, name: operation, start, is_ascii: false })?;
    out.push_tag("</", operation, ">");
    Ok(())
}

/// Opens the element that declares the contract's namespace for all within.
fn open_root(out: &mut Draft, name: &str) {
    out.push_tag("<", name, " xmlns=\"");
    out.push_tag("", CONTRACT, "\">");
}

// Inlined, so that the name of a record's field is a constant where its tags are written.
/// Appends an element of that name, several of them or none, as the value has it.
#[inline(always)]
fn element<T: Serialize + ?Sized>(out: &mut Draft, name: &str, value: &T) -> Result<(), Refusal> {
    let start = out.len();
    out.push_tag("<", name, ">");
    if let Written::Content = value.serialize(Field { out: &mut *out, name, start, is_ascii: false })? {
        out.push_tag("</", name, ">");
    }
    Ok(())
}

/// What became of a field whose start tag was written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    /// The content, and the end tag comes next.
    Content,
    /// Elements of their own, or none: the start tag was taken back.
    Elements,
}

/// One field whose start tag was written, and which is one element, several of them or none.
struct Field<'a> {
    out: &'a mut Draft,
    name: &'a str,
    /// Where its start tag begins.
    start: usize,
    /// Whether bytes that come are [`Ascii`](crate::model::Ascii) and no bytes of the contract.
    is_ascii: bool,
}

impl<'a> Field<'a> {
    fn take_back(self) -> Items<'a> {
        self.out.truncate(self.start);
        Items { out: self.out, name: self.name }
    }
}

/// A text behind a serde value; serde itself makes a serializer of every formatter.
struct Shown<'a, T: ?Sized>(&'a T);

impl<T: Serialize + ?Sized> Display for Shown<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.serialize(f)
    }
}

macro_rules! integers {
    ($($method:ident $type:ty,)*) => {$(
        #[inline(always)]
        fn $method(self, number: $type) -> Result<Written, Refusal> {
            self.out.push_integer(number);
            Ok(Written::Content)
        }
    )*};
}

impl<'a> Serializer for Field<'a> {
    type Ok = Written;
    type Error = Refusal;
    type SerializeSeq = Items<'a>;
    type SerializeTuple = Items<'a>;
    type SerializeTupleStruct = Items<'a>;
    type SerializeTupleVariant = ser::Impossible<Written, Refusal>;
    type SerializeMap = ser::Impossible<Written, Refusal>;
    type SerializeStruct = Fields<'a>;
    type SerializeStructVariant = ser::Impossible<Written, Refusal>;

    /// Bytes come as bytes, so that they are encoded into the document without a text in between.
    fn is_human_readable(&self) -> bool {
        false
    }

    integers! {
        serialize_i8 i8,
        serialize_i16 i16,
        serialize_i32 i32,
        serialize_i64 i64,
        serialize_u8 u8,
        serialize_u16 u16,
        serialize_u32 u32,
        serialize_u64 u64,
    }

    fn serialize_bool(self, flag: bool) -> Result<Written, Refusal> {
        self.out.push_str(if flag { "true" } else { "false" });
        Ok(Written::Content)
    }

    fn serialize_f32(self, number: f32) -> Result<Written, Refusal> {
        self.serialize_f64(number.into())
    }

    #[inline(always)]
    fn serialize_f64(self, number: f64) -> Result<Written, Refusal> {
        match number {
            number if number.is_finite() => self.out.push_double(number),
            f64::INFINITY => self.out.push_str("INF"),
            f64::NEG_INFINITY => self.out.push_str("-INF"),
            _ => self.out.push_str("NaN"),
        }
        Ok(Written::Content)
    }

    fn serialize_char(self, character: char) -> Result<Written, Refusal> {
        self.serialize_str(character.encode_utf8(&mut [0; 4]))
    }

    #[inline(always)]
    fn serialize_str(self, text: &str) -> Result<Written, Refusal> {
        self.out.push_escaped(text, false);
        Ok(Written::Content)
    }

    fn collect_str<T: Display + ?Sized>(self, text: &T) -> Result<Written, Refusal> {
        write!(Escape { out: self.out, bmp: false }, "{text}").map_err(Refusal::custom)?;
        Ok(Written::Content)
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<Written, Refusal> {
        if self.is_ascii {
            self.out.push_ascii(bytes);
        } else {
            self.out.push_base64(bytes);
        }
        Ok(Written::Content)
    }

    fn serialize_none(self) -> Result<Written, Refusal> {
        self.take_back();
        Ok(Written::Elements)
    }

    #[inline(always)]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Written, Refusal> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Written, Refusal> {
        self.serialize_none()
    }

    /// A record without fields.
    fn serialize_unit_struct(self, _: &'static str) -> Result<Written, Refusal> {
        Ok(Written::Content)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, word: &'static str) -> Result<Written, Refusal> {
        self.serialize_str(word)
    }

    #[inline(always)]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        token: &'static str,
        value: &T,
    ) -> Result<Written, Refusal> {
        if token != BESIDE_TOKEN {
            return value.serialize(Self { is_ascii: token == ID_TOKEN || token == TIME_TOKEN, ..self });
        }
        // XOP section 2.1: a reference in the place of bytes that lie in the part of that name.
        let name = Shown(value);
        write!(self.out, "<xop:Include xmlns:xop=\"{XOP}\" href=\"cid:{name}\"/>").map_err(Refusal::custom)?;
        Ok(Written::Content)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Written, Refusal> {
        Err(Refusal::custom("the contract has no variants with values"))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'a>, Refusal> {
        Ok(self.take_back())
    }

    fn serialize_tuple(self, _: usize) -> Result<Items<'a>, Refusal> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Items<'a>, Refusal> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Refusal> {
        Err(Refusal::custom("the contract has no variants with values"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Refusal> {
        Err(Refusal::custom("the contract has no maps, since XML Schema has none"))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields<'a>, Refusal> {
        Ok(Fields { out: self.out })
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Refusal> {
        Err(Refusal::custom("the contract has no variants with fields"))
    }
}

/// The items of a list, each an element of the list's name.
struct Items<'a> {
    out: &'a mut Draft,
    name: &'a str,
}

macro_rules! items {
    ($($trait:ident :: $method:ident),*) => {$(
        impl ser::$trait for Items<'_> {
            type Ok = Written;
            type Error = Refusal;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refusal> {
                element(self.out, self.name, value)
            }

            fn end(self) -> Result<Written, Refusal> {
                Ok(Written::Elements)
            }
        }
    )*};
}

items!(SerializeSeq::serialize_element, SerializeTuple::serialize_element, SerializeTupleStruct::serialize_field);

/// The fields of a record.
struct Fields<'a> {
    out: &'a mut Draft,
}

impl ser::SerializeStruct for Fields<'_> {
    type Ok = Written;
    type Error = Refusal;

    #[inline(always)]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Refusal> {
        element(self.out, name, value).map_err(|e| e.within(name))
    }

    fn end(self) -> Result<Written, Refusal> {
        Ok(Written::Content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Data, Time};

    #[derive(Serialize)]
    struct Record {
        text: &'static str,
        time: Option<Time>,
        data: Data,
        tags: Vec<&'static str>,
        number: f64,
        inner: Vec<Inner>,
    }

    #[derive(Serialize)]
    struct Inner {
        flag: bool,
    }

    #[test]
    fn fields_are_elements_lists_repeat_them_and_absent_ones_are_left_out() {
        let mut record = Record {
            text: "a<&\u{1}",
            time: Some("2026-11-22T06:49:55.120Z".parse().unwrap()),
            data: Data(b"hello"[..].into()),
            tags: vec!["x", ""],
            number: f64::INFINITY,
            inner: vec![Inner { flag: true }],
        };
        let mut out = Draft::default();
        answer(&mut out, "Test", &record).unwrap();
        assert_eq!(
            out.into_text(),
            "<TestResponse xmlns=\"urn:peergate:v1\"><result><text>a&lt;&amp;\u{FFFD}</text>\
             <time>2026-11-22T06:49:55.12Z</time><data>aGVsbG8=</data><tags>x</tags><tags></tags><number>INF</number>\
             <inner><flag>true</flag></inner></result></TestResponse>"
        );
        (record.time, record.tags, record.inner) = (None, Vec::new(), Vec::new());
        let mut out = Draft::default();
        request(&mut out, "Test", &record).unwrap();
        assert_eq!(
            out.into_text(),
            "<Test xmlns=\"urn:peergate:v1\"><text>a&lt;&amp;\u{FFFD}</text><data>aGVsbG8=</data>\
             <number>INF</number></Test>"
        );
    }

    #[test]
    fn an_input_without_fields_is_an_empty_element() {
        #[derive(Serialize)]
        struct Nothing {}
        let mut out = Draft::default();
        request(&mut out, "NodeInfo", &Nothing {}).unwrap();
        assert_eq!(out.into_text(), "<NodeInfo xmlns=\"urn:peergate:v1\"></NodeInfo>");
    }
}
