//! How this caller wants its numbers and texts: XML-RPC has no 64-bit integer, and every client extended it otherwise.
//!
//! The caller chooses by the query of the URL (contract, section 3); what it sends is read in every form.

use crate::model::Fault;

/// The form in which a `long` is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Long {
    /// `<int>` where it fits 32 bits, `<double>` otherwise: what all of the tried clients read.
    #[default]
    Auto,
    /// `<i8>`.
    I8,
    /// `<string>`.
    Text,
    /// `<double>`.
    Double,
    /// `<ex:i8>` of Apache's XML-RPC.
    Apache,
}

/// The forms in which answers are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dialect {
    /// How a `long` is written.
    pub long: Long,
    /// Whether characters beyond U+FFFF are replaced by U+FFFD.
    pub bmp: bool,
}

impl Dialect {
    /// The dialect that the query of a URL asks for. Keys other than `long` and `text` mean nothing here.
    ///
    /// # Errors
    /// InvalidRequest for a value that is none of those that are known.
    pub fn from_query(query: &str) -> Result<Self, Fault> {
        let mut dialect = Self::default();
        for field in query.split('&') {
            match field.split_once('=') {
                Some(("long", value)) => dialect.long = long(value)?,
                Some(("text", "bmp")) => dialect.bmp = true,
                Some(("text", _)) => return Err(Fault::invalid("text: want bmp, or leave it out")),
                _ => {}
            }
        }
        Ok(dialect)
    }
}

fn long(value: &str) -> Result<Long, Fault> {
    match value {
        "i8" => Ok(Long::I8),
        "string" => Ok(Long::Text),
        "double" => Ok(Long::Double),
        "apache" => Ok(Long::Apache),
        _ => Err(Fault::invalid("long: want i8, string, double or apache, or leave it out")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_chooses_the_dialect() {
        let dialect = |query| Dialect::from_query(query).unwrap();
        assert_eq!(dialect(""), Dialect { long: Long::Auto, bmp: false });
        assert_eq!(dialect("x=1&long=apache&text=bmp"), Dialect { long: Long::Apache, bmp: true });
        assert!(Dialect::from_query("long=i9").unwrap_err().message.contains("want i8"));
        assert!(Dialect::from_query("text=utf8").is_err());
    }
}
