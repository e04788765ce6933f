//! The text of a moment, put together on the stack.
//!
//! Every hit and every content of every answer holds a moment, and a general formatter took longer for it than the
//! answer's format for all other fields of the hit together.

use jiff::Timestamp;

/// Bytes of the longest text: `2026-11-22T06:49:55.120Z`.
const LONGEST: usize = 24;
/// The text with every digit still to be written.
const PATTERN: &[u8; LONGEST] = b"0000-00-00T00:00:00.000Z";
/// The digits of the numbers below 100.
const PAIRS: [[u8; 2]; 100] = pairs();
/// Milliseconds of a day.
const DAY: i64 = 86_400_000;
/// The days of the years 0 to 9999, counted from 1970-01-01 on.
const DAYS: std::ops::RangeInclusive<i64> = -719_528..=2_932_896;

const fn pairs() -> [[u8; 2]; 100] {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number = 0;
    while number < pairs.len() {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
}

/// A moment as RFC 3339 in UTC, with milliseconds where there are any.
pub struct TimeText {
    bytes: [u8; LONGEST],
    length: usize,
}

impl TimeText {
    /// The text of a moment; none for a year that four digits cannot say.
    pub fn of(moment: Timestamp) -> Option<Self> {
        let millis = moment.as_millisecond();
        let (day, of_day) = (millis.div_euclid(DAY), millis.rem_euclid(DAY) as u32);
        let [century, year, month, day] = DAYS.contains(&day).then(|| date(day))?;
        let (second, millis) = (of_day / 1_000, of_day % 1_000);
        let mut bytes = *PATTERN;
        let two_digits = [
            (0, century),
            (2, year),
            (5, month),
            (8, day),
            (11, second / 3_600),
            (14, second / 60 % 60),
            (17, second % 60),
            (20, millis / 10),
        ];
        for (at, number) in two_digits {
            bytes[at..at + 2].copy_from_slice(&PAIRS[number as usize % 100]);
        }
        bytes[22] = b'0' + (millis % 10) as u8;
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

    /// The text, all ASCII.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

/// Century, year in it, month and day of the month of a day within [`DAYS`].
///
/// The calendar begins on the first of March of a year that 400 divides, so that a leap day is the last one of its year,
/// its century and its era, and all three are plain divisions. Months of 31 and 30 days from March on take 153 days in
/// five.
fn date(day: i64) -> [u32; 4] {
    const ERA: u32 = 146_097;
    const CENTURY: u32 = 36_524;
    const FOUR_YEARS: u32 = 1_461;
    // 0000-03-01 is day -719,468; an era before that keeps January and February of the year 0 above zero.
    let days = (day + 719_468 + i64::from(ERA)) as u32;
    let (era, of_era) = (days / ERA, days % ERA);
    let century = (4 * of_era + 3) / ERA;
    let of_century = of_era - century * CENTURY - century / 4;
    let year = (4 * of_century + 3) / FOUR_YEARS;
    let of_year = of_century - year * FOUR_YEARS / 4;
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5;
    let (next_year, month) = if month < 10 { (0, month + 3) } else { (1, month - 9) };
    let year = 400 * era + 100 * century + year + next_year - 400;
    [year / 100, year % 100, month, of_month + 1]
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
        for day in DAYS.step_by(13).chain([*DAYS.end()]) {
            let moment = Timestamp::from_millisecond(day * DAY + 1).unwrap_or(Timestamp::MAX);
            assert!(TimeText::of(moment).unwrap().as_str().starts_with(&moment.to_string()[..19]), "{moment}");
        }
        assert!(TimeText::of(Timestamp::MIN).is_none(), "a year before 0 has more than four digits");
    }
}
