//! An XML document while it is written: tags, text and numbers.
//!
//! No numeric reference is ever written, because several of the tried parsers lose them: a carriage return goes out as
//! it is (and a conforming parser reads it as a line feed, XML 1.0 section 2.11), and what XML cannot carry becomes
//! U+FFFD.

use std::{fmt, ops::Range};

use super::scan;

/// The first byte of the UTF-8 form of U+F000 to U+FFFF, which holds the two code points that XML refuses.
const LEAD_OF_NONCHARACTERS: u8 = 0xEF;
/// The least first byte of the UTF-8 form of a character beyond U+FFFF.
const LEAD_BEYOND_BMP: u8 = 0xF0;
const REPLACEMENT: &str = "\u{FFFD}";
/// Numbers whose shortest form has no exponent; outside of it there may be one.
const WITHOUT_EXPONENT: Range<f64> = 1e-4..1e15;
/// Bytes of a tag that is put together before it is appended; longer ones are appended in pieces.
const USUAL_TAG: usize = 64;

/// A document, or a part of one, while it is written.
///
/// Bytes, and not a `String`, because pieces of ASCII are put together on the stack and appended with one look at the
/// capacity; checking them for UTF-8 took longer than writing them.
#[derive(Clone, Debug, Default)]
pub struct Draft(Vec<u8>);

impl Draft {
    /// An empty one with room for so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes back what was appended behind the first `len` bytes.
    pub fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    /// What was written, as it is sent.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// What was written, as text.
    pub fn into_text(self) -> String {
        String::from_utf8(self.0).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
    }

    /// Appends markup as it is.
    #[inline]
    pub fn push_str(&mut self, markup: &str) {
        self.0.extend_from_slice(markup.as_bytes());
    }

    /// Appends letters, digits and marks that mean nothing in XML, all ASCII.
    #[inline]
    pub fn push_ascii(&mut self, text: &[u8]) {
        debug_assert!(text.is_ascii());
        self.0.extend_from_slice(text);
    }

    /// Appends another part of the document.
    pub fn push(&mut self, part: &Self) {
        self.0.extend_from_slice(&part.0);
    }

    // Inlined, so that all three are constants where they are copied: a tag is one or two instructions then.
    /// Appends a tag, such as `<`, `name` and `>`.
    #[inline(always)]
    pub fn push_tag(&mut self, open: &str, name: &str, close: &str) {
        let [end_of_open, end_of_name] = [open.len(), open.len() + name.len()];
        let length = end_of_name + close.len();
        let mut tag = [0; USUAL_TAG];
        if length > USUAL_TAG {
            return [open, name, close].into_iter().for_each(|part| self.push_str(part));
        }
        tag[..end_of_open].copy_from_slice(open.as_bytes());
        tag[end_of_open..end_of_name].copy_from_slice(name.as_bytes());
        tag[end_of_name..length].copy_from_slice(close.as_bytes());
        self.0.extend_from_slice(&tag[..length]);
    }

    /// Appends text as character data. With `bmp`, characters beyond U+FFFF become U+FFFD.
    pub fn push_escaped(&mut self, text: &str, bmp: bool) {
        let special = scan::position(text.as_bytes(), 0, is_special);
        // Most texts have nothing to be escaped.
        if special == text.len() {
            self.push_str(text);
        } else {
            self.push_specials(text, bmp, special);
        }
    }

    /// Appends text whose first byte that may not be copied as it is lies at `found`.
    fn push_specials(&mut self, text: &str, bmp: bool, mut found: usize) {
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
                self.0.extend_from_slice(&bytes[copied..found]);
                self.push_str(replacement);
                copied = found + width;
            }
            found = scan::position(bytes, found + width, is_special);
        }
        self.0.extend_from_slice(&bytes[copied..]);
    }

    /// Appends text as the value of an attribute in double quotes.
    pub fn push_attribute(&mut self, text: &str) {
        for (i, part) in text.split('"').enumerate() {
            if i > 0 {
                self.push_str("&quot;");
            }
            self.push_escaped(part, false);
        }
    }

    /// Appends a whole number.
    #[inline]
    pub fn push_integer(&mut self, number: impl itoa::Integer) {
        let mut buffer = itoa::Buffer::new();
        let digits = buffer.format(number).as_bytes();
        self.0.extend_from_slice(digits);
    }

    /// Appends the shortest plain decimal that reads back as the same finite number: never an exponent, always a point.
    pub fn push_double(&mut self, number: f64) {
        let mut buffer = zmij::Buffer::new();
        let text = buffer.format_finite(number);
        if WITHOUT_EXPONENT.contains(&number.abs()) || !text.contains('e') {
            return self.push_str(text);
        }
        // Far from one, the shortest form has an exponent, which XML-RPC forbids and not every parser of xs:double
        // expects.
        let plain = number.to_string();
        self.push_str(&plain);
        if !plain.contains('.') {
            self.push_str(".0");
        }
    }

    /// Appends bytes as base64.
    pub fn push_base64(&mut self, bytes: &[u8]) {
        base64_simd::STANDARD.encode_append(bytes, &mut self.0);
    }
}

impl fmt::Write for Draft {
    fn write_str(&mut self, markup: &str) -> fmt::Result {
        self.push_str(markup);
        Ok(())
    }
}

// Two comparisons fewer than the ranges and characters one by one: what is below 0x20 and from 0xEF on lies side by side
// once it is moved, and `<` and `>` differ in one bit.
#[inline]
fn is_special(byte: u8) -> bool {
    const BELOW_SPACE: u8 = 0x20 + LEAD_OF_NONCHARACTERS.wrapping_neg();
    (byte.wrapping_add(LEAD_OF_NONCHARACTERS.wrapping_neg()) < BELOW_SPACE) | ((byte | 2) == b'>') | (byte == b'&')
}

/// Escapes what is formatted into it.
pub struct Escape<'a> {
    /// Where the text goes.
    pub out: &'a mut Draft,
    /// Whether characters beyond U+FFFF become U+FFFD.
    pub bmp: bool,
}

impl fmt::Write for Escape<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.out.push_escaped(text, self.bmp);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str, bmp: bool) -> String {
        let mut out = Draft::default();
        out.push_escaped(text, bmp);
        out.into_text()
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
            let mut out = Draft::default();
            out.push_double(number);
            let out = out.into_text();
            assert!(!out.contains(['e', 'E']) && out.contains('.'), "{out}");
            assert_eq!(out.parse::<f64>().unwrap(), number);
        }
    }
}
