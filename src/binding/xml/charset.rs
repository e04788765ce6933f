//! Bodies in the encodings of old clients: what they state is believed where the bytes do not say otherwise.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::document::{allowed, text_of};
use crate::binding::refusal::{Mistake, Refusal, shown};

/// Bytes in which an XML declaration ends, if there is one.
const DECLARATION: usize = 256;

/// The text of a body in the encoding that it states, UTF-8 where it states none.
///
/// A byte order mark, or the first character in UTF-16, decides before all else, then the charset of the content type, then the XML declaration (RFC 7303
/// section 3). Where the two name different encodings of which one is UTF-8, the bytes decide. The names of ASCII
/// stand for UTF-8, which holds it, and so does UTF-16 over bytes that are not: stock serialisers declare what their
/// strings are in memory.
///
/// # Errors
/// UnknownEncoding, InvalidCharacter for bytes that mean nothing in the encoding, Malformed for characters that XML 1.0
/// forbids.
pub fn text_in_stated_encoding<'a>(body: &'a [u8], content_type: Option<&str>) -> Result<Cow<'a, str>, Refusal> {
    match body {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0xEF, 0xBB, 0xBF, ..] | [b'<', 0, ..] | [0, b'<', ..] => {
            return text_of(body, content_type);
        }
        _ => {}
    }
    let stated = [charset(content_type), declared(body)];
    let [first, second] = stated.map(|name| name.map(encoding).transpose());
    let (first, second) = match (first?, second) {
        (Some(first), second) => (first, second.ok().flatten()),
        (None, second) => (second?.unwrap_or(UTF_8), None),
    };
    match second {
        Some(second) if first != second && (first == UTF_8 || second == UTF_8) => {
            let other = if first == UTF_8 { second } else { first };
            decode(body, UTF_8).or_else(|_| decode(body, other))
        }
        _ => decode(body, first),
    }
}

fn decode<'a>(body: &'a [u8], encoding: &'static Encoding) -> Result<Cow<'a, str>, Refusal> {
    if encoding == UTF_8 {
        return text_of(body, None);
    }
    let text = encoding.decode_without_bom_handling_and_without_replacement(body);
    let invalid = || format!("the body holds bytes that are no characters of {}", encoding.name());
    allowed(text.ok_or_else(|| Refusal::new(Mistake::InvalidCharacter, invalid()))?)
}

fn encoding(name: &str) -> Result<&'static Encoding, Refusal> {
    let unknown = || format!("the encoding {} is not supported; send UTF-8", shown(name));
    if ["us-ascii", "ascii"].iter().any(|ascii| ascii.eq_ignore_ascii_case(name)) {
        return Ok(UTF_8);
    }
    let known = Encoding::for_label_no_replacement(name.as_bytes());
    let known = known.ok_or_else(|| Refusal::new(Mistake::UnknownEncoding, unknown()))?;
    Ok(if known == UTF_16LE || known == UTF_16BE { UTF_8 } else { known })
}

/// The charset parameter of a content type.
fn charset(content_type: Option<&str>) -> Option<&str> {
    let parameters = content_type?.split(';').skip(1);
    parameters.filter_map(|parameter| parameter.split_once('=')).find_map(|(name, value)| {
        let value = value.trim().trim_matches(['"', '\'']);
        (name.trim().eq_ignore_ascii_case("charset") && !value.is_empty()).then_some(value)
    })
}

/// The encoding that the XML declaration names.
fn declared(body: &[u8]) -> Option<&str> {
    let declaration = body.strip_prefix(b"<?xml")?;
    let declaration = &declaration[..declaration.len().min(DECLARATION)];
    let end = memchr::memmem::find(declaration, b"?>")?;
    let declaration = std::str::from_utf8(&declaration[..end]).ok()?;
    let (_, value) = declaration.split_once("encoding")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    value[1..].split_once(quote).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &[u8], content_type: &str) -> Result<String, Mistake> {
        text_in_stated_encoding(body, Some(content_type)).map(Cow::into_owned).map_err(|refusal| refusal.mistake)
    }

    #[test]
    fn the_charset_of_the_content_type_is_believed() {
        assert_eq!(read(b"<a>\xE9\x80</a>", "text/xml; charset=iso-8859-1").unwrap(), "<a>é€</a>");
        assert_eq!(read(b"<a>\xE9</a>", "text/xml;CHARSET=\"Windows-1252\"; x=y").unwrap(), "<a>é</a>");
        assert_eq!(read(b"<a>\xEB\xC4\xA1</a>", "text/xml; charset=windows-1251").unwrap(), "<a>лДЎ</a>");
        assert_eq!(read("<a>é</a>".as_bytes(), "text/xml; charset=us-ascii").unwrap(), "<a>é</a>");
    }

    #[test]
    fn the_declaration_is_believed_where_no_charset_is_given() {
        let latin1 = b"<?xml version='1.0' encoding = 'ISO-8859-1'?><a>\xE9</a>";
        assert!(read(latin1, "text/xml").unwrap().ends_with("<a>é</a>"));
        assert!(text_in_stated_encoding(latin1, None).unwrap().ends_with("<a>é</a>"));
        let utf8 = "<?xml version=\"1.0\" encoding=\"utf-8\"?><a>é</a>";
        assert_eq!(read(utf8.as_bytes(), "text/xml").unwrap(), utf8);
        assert_eq!(read(b"<a encoding='x'/>", "text/xml").unwrap(), "<a encoding='x'/>");
    }

    #[test]
    fn the_bytes_decide_where_charset_and_declaration_disagree() {
        let utf8 = "<?xml version='1.0' encoding='UTF-8'?><a>é</a>";
        assert_eq!(read(utf8.as_bytes(), "text/xml; charset=iso-8859-1").unwrap(), utf8);
        let latin1 = b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xE9</a>";
        assert!(read(latin1, "text/xml; charset=utf-8").unwrap().ends_with("<a>é</a>"));
        let claimed = "<?xml version='1.0' encoding='utf-16'?><a>é</a>";
        assert_eq!(read(claimed.as_bytes(), "text/xml").unwrap(), claimed);
    }

    #[test]
    fn utf_16_is_read_with_and_without_a_byte_order_mark() {
        for mark in ["", "\u{FEFF}"] {
            let units = || format!("{mark}<ä😀/>").encode_utf16().collect::<Vec<_>>();
            for body in [
                units().into_iter().flat_map(u16::to_le_bytes).collect::<Vec<_>>(),
                units().into_iter().flat_map(u16::to_be_bytes).collect(),
            ] {
                assert_eq!(read(&body, "text/xml; charset=utf-16").unwrap(), "<ä😀/>");
            }
        }
    }

    #[test]
    fn unknown_encodings_and_wrong_bytes_are_told_apart() {
        for name in ["utf-7", "ebcdic-cp-us", "klingon", "iso-2022-kr"] {
            assert_eq!(read(b"<a/>", &format!("text/xml; charset={name}")), Err(Mistake::UnknownEncoding), "{name}");
            let declared = format!("<?xml version='1.0' encoding='{name}'?><a/>");
            assert_eq!(read(declared.as_bytes(), "text/xml"), Err(Mistake::UnknownEncoding), "{name}");
        }
        for charset in ["", "; charset=utf-8", "; charset=us-ascii", "; charset=shift_jis"] {
            let read = read(b"<a>\xFF\xFD</a>", &format!("text/xml{charset}"));
            assert_eq!(read, Err(Mistake::InvalidCharacter), "{charset}");
        }
        assert_eq!(read(b"<a>\x01</a>", "text/xml; charset=iso-8859-1"), Err(Mistake::Malformed));
        assert_eq!(read(b"\x00<\xD8\x00", "text/xml"), Err(Mistake::InvalidCharacter));
    }
}
