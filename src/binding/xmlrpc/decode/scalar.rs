//! The types that a single text can have, and what their texts mean.

use crate::binding::refusal::{Mistake, Refusal};

/// The type that a scalar was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Whole,
    Double,
    Boolean,
    String,
    Base64,
    Time,
}

impl Kind {
    pub fn of(name: &str) -> Option<Self> {
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

    pub fn name(self) -> &'static str {
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

/// A whole number, with or without a sign. In another type than an integer a fraction of zeros is none, as in a double
/// that stands for a long.
pub(super) fn whole(kind: Kind, text: &str) -> Option<i64> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    if kind == Kind::Whole {
        return None;
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

pub(super) fn base64(text: &str) -> Result<Vec<u8>, Refusal> {
    let decoded = base64_simd::forgiving_decode_to_vec(text.as_bytes());
    decoded.map_err(|_| Refusal::new(Mistake::IllTyped, "the text is not base64"))
}
