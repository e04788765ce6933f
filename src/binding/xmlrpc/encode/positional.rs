//! A record as the parameters of a call (contract, section 2): the required fields in order, each a parameter of its own,
//! and the others together in one struct behind them.

use serde::{
    Serialize, Serializer,
    ser::{self, Error, Impossible},
};

use super::compound::Members;
use crate::binding::{refusal::Refusal, xml::Draft, xmlrpc::dialect::Dialect};

/// Writes the fields of one record as `param` elements.
pub(super) struct Parameters<'a> {
    out: &'a mut Draft,
    dialect: Dialect,
    required: &'a [&'a str],
    /// The members of the struct that comes last.
    others: Draft,
}

impl<'a> Parameters<'a> {
    /// Appends to `out`; the fields in `required` are parameters of their own.
    pub fn new(out: &'a mut Draft, dialect: Dialect, required: &'a [&'a str]) -> Self {
        Self { out, dialect, required, others: Draft::default() }
    }
}

impl ser::SerializeStruct for Parameters<'_> {
    type Ok = ();
    type Error = Refusal;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Refusal> {
        if !self.required.contains(&name) {
            return Members::new(&mut self.others, self.dialect).member(name, value);
        }
        self.out.push_str("<param>");
        super::value(self.out, value, self.dialect).map_err(|e| e.within(name))?;
        self.out.push_str("</param>");
        Ok(())
    }

    fn end(self) -> Result<(), Refusal> {
        if self.others.len() > 0 {
            self.out.push_str("<param><value><struct>");
            self.out.push(&self.others);
            self.out.push_str("</struct></value></param>");
        }
        Ok(())
    }
}

fn no_record<T>() -> Result<T, Refusal> {
    Err(Refusal::custom("the parameters of a call are the fields of a record"))
}

macro_rules! no_records {
    ($($method:ident($($argument:ty),*) $(-> $part:ident)?,)*) => {$(
        fn $method(self $(, _: $argument)*) -> Result<no_records!(@ $($part)?), Refusal> {
            no_record()
        }
    )*};
    (@) => { () };
    (@ $part:ident) => { Self::$part };
}

impl<'a> Serializer for Parameters<'a> {
    type Ok = ();
    type Error = Refusal;
    type SerializeSeq = Impossible<(), Refusal>;
    type SerializeTuple = Impossible<(), Refusal>;
    type SerializeTupleStruct = Impossible<(), Refusal>;
    type SerializeTupleVariant = Impossible<(), Refusal>;
    type SerializeMap = Impossible<(), Refusal>;
    type SerializeStruct = Self;
    type SerializeStructVariant = Impossible<(), Refusal>;

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Refusal> {
        Ok(self)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Refusal> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Refusal> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Refusal> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Refusal> {
        no_record()
    }

    no_records! {
        serialize_bool(bool),
        serialize_i8(i8),
        serialize_i16(i16),
        serialize_i32(i32),
        serialize_i64(i64),
        serialize_u8(u8),
        serialize_u16(u16),
        serialize_u32(u32),
        serialize_u64(u64),
        serialize_f32(f32),
        serialize_f64(f64),
        serialize_char(char),
        serialize_str(&str),
        serialize_bytes(&[u8]),
        serialize_none(),
        serialize_unit(),
        serialize_unit_variant(&'static str, u32, &'static str),
        serialize_seq(Option<usize>) -> SerializeSeq,
        serialize_tuple(usize) -> SerializeTuple,
        serialize_tuple_struct(&'static str, usize) -> SerializeTupleStruct,
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> SerializeTupleVariant,
        serialize_map(Option<usize>) -> SerializeMap,
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> SerializeStructVariant,
    }
}
