//! Records as the body of a SOAP message, document/literal, written straight into the text of the document.
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
        xml::{Escape, push_all, push_double, push_escaped, push_integer},
    },
    model::BESIDE_TOKEN,
};

/// Appends the answer of an operation: `<SearchFindResponse><result>…</result></SearchFindResponse>`.
///
/// # Errors
/// A value that the contract has no type for, such as a map.
pub fn answer(out: &mut String, operation: &str, output: &impl Serialize) -> Result<(), Refusal> {
    let name = [operation, "Response"].concat();
    let response = Field { out, name: &name, is_root: true }.record();
    output.serialize(Field { out: response.out, name: "result", is_root: false })?;
    ser::SerializeStruct::end(response)
}

/// Appends a request: `<SearchFind>…</SearchFind>` with the fields of the input.
///
/// # Errors
/// As for [`answer`].
pub fn request(out: &mut String, operation: &str, input: &impl Serialize) -> Result<(), Refusal> {
    input.serialize(Field { out, name: operation, is_root: true })
}

/// One field, which becomes an element, several of them or none.
struct Field<'a> {
    out: &'a mut String,
    name: &'a str,
    /// Whether the element declares the contract's namespace for all within.
    is_root: bool,
}

impl<'a> Field<'a> {
    #[inline]
    fn open(&mut self) {
        if self.is_root {
            push_all(self.out, ["<", self.name, " xmlns=\"", CONTRACT, "\">"]);
        } else {
            push_all(self.out, ["<", self.name, ">"]);
        }
    }

    #[inline]
    fn close(self) {
        push_all(self.out, ["</", self.name, ">"]);
    }

    /// An element with that content.
    #[inline]
    fn element(mut self, content: impl FnOnce(&mut String)) -> Result<(), Refusal> {
        self.open();
        content(self.out);
        self.close();
        Ok(())
    }

    /// XOP section 2.1: a reference in the place of bytes that lie in the part of that name.
    fn include<T: Serialize + ?Sized>(mut self, name: &T) -> Result<(), Refusal> {
        self.open();
        let name = Shown(name);
        write!(self.out, "<xop:Include xmlns:xop=\"{XOP}\" href=\"cid:{name}\"/>").map_err(Refusal::custom)?;
        self.close();
        Ok(())
    }

    fn record(mut self) -> Fields<'a> {
        self.open();
        Fields { out: self.out, name: self.name }
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
        #[inline]
        fn $method(self, number: $type) -> Result<(), Refusal> {
            self.element(|out| push_integer(out, number))
        }
    )*};
}

impl<'a> Serializer for Field<'a> {
    type Ok = ();
    type Error = Refusal;
    type SerializeSeq = Items<'a>;
    type SerializeTuple = Items<'a>;
    type SerializeTupleStruct = Items<'a>;
    type SerializeTupleVariant = ser::Impossible<(), Refusal>;
    type SerializeMap = ser::Impossible<(), Refusal>;
    type SerializeStruct = Fields<'a>;
    type SerializeStructVariant = ser::Impossible<(), Refusal>;

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

    fn serialize_bool(self, flag: bool) -> Result<(), Refusal> {
        self.element(|out| out.push_str(if flag { "true" } else { "false" }))
    }

    fn serialize_f32(self, number: f32) -> Result<(), Refusal> {
        self.serialize_f64(number.into())
    }

    #[inline]
    fn serialize_f64(self, number: f64) -> Result<(), Refusal> {
        self.element(|out| match number {
            f64::INFINITY => out.push_str("INF"),
            f64::NEG_INFINITY => out.push_str("-INF"),
            number if number.is_nan() => out.push_str("NaN"),
            number => push_double(out, number),
        })
    }

    fn serialize_char(self, character: char) -> Result<(), Refusal> {
        self.serialize_str(character.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, text: &str) -> Result<(), Refusal> {
        self.element(|out| push_escaped(out, text, false))
    }

    fn collect_str<T: Display + ?Sized>(mut self, text: &T) -> Result<(), Refusal> {
        self.open();
        write!(Escape { out: self.out, bmp: false }, "{text}").map_err(Refusal::custom)?;
        self.close();
        Ok(())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Refusal> {
        self.element(|out| base64_simd::STANDARD.encode_append(bytes, out))
    }

    fn serialize_none(self) -> Result<(), Refusal> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Refusal> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Refusal> {
        Ok(())
    }

    /// A record without fields.
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Refusal> {
        self.element(|_| ())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, word: &'static str) -> Result<(), Refusal> {
        self.serialize_str(word)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, token: &'static str, value: &T) -> Result<(), Refusal> {
        if token == BESIDE_TOKEN { self.include(value) } else { value.serialize(self) }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Refusal> {
        Err(Refusal::custom("the contract has no variants with values"))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'a>, Refusal> {
        Ok(Items { out: self.out, name: self.name })
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
        Ok(self.record())
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
    out: &'a mut String,
    name: &'a str,
}

macro_rules! items {
    ($($trait:ident :: $method:ident),*) => {$(
        impl ser::$trait for Items<'_> {
            type Ok = ();
            type Error = Refusal;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refusal> {
                value.serialize(Field { out: self.out, name: self.name, is_root: false })
            }

            fn end(self) -> Result<(), Refusal> {
                Ok(())
            }
        }
    )*};
}

items!(SerializeSeq::serialize_element, SerializeTuple::serialize_element, SerializeTupleStruct::serialize_field);

/// The fields of a record.
struct Fields<'a> {
    out: &'a mut String,
    name: &'a str,
}

impl ser::SerializeStruct for Fields<'_> {
    type Ok = ();
    type Error = Refusal;

    // Inlined, so that the name is a constant where it is copied.
    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Refusal> {
        value.serialize(Field { out: self.out, name, is_root: false }).map_err(|e| e.within(name))
    }

    fn end(self) -> Result<(), Refusal> {
        Field { out: self.out, name: self.name, is_root: false }.close();
        Ok(())
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
        let mut out = String::new();
        answer(&mut out, "Test", &record).unwrap();
        assert_eq!(
            out,
            "<TestResponse xmlns=\"urn:peergate:v1\"><result><text>a&lt;&amp;\u{FFFD}</text>\
             <time>2026-11-22T06:49:55.12Z</time><data>aGVsbG8=</data><tags>x</tags><tags></tags><number>INF</number>\
             <inner><flag>true</flag></inner></result></TestResponse>"
        );
        (record.time, record.tags, record.inner) = (None, Vec::new(), Vec::new());
        out.clear();
        request(&mut out, "Test", &record).unwrap();
        assert_eq!(
            out,
            "<Test xmlns=\"urn:peergate:v1\"><text>a&lt;&amp;\u{FFFD}</text><data>aGVsbG8=</data>\
             <number>INF</number></Test>"
        );
    }

    #[test]
    fn an_input_without_fields_is_an_empty_element() {
        #[derive(Serialize)]
        struct Nothing {}
        let mut out = String::new();
        request(&mut out, "NodeInfo", &Nothing {}).unwrap();
        assert_eq!(out, "<NodeInfo xmlns=\"urn:peergate:v1\"></NodeInfo>");
    }
}
