//! Why a document could not be read into a record: the reason, where in the record, and what kind of mistake it was.
//!
//! Both XML formats use it as their serde error. The path is put together while the error passes outwards, so that a
//! document without mistakes pays nothing for it.

use std::fmt;

use serde::{de, ser};

use crate::model::Fault;

/// Longest piece of a caller's text that a message repeats.
const SHOWN_CHARS: usize = 80;

/// What kind of mistake a document holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// It is not well-formed XML, or not XML that is accepted here.
    Malformed,
    /// It is in an encoding that is not known here.
    UnknownEncoding,
    /// It holds bytes that are no characters of its encoding.
    InvalidCharacter,
    /// It is well-formed and not a document of this format.
    Foreign,
    /// A value has the wrong type.
    IllTyped,
    /// The parameters do not fit the signature.
    Misfit,
    /// Anything else that the record refuses: missing, unknown, repeated, out of range.
    Invalid,
}

/// A document or a record that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of mistake it is.
    pub mistake: Mistake,
    path: String,
    reason: String,
}

impl Refusal {
    /// A refusal without a place yet.
    pub fn new(mistake: Mistake, reason: impl fmt::Display) -> Self {
        Self { mistake, path: String::new(), reason: reason.to_string() }
    }

    /// The document is not well-formed at that byte.
    pub fn malformed(at: usize, reason: impl fmt::Display) -> Self {
        Self::new(Mistake::Malformed, format_args!("the document is not well-formed XML at byte {at}: {reason}"))
    }

    /// The document is not one of this format.
    pub fn foreign(reason: impl fmt::Display) -> Self {
        Self::new(Mistake::Foreign, reason)
    }

    /// The value has another type than the one wanted.
    pub fn ill_typed(want: impl fmt::Display, got: impl fmt::Display) -> Self {
        Self::new(Mistake::IllTyped, format_args!("want {want}, got {got}"))
    }

    /// The record takes nothing of that name.
    pub fn unknown(what: &str, name: &str, record: &str, known: &[&str]) -> Self {
        let known = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
        Self::new(Mistake::Invalid, format_args!("unknown {what} {}; {record} takes {known}", shown(name)))
    }

    /// The same refusal, inside the field of that name.
    pub fn within(mut self, field: &str) -> Self {
        let joint = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{field}{joint}{}", self.path);
        self
    }

    /// The same refusal, inside the item with that index.
    pub fn at(self, index: usize) -> Self {
        self.within(&format!("[{index}]"))
    }

    /// The same refusal with a remark behind it.
    pub fn with_remark(mut self, remark: impl fmt::Display) -> Self {
        self.reason = format!("{}; {remark}", self.reason);
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { f.write_str(&self.reason) } else { write!(f, "{}: {}", self.path, self.reason) }
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::invalid(refusal.to_string())
    }
}

impl ser::Error for Refusal {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self::new(Mistake::Invalid, reason)
    }
}

impl de::Error for Refusal {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self::new(Mistake::Invalid, reason)
    }

    fn invalid_type(got: de::Unexpected<'_>, want: &dyn de::Expected) -> Self {
        Self::ill_typed(plain(want), got)
    }

    fn invalid_value(got: de::Unexpected<'_>, want: &dyn de::Expected) -> Self {
        Self::ill_typed(plain(want), got)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Mistake::Invalid, "the field is missing").within(field)
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(Mistake::Invalid, "the field is given twice").within(field)
    }

    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        Self::unknown("field", name, "the record", known)
    }

    fn unknown_variant(word: &str, known: &'static [&'static str]) -> Self {
        Self::new(Mistake::Invalid, format_args!("{} is none of {}", shown(word), known.join(", ")))
    }
}

/// Text of a caller as a message repeats it: quoted, escaped and cut.
pub fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}…", &text[..end]),
    }
}

/// What serde expects, in the contract's terms.
fn plain(want: &dyn de::Expected) -> String {
    match want.to_string().as_str() {
        "i32" | "u32" | "i16" | "u16" | "i8" | "u8" => "an int of 32 bits".to_owned(),
        "i64" | "u64" | "usize" | "isize" => "a long of 64 bits, not negative".to_owned(),
        "f64" | "f32" => "a number".to_owned(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde::de::Error;

    use super::*;

    #[test]
    fn the_path_grows_outwards() {
        let refusal = Refusal::ill_typed("a string", "an int").at(1).within("tags").within("hit");
        assert_eq!(refusal.to_string(), "hit.tags[1]: want a string, got an int");
        assert_eq!(Refusal::missing_field("query").to_string(), "query: the field is missing");
    }

    #[test]
    fn a_callers_text_is_cut_in_messages() {
        assert_eq!(shown("a\u{1}"), "\"a\\u{1}\"");
        assert!(shown(&"é".repeat(1000)).chars().count() < 90);
    }
}
