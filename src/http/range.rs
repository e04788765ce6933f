//! The Range header of RFC 9110, section 14: one range of bytes.

use std::ops::Range;

/// What a Range header asks of a content of known size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All of it: there is no range, or one that a server may ignore (several ranges, another unit, bad syntax).
    Whole,
    /// This part.
    Part(Range<u64>),
    /// Nothing that is there.
    Unsatisfiable,
}

/// Reads a Range header.
pub fn wanted(header: Option<&str>, size: u64) -> Wanted {
    let Some(spec) = header.and_then(|text| text.trim().strip_prefix("bytes=")) else { return Wanted::Whole };
    let Some((first, last)) = spec.split_once('-').map(|(first, last)| (first.trim(), last.trim())) else {
        return Wanted::Whole;
    };
    let (first, last) = (number(first), number(last));
    let part = match (first, last) {
        (Ok(Some(first)), Ok(None)) => first..size,
        (Ok(Some(first)), Ok(Some(last))) if first <= last => first..size.min(last.saturating_add(1)),
        (Ok(None), Ok(Some(0))) => return Wanted::Unsatisfiable,
        (Ok(None), Ok(Some(suffix))) => size.saturating_sub(suffix)..size,
        _ => return Wanted::Whole,
    };
    if part.start >= size { Wanted::Unsatisfiable } else { Wanted::Part(part) }
}

fn number(text: &str) -> Result<Option<u64>, ()> {
    match text {
        "" => Ok(None),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Some(digits.parse().unwrap_or(u64::MAX))),
        _ => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_served() {
        assert_eq!(wanted(Some("bytes=0-99"), 1000), Wanted::Part(0..100));
        assert_eq!(wanted(Some("bytes=900-"), 1000), Wanted::Part(900..1000));
        assert_eq!(wanted(Some("bytes=-100"), 1000), Wanted::Part(900..1000));
        assert_eq!(wanted(Some("bytes=-5000"), 1000), Wanted::Part(0..1000));
        assert_eq!(wanted(Some("bytes=990-99999999999999999999999"), 1000), Wanted::Part(990..1000));
    }

    #[test]
    fn what_a_server_may_ignore_is_ignored() {
        for text in ["bytes=0-1,5-6", "items=0-1", "bytes=5-1", "bytes=a-b", "bytes=-", "bytes", "bytes=+1-2"] {
            assert_eq!(wanted(Some(text), 1000), Wanted::Whole, "{text}");
        }
        assert_eq!(wanted(None, 1000), Wanted::Whole);
    }

    #[test]
    fn a_range_beyond_the_end_cannot_be_satisfied() {
        for text in ["bytes=1000-", "bytes=5000-6000", "bytes=-0"] {
            assert_eq!(wanted(Some(text), 1000), Wanted::Unsatisfiable, "{text}");
        }
        assert_eq!(wanted(Some("bytes=0-0"), 0), Wanted::Unsatisfiable);
    }
}
