//! From the bytes of a body to the text of a document.

use std::borrow::Cow;

use crate::binding::refusal::{Mistake, Refusal};

/// The text of a body: UTF-8 or UTF-16, with or without a byte order mark.
///
/// A charset in the content type does not matter for either, since RFC 7303 gives the byte order mark precedence and
/// what decodes as UTF-8 beyond ASCII is UTF-8. Other encodings are refused.
///
/// # Errors
/// InvalidCharacter for other encodings, Malformed for characters that XML 1.0 forbids.
pub fn text_of<'a>(body: &'a [u8], content_type: Option<&str>) -> Result<Cow<'a, str>, Refusal> {
    let text = match body {
        [0xFF, 0xFE, rest @ ..] => Cow::Owned(utf16(rest, u16::from_le_bytes)?),
        [0xFE, 0xFF, rest @ ..] => Cow::Owned(utf16(rest, u16::from_be_bytes)?),
        [0xEF, 0xBB, 0xBF, rest @ ..] => Cow::Borrowed(utf8(rest, content_type)?),
        // Without a mark the first character tells (XML 1.0, appendix F): no document has a NUL in UTF-8.
        [b'<', 0, ..] => Cow::Owned(utf16(body, u16::from_le_bytes)?),
        [0, b'<', ..] => Cow::Owned(utf16(body, u16::from_be_bytes)?),
        plain => Cow::Borrowed(utf8(plain, content_type)?),
    };
    allowed(text)
}

/// The text, if it holds only characters that XML 1.0 has (section 2.2).
///
/// # Errors
/// Malformed.
pub fn allowed(text: Cow<'_, str>) -> Result<Cow<'_, str>, Refusal> {
    let refused = |at, code: u32| Err(Refusal::malformed(at, format_args!("U+{code:04X} may not stand in XML")));
    let bytes = text.as_bytes();
    // quick-xml drops a mark without counting it, so that every position behind it would be wrong.
    if text.starts_with('\u{FEFF}') {
        return refused(0, 0xFEFF);
    }
    let forbidden = |byte: &u8| *byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r');
    if let Some(at) = bytes.iter().position(forbidden) {
        return refused(at, bytes[at].into());
    }
    let noncharacter = |at: &usize| matches!(bytes[at + 2], 0xBE | 0xBF);
    match memchr::memmem::find_iter(bytes, b"\xEF\xBF").find(noncharacter) {
        None => Ok(text),
        Some(at) => refused(at, 0xFF40 | u32::from(bytes[at + 2])),
    }
}

fn utf8<'a>(body: &'a [u8], content_type: Option<&str>) -> Result<&'a str, Refusal> {
    std::str::from_utf8(body).map_err(|e| {
        let stated = content_type.unwrap_or("no content type");
        let at = e.valid_up_to();
        let want = "send UTF-8 or UTF-16";
        Refusal::new(
            Mistake::InvalidCharacter,
            format_args!("the body ({stated}) is not UTF-8 from byte {at} on; {want}"),
        )
    })
}

fn utf16(body: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, Refusal> {
    let (pairs, rest) = body.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(Refusal::new(Mistake::InvalidCharacter, "UTF-16 has an even number of bytes"));
    }
    let decoded = char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).collect::<Result<String, _>>();
    let lone = |e| Refusal::new(Mistake::InvalidCharacter, format_args!("the UTF-16 text holds a lone surrogate: {e}"));
    decoded.map_err(lone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_order_marks_choose_the_encoding() {
        let utf16 = |unit: fn(u16) -> [u8; 2]| "\u{FEFF}<ä😀/>".encode_utf16().flat_map(unit).collect::<Vec<u8>>();
        for body in
            ["<ä😀/>".as_bytes().to_vec(), "\u{FEFF}<ä😀/>".into(), utf16(u16::to_le_bytes), utf16(u16::to_be_bytes)]
        {
            assert_eq!(text_of(&body, None).unwrap(), "<ä😀/>");
        }
        for unmarked in [&utf16(u16::to_le_bytes)[2..], &utf16(u16::to_be_bytes)[2..]] {
            assert_eq!(text_of(unmarked, None).unwrap(), "<ä😀/>");
        }
    }

    #[test]
    fn other_encodings_and_control_characters_are_refused() {
        let latin1 = text_of(b"<a>\xE9</a>", Some("text/xml; charset=iso-8859-1")).unwrap_err().to_string();
        assert!(latin1.contains("iso-8859-1") && latin1.contains("byte 3"), "{latin1}");
        for (text, code) in
            [("\u{1}", "U+0001"), ("x\u{FFFF}", "U+FFFF"), ("\u{FFFE}", "U+FFFE"), ("\u{FEFF}\u{FEFF}<a/>", "U+FEFF")]
        {
            let refused = text_of(text.as_bytes(), None).unwrap_err();
            assert!(refused.mistake == Mistake::Malformed && refused.to_string().contains(code), "{refused}");
        }
        assert!(text_of("\u{FFFD}\u{FF9E}".as_bytes(), None).is_ok());
        assert!(text_of(b"\xFF\xFE<", None).is_err());
        assert!(text_of(&[0xFF, 0xFE, 0x00, 0xD8], None).is_err());
    }
}
