//! A value of any type that keeps the type it came with, for methods that give back what they are sent.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, SeqAccess},
    ser::SerializeMap,
};

use crate::model::{Data, Time};

/// The newtype name under which an [`Any`] passes through serde, so that moments and texts are told apart.
pub(super) const ANY_TOKEN: &str = "$peergate::xmlrpc::any";

/// A value of any type. Nil is refused, since it is never written.
#[derive(Clone, Debug, PartialEq)]
pub enum Any {
    /// Any integer type.
    Whole(i64),
    /// A floating-point number.
    Double(f64),
    /// True or false.
    Boolean(bool),
    /// Text, typed or not.
    Text(String),
    /// Bytes.
    Bytes(Data),
    /// A moment.
    Time(Time),
    /// An array.
    Array(Vec<Self>),
    /// A struct, in its own order.
    Struct(Vec<(String, Self)>),
}

impl Serialize for Any {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Whole(number) => serializer.serialize_i64(*number),
            Self::Double(number) => serializer.serialize_f64(*number),
            Self::Boolean(flag) => serializer.serialize_bool(*flag),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bytes(data) => data.serialize(serializer),
            Self::Time(time) => time.serialize(serializer),
            Self::Array(items) => items.serialize(serializer),
            Self::Struct(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                members.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(ANY_TOKEN, Visitor)
    }
}

struct Visitor;

impl<'de> de::Visitor<'de> for Visitor {
    type Value = Any;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value other than nil")
    }

    fn visit_i64<E>(self, number: i64) -> Result<Any, E> {
        Ok(Any::Whole(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Any, E> {
        Ok(Any::Double(number))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Any, E> {
        Ok(Any::Boolean(flag))
    }

    fn visit_str<E>(self, text: &str) -> Result<Any, E> {
        Ok(Any::Text(text.to_owned()))
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Any, E> {
        Ok(Any::Bytes(Data(bytes.into())))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, moment: D) -> Result<Any, D::Error> {
        Time::deserialize(moment).map(Any::Time)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Any, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element()? {
            array.push(item);
        }
        Ok(Any::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Any, A::Error> {
        let mut all = Vec::new();
        while let Some(member) = members.next_entry()? {
            all.push(member);
        }
        Ok(Any::Struct(all))
    }
}
