//! Sizes and durations as people write and read them.

use std::time::Duration;

/// The units of [`size`] and [`parse_size`], a thousand times each other, and their binary cousins.
const UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// Bytes as a person reads them: `631 MB`, `4.2 kB`.
pub fn size(bytes: u64) -> String {
    if bytes < 1_000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64;
    let mut unit = "";
    for name in ["kB", "MB", "GB", "TB", "PB", "EB"] {
        value /= 1_000.0;
        unit = name;
        // Not 1,000: what would be shown as `1000` is one of the next unit.
        if value < 999.5 {
            break;
        }
    }
    if value < 9.95 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}

/// Reads `10MB`, `1.5 GiB`, `4096`.
///
/// # Errors
/// A sentence that says what is wanted.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no size, want a number of bytes or one such as 10MB or 1.5GiB");
    let text = text.trim();
    let end = text.find(|c: char| c.is_alphabetic() || c.is_whitespace()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = match unit.trim() {
        "" => "B",
        unit => unit,
    };
    let long = if unit.len() == 1 && !unit.eq_ignore_ascii_case("b") { format!("{unit}B") } else { unit.to_owned() };
    let (_, factor) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(&long)).ok_or_else(wrong)?;
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(*factor).ok_or_else(wrong);
    }
    let bytes = number.parse::<f64>().map_err(|_| wrong())? * *factor as f64;
    if (0.0..9e18).contains(&bytes) { Ok(bytes.round() as u64) } else { Err(wrong()) }
}

/// The time that so many bytes take at a rate: `42 s`, `3 min`, `2 h`.
pub fn eta(bytes: u64, rate: u64) -> String {
    if rate == 0 { "?".to_owned() } else { duration(Duration::from_secs(bytes.div_ceil(rate))) }
}

/// A duration in its largest fitting unit.
pub fn duration(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// `1 file`, `2 files`.
pub fn count(number: usize, singular: &str) -> String {
    if number == 1 { format!("1 {singular}") } else { format!("{number} {singular}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, want) in [
            ("0", 0),
            ("4096", 4096),
            ("10MB", 10_000_000),
            ("10 mb", 10_000_000),
            ("10M", 10_000_000),
            ("1.5GiB", 3 << 29),
            ("1k", 1_000),
            ("7B", 7),
        ] {
            assert_eq!(parse_size(text), Ok(want), "{text}");
        }
        for text in ["", "MB", "-1", "10 bananas", "1e99TB", "99999999999TB", "NaN"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_shown_in_the_unit_that_fits() {
        let shown = [0, 999, 1_000, 4_249, 12_345, 999_499, 999_500, 631_242_752, u64::MAX].map(size);
        assert_eq!(shown, ["0 B", "999 B", "1.0 kB", "4.2 kB", "12 kB", "999 kB", "1.0 MB", "631 MB", "18 EB"]);
    }
}
