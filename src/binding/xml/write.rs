//! Text and numbers as they go into an XML document.
//!
//! No numeric reference is ever written, because several of the tried parsers lose them: a carriage return goes out as
//! it is (and a conforming parser reads it as a line feed, XML 1.0 section 2.11), and what XML cannot carry becomes
//! U+FFFD.

use std::fmt;

use super::scan;

/// The first byte of the UTF-8 form of U+F000 to U+FFFF, which holds the two code points that XML refuses.
const LEAD_OF_NONCHARACTERS: u8 = 0xEF;
/// The least first byte of the UTF-8 form of a character beyond U+FFFF.
const LEAD_BEYOND_BMP: u8 = 0xF0;
const REPLACEMENT: &str = "\u{FFFD}";

/// Appends texts one after the other, with one look at the capacity.
#[inline]
pub fn push_all<const N: usize>(out: &mut String, parts: [&str; N]) {
    out.reserve(parts.iter().map(|part| part.len()).sum());
    for part in parts {
        out.push_str(part);
    }
}

/// Appends text as character data. With `bmp`, characters beyond U+FFFF become U+FFFD.
#[inline]
pub fn push_escaped(out: &mut String, text: &str, bmp: bool) {
    let special = scan::position(text.as_bytes(), 0, is_special);
    // Most texts have nothing to be escaped.
    if special == text.len() {
        out.push_str(text);
    } else {
        push_specials(out, text, bmp, special);
    }
}

/// Appends text whose first byte that may not be copied as it is lies at `found`.
fn push_specials(out: &mut String, text: &str, bmp: bool, mut found: usize) {
    let bytes = text.as_bytes();
    let mut copied = 0;
    while let Some(&byte) = bytes.get(found) {
        let (replacement, width) = match byte {
            b'<' => (Some("&lt;"), 1),
            b'>' => (Some("&gt;"), 1),
            b'&' => (Some("&amp;"), 1),
            b'\t' | b'\n' | b'\r' => (None, 1),
            LEAD_OF_NONCHARACTERS => {
                (matches!(bytes.get(found + 1..found + 3), Some([0xBF, 0xBE | 0xBF])).then_some(REPLACEMENT), 3)
            }
            LEAD_BEYOND_BMP.. => (bmp.then_some(REPLACEMENT), 4),
            _ => (Some(REPLACEMENT), 1),
        };
        if let Some(replacement) = replacement {
            push_all(out, [&text[copied..found], replacement]);
            copied = found + width;
        }
        found = scan::position(bytes, found + width, is_special);
    }
    out.push_str(&text[copied..]);
}

#[inline]
fn is_special(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'<') | (byte == b'>') | (byte == b'&') | (byte >= LEAD_OF_NONCHARACTERS)
}

/// Appends a whole number.
#[inline]
pub fn push_integer(out: &mut String, number: impl itoa::Integer) {
    out.push_str(itoa::Buffer::new().format(number));
}

/// Appends the shortest plain decimal that reads back as the same finite number: never an exponent, always a point.
pub fn push_double(out: &mut String, number: f64) {
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format_finite(number);
    // An exponent is an `e`, a sign and three digits at most.
    if !text.bytes().rev().take(5).any(|byte| byte == b'e') {
        return out.push_str(text);
    }
    // Far from one, ryu writes an exponent, which XML-RPC forbids and not every parser of xs:double expects.
    let plain = number.to_string();
    out.push_str(&plain);
    if !plain.contains('.') {
        out.push_str(".0");
    }
}

/// Escapes what is formatted into it.
pub struct Escape<'a> {
    /// Where the text goes.
    pub out: &'a mut String,
    /// Whether characters beyond U+FFFF become U+FFFD.
    pub bmp: bool,
}

impl fmt::Write for Escape<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        push_escaped(self.out, text, self.bmp);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str, bmp: bool) -> String {
        let mut out = String::new();
        push_escaped(&mut out, text, bmp);
        out
    }

    #[test]
    fn markup_is_escaped_wherever_it_stands() {
        for length in 0..40 {
            let filler = "é".repeat(length);
            assert_eq!(escaped(&format!("{filler}<a&b>{filler}"), false), format!("{filler}&lt;a&amp;b&gt;{filler}"));
        }
        assert_eq!(escaped("a\t\r\n\"'b", false), "a\t\r\n\"'b");
    }

    #[test]
    fn what_xml_cannot_carry_is_replaced() {
        for code in (0..0x20).filter(|code| ![9, 10, 13].contains(code)).chain([0xFFFE, 0xFFFF]) {
            let text = format!("x{}y", char::from_u32(code).unwrap());
            assert_eq!(escaped(&text, false), "x\u{FFFD}y", "U+{code:04X}");
        }
        assert_eq!(escaped("\u{FFFD}\u{F000}\u{7F}\u{85}", false), "\u{FFFD}\u{F000}\u{7F}\u{85}");
    }

    #[test]
    fn characters_beyond_the_bmp_are_replaced_only_when_asked() {
        assert_eq!(escaped("a😀b\u{10FFFF}", false), "a😀b\u{10FFFF}");
        assert_eq!(escaped("a😀b\u{10FFFF}ü", true), "a\u{FFFD}b\u{FFFD}ü");
    }

    #[test]
    fn doubles_are_plain_and_read_back_the_same() {
        for number in [0.0, -0.5, 0.1, 1e300, 5e-324, 1e-7, 123_456_789.125, 9_007_199_254_740_993.0, f64::MAX] {
            let mut out = String::new();
            push_double(&mut out, number);
            assert!(!out.contains(['e', 'E']) && out.contains('.'), "{out}");
            assert_eq!(out.parse::<f64>().unwrap(), number);
        }
    }
}
