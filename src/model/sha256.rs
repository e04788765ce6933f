//! A SHA-256 hash as callers write it, to check that bytes arrived as they were sent.

use std::{fmt, str::FromStr};

/// Hex digits of a hash.
const DIGITS: usize = 64;

/// A SHA-256 hash: 64 hex digits of either case, written in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sha256(pub [u8; 32]);

impl FromStr for Sha256 {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits: Vec<u8> = text.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
        if digits.len() != DIGITS || text.len() != DIGITS {
            return Err(format!("has {} characters, want the {DIGITS} hex digits of SHA-256", text.chars().count()));
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = pair[0] << 4 | pair[1];
        }
        Ok(Self(hash))
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_cases_are_read_and_lower_case_is_written() {
        let text = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855";
        let hash: Sha256 = text.parse().unwrap();
        assert_eq!((hash.0[0], hash.0[31]), (0xe3, 0x55));
        assert_eq!(hash.to_string(), text.to_lowercase());
        for bad in ["", "e3", &text[1..], &text.replace('E', "G"), &format!("{text} "), &text.replace('E', "é")] {
            assert!(bad.parse::<Sha256>().unwrap_err().contains("64 hex digits"), "{bad}");
        }
    }
}
