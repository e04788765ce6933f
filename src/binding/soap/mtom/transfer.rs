//! How the bytes of a part are written (RFC 2045 section 6), undone while they come.
//!
//! HTTP needs none of these, and MTOM wants `binary`; SOAP::Lite and old mail libraries beneath other stacks still send a
//! root part as quoted-printable, and attachments as base64.

use bytes::Bytes;

use crate::{
    binding::refusal::shown,
    model::{Fault, Outcome},
};

/// A Content-Transfer-Encoding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// 7bit, 8bit and binary: the bytes themselves.
    #[default]
    Identity,
    /// Base64 in lines.
    Base64,
    /// Text with `=XX`.
    QuotedPrintable,
}

impl Encoding {
    /// The encoding of that name.
    ///
    /// # Errors
    /// InvalidRequest for a name that RFC 2045 does not have.
    pub fn named(name: &str) -> Outcome<Self> {
        match name.to_ascii_lowercase().as_str() {
            "" | "7bit" | "8bit" | "binary" => Ok(Self::Identity),
            "base64" => Ok(Self::Base64),
            "quoted-printable" => Ok(Self::QuotedPrintable),
            _ => Err(Fault::invalid(format!("the Content-Transfer-Encoding {} is not known", shown(name)))),
        }
    }
}

/// Undoes an encoding as the bytes come.
#[derive(Debug)]
pub struct Decoder {
    encoding: Encoding,
    /// What waits for the rest of its group: less than four characters of base64, or what follows an equals sign.
    waiting: Vec<u8>,
}

impl Decoder {
    /// A decoder that has seen nothing.
    pub fn new(encoding: Encoding) -> Self {
        Self { encoding, waiting: Vec::new() }
    }

    /// The bytes that these stand for, as far as can be told yet.
    ///
    /// # Errors
    /// InvalidRequest for what the encoding does not have.
    pub fn decode(&mut self, bytes: Bytes) -> Outcome<Bytes> {
        match self.encoding {
            Encoding::Identity => Ok(bytes),
            Encoding::Base64 => self.base64(&bytes),
            Encoding::QuotedPrintable => self.quoted_printable(&bytes),
        }
    }

    /// The bytes that waited for more.
    ///
    /// # Errors
    /// InvalidRequest when there is half of something.
    pub fn finish(&mut self) -> Outcome<Bytes> {
        match self.encoding {
            Encoding::Identity => Ok(Bytes::new()),
            // Some encoders leave out the padding.
            Encoding::Base64 => decoded(std::mem::take(&mut self.waiting)),
            Encoding::QuotedPrintable if self.waiting.is_empty() => Ok(Bytes::new()),
            Encoding::QuotedPrintable => Err(broken("quoted-printable")),
        }
    }

    fn base64(&mut self, bytes: &[u8]) -> Outcome<Bytes> {
        let mut group = std::mem::take(&mut self.waiting);
        group.extend(bytes.iter().filter(|byte| !byte.is_ascii_whitespace()));
        self.waiting = group.split_off(group.len() / 4 * 4);
        decoded(group)
    }

    fn quoted_printable(&mut self, bytes: &[u8]) -> Outcome<Bytes> {
        let mut out = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            match (self.waiting.as_slice(), byte) {
                ([], b'=') => self.waiting.push(byte),
                ([], plain) => out.push(plain),
                // An equals sign at the end of a line: the line goes on in the next one.
                ([b'='] | [b'=', b'\r'], b'\n') => self.waiting.clear(),
                ([b'='], b' ' | b'\t') => {}
                ([b'='], _) => self.waiting.push(byte),
                ([_, high], low) => {
                    out.push(hexadecimal(*high, low).ok_or_else(|| broken("quoted-printable"))?);
                    self.waiting.clear();
                }
                _ => return Err(broken("quoted-printable")),
            }
        }
        Ok(out.into())
    }
}

fn hexadecimal(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

fn decoded(group: Vec<u8>) -> Outcome<Bytes> {
    let decoded = base64_simd::forgiving_decode_to_vec(&group);
    decoded.map(Bytes::from).map_err(|_| broken("base64"))
}

fn broken(encoding: &str) -> Fault {
    Fault::invalid(format!("a part that is said to be {encoding} is not"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(encoding: Encoding, text: &[u8], size: usize) -> Outcome<Vec<u8>> {
        let mut decoder = Decoder::new(encoding);
        let mut out = Vec::new();
        for piece in text.chunks(size) {
            out.extend_from_slice(&decoder.decode(Bytes::copy_from_slice(piece))?);
        }
        out.extend_from_slice(&decoder.finish()?);
        Ok(out)
    }

    #[test]
    fn rfc_2045_section_6_7_quoted_printable_is_undone_wherever_it_is_split() {
        let text = b"a=3D=C3=A9 =20\r\nsoft =\r\nline=\nend=  \r\n=3d";
        let want = "a=é  \r\nsoft lineend=".as_bytes();
        for size in 1..=text.len() {
            assert_eq!(decode(Encoding::QuotedPrintable, text, size).unwrap(), want, "in pieces of {size}");
        }
        for wrong in [&b"=XY"[..], b"=", b"=A", b"=\rx"] {
            assert!(decode(Encoding::QuotedPrintable, wrong, 9).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn rfc_2045_section_6_8_base64_is_undone_wherever_it_is_split() {
        let text = b"aGVs\r\nbG8g\r\nd29ybGQ=\r\n";
        for size in 1..=text.len() {
            assert_eq!(decode(Encoding::Base64, text, size).unwrap(), b"hello world", "in pieces of {size}");
        }
        assert_eq!(decode(Encoding::Base64, b"aGk", 2).unwrap(), b"hi");
        assert!(decode(Encoding::Base64, b"a", 2).is_err() && decode(Encoding::Base64, b"****", 2).is_err());
    }

    #[test]
    fn other_encodings_change_nothing() {
        for name in ["7bit", "8BIT", "binary", ""] {
            assert_eq!(decode(Encoding::named(name).unwrap(), b"=3D\r\n", 2).unwrap(), b"=3D\r\n");
        }
    }
}
