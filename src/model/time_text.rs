//! The text of a moment, put together on the stack.
//!
//! Every hit and every content of every answer holds a moment, and a general formatter took longer for it than the
//! answer's format for all other fields of the hit together.

use jiff::{Timestamp, tz::Offset};

/// Bytes of the longest text: `2026-11-22T06:49:55.120Z`.
const LONGEST: usize = 24;
/// The text with every digit still to be written.
const PATTERN: &[u8; LONGEST] = b"0000-00-00T00:00:00.000Z";

/// A moment as RFC 3339 in UTC, with milliseconds where there are any.
pub struct TimeText {
    bytes: [u8; LONGEST],
    length: usize,
}

impl TimeText {
    /// The text of a moment; none for a year that four digits cannot say.
    pub fn of(moment: Timestamp) -> Option<Self> {
        let civil = Offset::UTC.to_datetime(moment);
        let year = u8::try_from(civil.year() / 100).ok().filter(|_| civil.year() >= 0)?;
        let mut bytes = *PATTERN;
        let two_digits = [
            (0, year),
            (2, (civil.year() % 100) as u8),
            (5, civil.month() as u8),
            (8, civil.day() as u8),
            (11, civil.hour() as u8),
            (14, civil.minute() as u8),
            (17, civil.second() as u8),
        ];
        for (at, number) in two_digits {
            bytes[at] = b'0' + number / 10;
            bytes[at + 1] = b'0' + number % 10;
        }
        let millis = civil.subsec_nanosecond() / 1_000_000;
        for (at, unit) in [(20, 100), (21, 10), (22, 1)] {
            bytes[at] = b'0' + (millis / unit % 10) as u8;
        }
        // No zero ends the fraction, and where all of it is zero its point goes too.
        let end = match millis {
            0 => 19,
            _ if millis % 100 == 0 => 21,
            _ if millis % 10 == 0 => 22,
            _ => 23,
        };
        bytes[end] = b'Z';
        Some(Self { bytes, length: end + 1 })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_what_the_general_formatter_writes() {
        let moments = [0, 1, 10, 100, -1, 951_782_400_000, 1_795_330_195_120, 253_402_207_199_999, -62_167_219_200_000];
        for millis in moments.into_iter().chain((0..2_000).map(|i| i * 86_399_987_001 % 253_402_207_200_000)) {
            let moment = Timestamp::from_millisecond(millis).unwrap();
            assert_eq!(TimeText::of(moment).unwrap().as_str(), moment.to_string());
        }
        assert!(TimeText::of(Timestamp::MIN).is_none(), "a year before 0 has more than four digits");
    }
}
