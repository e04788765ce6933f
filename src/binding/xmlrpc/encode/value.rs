//! A value as serde hands it over, written as one `value` element.

use std::fmt::Write;

use serde::{
    Serialize, Serializer,
    ser::{self, Error},
};

use super::compound::{Items, Members};
use crate::{
    binding::{
        refusal::Refusal,
        xml::{Draft, Escape},
        xmlrpc::dialect::{Dialect, Long},
    },
    model::{ID_TOKEN, TIME_TOKEN},
};

/// Writes one value; several only as the items or members of another.
pub(super) struct Writer<'a> {
    out: &'a mut Draft,
    dialect: Dialect,
    /// The next text, or the next bytes, which are [`Ascii`](crate::model::Ascii) then, are a moment.
    is_time: bool,
    /// The next bytes are an id.
    is_id: bool,
    /// The value was absent and nothing was written.
    is_absent: bool,
}

impl<'a> Writer<'a> {
    pub fn new(out: &'a mut Draft, dialect: Dialect) -> Self {
        Self { out, dialect, is_time: false, is_id: false, is_absent: false }
    }

    /// Whether the value was absent and nothing was written.
    pub fn is_absent(&self) -> bool {
        self.is_absent
    }

    #[inline(always)]
    fn int(&mut self, number: i32) -> Result<(), Refusal> {
        self.out.push_str("<value><int>");
        self.out.push_integer(number);
        self.out.push_str("</int></value>");
        Ok(())
    }

    fn long(&mut self, number: i64) -> Result<(), Refusal> {
        let (open, close) = match self.dialect.long {
            Long::Auto => match i32::try_from(number) {
                Ok(number) => return self.int(number),
                Err(_) => ("<value><double>", ".0</double></value>"),
            },
            Long::Double => ("<value><double>", ".0</double></value>"),
            Long::I8 => ("<value><i8>", "</i8></value>"),
            Long::Text => ("<value><string>", "</string></value>"),
            Long::Apache => ("<value><ex:i8>", "</ex:i8></value>"),
        };
        self.out.push_str(open);
        self.out.push_integer(number);
        self.out.push_str(close);
        Ok(())
    }

    /// RFC 3339 in UTC as XML-RPC has it: no dashes, whole seconds, no zone.
    fn time(&mut self, moment: &[u8]) -> Result<(), Refusal> {
        let parts = (moment.get(..4), moment.get(5..7), moment.get(8..19));
        let (Some(year), Some(month), Some(rest)) = parts else {
            return Err(Refusal::custom("the moment has no year of four digits"));
        };
        self.out.push_str("<value><dateTime.iso8601>");
        [year, month, rest].into_iter().for_each(|part| self.out.push_ascii(part));
        self.out.push_str("</dateTime.iso8601></value>");
        self.is_time = false;
        Ok(())
    }

    fn open_struct(&mut self) -> Members<'_> {
        self.out.push_str("<value><struct>");
        Members::new(self.out, self.dialect)
    }
}

impl<'a> Serializer for &'a mut Writer<'_> {
    type Ok = ();
    type Error = Refusal;
    type SerializeSeq = Items<'a>;
    type SerializeTuple = Items<'a>;
    type SerializeTupleStruct = Items<'a>;
    type SerializeTupleVariant = ser::Impossible<(), Refusal>;
    type SerializeMap = Members<'a>;
    type SerializeStruct = Members<'a>;
    type SerializeStructVariant = ser::Impossible<(), Refusal>;

    /// Bytes come as bytes, which XML-RPC has a type for.
    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_bool(self, flag: bool) -> Result<(), Refusal> {
        self.out.push_str(if flag {
            "<value><boolean>1</boolean></value>"
        } else {
            "<value><boolean>0</boolean></value>"
        });
        Ok(())
    }

    fn serialize_i8(self, number: i8) -> Result<(), Refusal> {
        self.int(number.into())
    }

    fn serialize_i16(self, number: i16) -> Result<(), Refusal> {
        self.int(number.into())
    }

    fn serialize_i32(self, number: i32) -> Result<(), Refusal> {
        self.int(number)
    }

    fn serialize_i64(self, number: i64) -> Result<(), Refusal> {
        self.long(number)
    }

    fn serialize_u8(self, number: u8) -> Result<(), Refusal> {
        self.int(number.into())
    }

    fn serialize_u16(self, number: u16) -> Result<(), Refusal> {
        self.int(number.into())
    }

    /// An `int` of the contract that never is negative; one beyond its 32 bits goes out as a long rather than wrong.
    #[inline(always)]
    fn serialize_u32(self, number: u32) -> Result<(), Refusal> {
        match i32::try_from(number) {
            Ok(number) => self.int(number),
            Err(_) => self.long(number.into()),
        }
    }

    #[inline(always)]
    fn serialize_u64(self, number: u64) -> Result<(), Refusal> {
        self.long(i64::try_from(number).map_err(|_| Refusal::custom(format_args!("{number} is beyond 63 bits")))?)
    }

    fn serialize_f32(self, number: f32) -> Result<(), Refusal> {
        self.serialize_f64(number.into())
    }

    /// XML-RPC has no form for what is not finite; to write another number instead would be a lie.
    #[inline(always)]
    fn serialize_f64(self, number: f64) -> Result<(), Refusal> {
        if !number.is_finite() {
            return Err(Refusal::custom(format_args!("XML-RPC cannot carry the number {number}")));
        }
        self.out.push_str("<value><double>");
        self.out.push_double(number);
        self.out.push_str("</double></value>");
        Ok(())
    }

    fn serialize_char(self, character: char) -> Result<(), Refusal> {
        self.serialize_str(character.encode_utf8(&mut [0; 4]))
    }

    #[inline(always)]
    fn serialize_str(self, text: &str) -> Result<(), Refusal> {
        if self.is_time {
            return self.time(text.as_bytes());
        }
        self.out.push_str("<value><string>");
        self.out.push_escaped(text, self.dialect.bmp);
        self.out.push_str("</string></value>");
        Ok(())
    }

    fn collect_str<T: std::fmt::Display + ?Sized>(self, text: &T) -> Result<(), Refusal> {
        if self.is_time {
            return self.time(text.to_string().as_bytes());
        }
        self.out.push_str("<value><string>");
        write!(Escape { out: self.out, bmp: self.dialect.bmp }, "{text}").map_err(Refusal::custom)?;
        self.out.push_str("</string></value>");
        Ok(())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Refusal> {
        if self.is_time {
            return self.time(bytes);
        }
        if self.is_id {
            self.out.push_str("<value><string>");
            self.out.push_ascii(bytes);
            self.out.push_str("</string></value>");
            return Ok(());
        }
        self.out.push_str("<value><base64>");
        self.out.push_base64(bytes);
        self.out.push_str("</base64></value>");
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Refusal> {
        self.is_absent = true;
        Ok(())
    }

    #[inline(always)]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Refusal> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Refusal> {
        self.serialize_none()
    }

    /// A record without fields.
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Refusal> {
        ser::SerializeStruct::end(self.open_struct())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, word: &'static str) -> Result<(), Refusal> {
        self.serialize_str(word)
    }

    #[inline(always)]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<(), Refusal> {
        (self.is_time, self.is_id) = (name == TIME_TOKEN, name == ID_TOKEN);
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        word: &'static str,
        value: &T,
    ) -> Result<(), Refusal> {
        let mut members = self.open_struct();
        members.member(word, value)?;
        ser::SerializeStruct::end(members)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'a>, Refusal> {
        self.out.push_str("<value><array><data>");
        Ok(Items::new(self.out, self.dialect))
    }

    fn serialize_tuple(self, length: usize) -> Result<Items<'a>, Refusal> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Items<'a>, Refusal> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Refusal> {
        Err(Refusal::custom("the contract has no variants with several values"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Members<'a>, Refusal> {
        Ok(self.open_struct())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Members<'a>, Refusal> {
        Ok(self.open_struct())
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
