//! The contract's scalar types that Rust lacks: moments in UTC and integers with a stated range.
//!
//! A type that XML-RPC writes in a form of its own is wrapped in a newtype with a known name, which the format
//! recognises; every other serde format sees the plain text.

use std::{borrow::Cow, fmt};

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use super::time_text::TimeText;

/// The newtype name under which a [`Time`] passes through serde, within it as [`Ascii`].
pub const TIME_TOKEN: &str = "$peergate::time";
/// The newtype name under which a native [`super::ContentId`] is written, within it as [`Ascii`].
pub const ID_TOKEN: &str = "$peergate::id";
/// The newtype name under which [`super::Data`] passes through serde.
pub const BYTES_TOKEN: &str = "$peergate::bytes";
/// The newtype name under which a [`super::Payload`] is read, and the name of bytes that travel beside their document is
/// written. A format that has none of these passes the newtype through.
pub const BESIDE_TOKEN: &str = "$peergate::beside";

/// Letters, digits and marks that mean nothing in any format. One that takes bytes as bytes gets them as such, and need not
/// look for what has to be escaped, nor has the text to be checked for UTF-8.
pub struct Ascii<'a>(pub &'a [u8]);

impl Serialize for Ascii<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(std::str::from_utf8(self.0).map_err(ser::Error::custom)?)
        } else {
            serializer.serialize_bytes(self.0)
        }
    }
}

/// A moment in UTC, to the millisecond: `2026-11-22T06:49:55.120Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(Timestamp);

impl Time {
    /// The present moment.
    pub fn now() -> Self {
        Self::from_millis(Timestamp::now().as_millisecond())
    }

    /// The moment so many milliseconds after 1970-01-01T00:00:00Z; out of range, the nearest one that can be written.
    pub fn from_millis(millis: i64) -> Self {
        let nearest = if millis < 0 { Timestamp::MIN } else { Timestamp::MAX };
        Self(Timestamp::from_millisecond(millis).unwrap_or(nearest))
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub fn as_millis(self) -> i64 {
        self.0.as_millisecond()
    }
}

impl From<std::time::SystemTime> for Time {
    fn from(time: std::time::SystemTime) -> Self {
        let millis = match time.duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
        };
        Self::from_millis(millis)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match TimeText::of(self.0) {
            Some(text) => f.pad(text.as_str()),
            None => fmt::Display::fmt(&self.0, f),
        }
    }
}

impl std::str::FromStr for Time {
    type Err = String;

    /// Reads RFC 3339 and XML-RPC's `20261122T06:49:55`, with or without dashes, colons, a fraction and `Z`; a moment
    /// without an offset is UTC.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let parsed = text.parse::<Timestamp>().or_else(|_| {
            let local: jiff::civil::DateTime = text.trim_end_matches('Z').parse()?;
            local.to_zoned(jiff::tz::TimeZone::UTC).map(|zoned| zoned.timestamp())
        });
        let time =
            parsed.map_err(|_| format!("{text:?} is no time, want 2026-11-22T06:49:55Z or 20261122T06:49:55"))?;
        Ok(Self::from_millis(time.as_millisecond()))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Text(Timestamp);
        impl Serialize for Text {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match TimeText::of(self.0) {
                    Some(text) => Ascii(text.as_bytes()).serialize(serializer),
                    None => serializer.collect_str(&self.0),
                }
            }
        }
        serializer.serialize_newtype_struct(TIME_TOKEN, &Text(self.0))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Time;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time such as 2026-11-22T06:49:55Z")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Time, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Time, D::Error> {
                inner.deserialize_str(self)
            }
        }
        deserializer.deserialize_newtype_struct(TIME_TOKEN, Visitor)
    }
}

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

/// A contract `int` with a default and a range; a value outside the range is refused while it is read, so that the
/// fault names the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounded<const DEFAULT: u32, const MIN: u32, const MAX: u32>(u32);

impl<const DEFAULT: u32, const MIN: u32, const MAX: u32> Bounded<DEFAULT, MIN, MAX> {
    /// The value.
    pub fn get(self) -> u32 {
        self.0
    }

    /// The value as a count of things in memory.
    pub fn count(self) -> usize {
        self.0 as usize
    }

    /// The value as milliseconds.
    pub fn millis(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0.into())
    }
}

impl<const DEFAULT: u32, const MIN: u32, const MAX: u32> Default for Bounded<DEFAULT, MIN, MAX> {
    fn default() -> Self {
        Self(DEFAULT)
    }
}

impl<const DEFAULT: u32, const MIN: u32, const MAX: u32> Serialize for Bounded<DEFAULT, MIN, MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0)
    }
}

impl<'de, const DEFAULT: u32, const MIN: u32, const MAX: u32> Deserialize<'de> for Bounded<DEFAULT, MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = i64::deserialize(deserializer)?;
        match u32::try_from(value) {
            Ok(value) if (MIN..=MAX).contains(&value) => Ok(Self(value)),
            _ => Err(de::Error::custom(format_args!("{value} is out of range, want {MIN} to {MAX}"))),
        }
    }
}

impl<const DEFAULT: u32, const MIN: u32, const MAX: u32> JsonSchema for Bounded<DEFAULT, MIN, MAX> {
    fn schema_name() -> Cow<'static, str> {
        "Bounded".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "format": "int32", "minimum": MIN, "maximum": MAX })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_written_form_of_a_moment_is_read() {
        let want: Time = "2026-11-22T06:49:55Z".parse().unwrap();
        for text in [
            "20261122T06:49:55",
            "20261122T064955",
            "2026-11-22T06:49:55",
            "20261122T06:49:55Z",
            "2026-11-22T07:49:55+01:00",
        ] {
            assert_eq!(text.parse(), Ok(want), "{text}");
        }
        assert_eq!("20261122T06:49:55.120".parse::<Time>().unwrap().to_string(), "2026-11-22T06:49:55.12Z");
        assert!("yesterday".parse::<Time>().is_err());
    }

    #[test]
    fn a_value_outside_its_range_is_refused_with_the_range() {
        type Limit = Bounded<20, 1, 200>;
        assert_eq!(serde_json::from_str::<Limit>("200").unwrap().get(), 200);
        for text in ["0", "201", "-1", "5000000000"] {
            let error = serde_json::from_str::<Limit>(text).unwrap_err().to_string();
            assert!(error.contains("want 1 to 200"), "{error}");
        }
    }
}
