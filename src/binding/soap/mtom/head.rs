//! The head of a part: which id it has, what it is, and how its bytes are written.

use super::{content_type::ContentType, transfer::Encoding};
use crate::{
    binding::refusal::shown,
    model::{Fault, Outcome},
};

/// What the head of a part says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Its Content-ID without angle brackets; empty for none.
    pub id: String,
    /// Its Content-Type as it stands there.
    pub content_type: Option<String>,
    /// How its bytes are written.
    pub encoding: Encoding,
}

impl Head {
    /// Reads the lines of a head; a line that begins with white space continues the one before (RFC 5322 section
    /// 2.2.3). What is no header is passed over.
    ///
    /// # Errors
    /// InvalidRequest for an encoding that is not known, and for a part that has parts itself.
    pub fn parse(head: &[u8]) -> Outcome<Self> {
        let text = String::from_utf8_lossy(head);
        let mut read = Self::default();
        for line in unfolded(&text) {
            let Some((name, value)) = line.split_once(':') else { continue };
            let (name, value) = (name.trim(), value.trim());
            if name.eq_ignore_ascii_case("content-id") {
                read.id = bare_id(value).to_owned();
            } else if name.eq_ignore_ascii_case("content-type") {
                read.content_type = Some(value.to_owned());
            } else if name.eq_ignore_ascii_case("content-transfer-encoding") {
                read.encoding = Encoding::named(value)?;
            }
        }
        let is_nested = read.content_type().media_type.starts_with("multipart/");
        if is_nested {
            return Err(Fault::invalid(format!("the part {} has parts itself, which is not taken", shown(&read.id))));
        }
        Ok(read)
    }

    /// Its Content-Type, empty for none.
    pub fn content_type(&self) -> ContentType {
        ContentType::parse(self.content_type.as_deref().unwrap_or_default())
    }
}

/// An id without the angle brackets that RFC 2045 section 7 wants and some stacks leave out.
pub fn bare_id(id: &str) -> &str {
    let id = id.trim();
    id.strip_prefix('<').and_then(|id| id.strip_suffix('>')).unwrap_or(id)
}

fn unfolded(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        match lines.last_mut() {
            Some(before) if line.starts_with([' ', '\t']) => before.push_str(line),
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_any_case_ids_any_brackets_and_lines_may_be_folded() {
        let head = Head::parse(
            b"content-ID:<data@x>\r\nCONTENT-TYPE: application/xop+xml;\r\n\ttype=\"text/xml\"\r\njunk\r\n\
              Content-Transfer-Encoding: Quoted-Printable\r\n",
        );
        let head = head.unwrap();
        assert_eq!((head.id.as_str(), head.encoding), ("data@x", Encoding::QuotedPrintable));
        assert_eq!(head.content_type().parameter("type"), Some("text/xml"));
        assert_eq!(Head::parse(b"Content-ID: data@x\n").unwrap().id, "data@x");
        assert_eq!(Head::parse(b"").unwrap(), Head::default());
    }

    #[test]
    fn a_part_with_parts_and_an_unknown_encoding_are_refused() {
        let nested = Head::parse(b"Content-ID: <n>\r\nContent-Type: Multipart/Mixed; boundary=c\r\n").unwrap_err();
        assert!(nested.message.contains("\"n\" has parts itself"), "{nested}");
        let unknown = Head::parse(b"Content-Transfer-Encoding: x-uuencode\r\n").unwrap_err();
        assert!(unknown.message.contains("x-uuencode"), "{unknown}");
    }
}
