//! Patterns with `*`, as the configuration writes them: `search.*`, `content.read`, `*`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, de};

/// Most characters of a pattern.
const MAX_CHARS: usize = 256;

/// A text in which each `*` stands for any characters, none included. Everything else stands for itself, case
/// included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// Whether all of the text is what the pattern says.
    pub fn matches(&self, text: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else { return self.0 == text };
        let Some(mut text) = text.strip_prefix(first) else { return false };
        let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
        // The earliest place of each part leaves the most for those behind it, so that none has to be tried again.
        for part in middle.split('*') {
            let Some((_, behind)) = text.split_once(part) else { return false };
            text = behind;
        }
        text.ends_with(last)
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.chars().count() {
            0 => Err("a pattern is empty; `*` matches everything".to_owned()),
            1..=MAX_CHARS => Ok(Self(text.to_owned())),
            count => Err(format!("a pattern has {count} characters, want at most {MAX_CHARS}")),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, text) in [
            ("*", ""),
            ("*", "content.read"),
            ("search.*", "search.find"),
            ("search.*", "search."),
            ("*.list", "peer.list"),
            ("*.*", "node.info"),
            ("c*t.*d", "content.read"),
            ("a*b*b", "abb"),
            ("a**b", "ab"),
            ("*ab*ab*", "xabab"),
            ("content.read", "content.read"),
        ] {
            assert!(pattern.parse::<Pattern>().unwrap().matches(text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("search.*", "search"),
            ("search.*", "research.find"),
            ("content.read", "content.reads"),
            ("content.read", "Content.read"),
            ("a*a", "a"),
            ("ab*ba", "aba"),
            ("a*b*b", "ab"),
            ("*ab*ab*", "xab"),
            ("s?arch.find", "search.find"),
        ] {
            assert!(!pattern.parse::<Pattern>().unwrap().matches(text), "{pattern} {text}");
        }
    }

    #[test]
    fn patterns_are_bounded() {
        assert!("".parse::<Pattern>().is_err());
        assert!("x".repeat(MAX_CHARS).parse::<Pattern>().is_ok());
        assert!("x".repeat(MAX_CHARS + 1).parse::<Pattern>().unwrap_err().contains("256"));
    }
}
