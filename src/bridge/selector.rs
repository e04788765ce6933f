//! Patterns of the rules: `*classified*`, `name:*.iso`, `tag:internal`, `type:video/*`.
//!
//! They are globs (`*` any characters, `?` one) and ignore case, since whoever writes a rule means the thing and not its
//! spelling.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::model::Hit;

/// Most characters of a pattern.
const MAX_CHARS: usize = 256;

/// A pattern on the names, tags or media types of contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// As it was written.
    text: String,
    field: Field,
    glob: Vec<char>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    NameOrTag,
    Name,
    Tag,
    Type,
}

/// The labels of a content in the form in which patterns look at them, so that each is brought into it once.
pub struct Labels {
    name: Vec<char>,
    tags: Vec<Vec<char>>,
    media_type: Vec<char>,
}

impl Labels {
    /// Those of a hit.
    pub fn of(hit: &Hit) -> Self {
        // Parameters such as `charset` are no part of the type.
        let essence = hit.media_type.split(';').next().unwrap_or_default().trim();
        Self {
            name: folded(&hit.name),
            tags: hit.tags.iter().map(|tag| folded(tag)).collect(),
            media_type: folded(essence),
        }
    }
}

impl Selector {
    /// What of a content it matches, for people; none when it does not.
    pub fn matches(&self, labels: &Labels) -> Option<String> {
        let name = || self.glob_matches(&labels.name).then(|| "name".to_owned());
        let tag = || {
            let tag = labels.tags.iter().find(|tag| self.glob_matches(tag))?;
            Some(format!("tag {:?}", tag.iter().collect::<String>()))
        };
        match self.field {
            Field::NameOrTag => name().or_else(tag),
            Field::Name => name(),
            Field::Tag => tag(),
            Field::Type => self.glob_matches(&labels.media_type).then(|| "media type".to_owned()),
        }
    }

    /// Whether a content of that name would be matched, whatever its tags and type.
    pub fn matches_name(&self, name: &str) -> bool {
        matches!(self.field, Field::NameOrTag | Field::Name) && self.glob_matches(&folded(name))
    }

    /// Whether a content with that tag would be matched, whatever its name and type.
    pub fn matches_tag(&self, tag: &str) -> bool {
        matches!(self.field, Field::NameOrTag | Field::Tag) && self.glob_matches(&folded(tag))
    }

    /// Whether every content of that media type would be matched.
    pub fn matches_type(&self, media_type: &str) -> bool {
        self.field == Field::Type && self.glob_matches(&folded(media_type))
    }

    /// The classic walk that goes back to the last `*` only, so that no pattern costs more than its length times the
    /// text's.
    fn glob_matches(&self, text: &[char]) -> bool {
        let (mut at, mut in_text) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        while in_text < text.len() {
            match self.glob.get(at) {
                Some('*') => {
                    star = Some((at, in_text));
                    at += 1;
                }
                Some(&wanted) if wanted == '?' || wanted == text[in_text] => {
                    at += 1;
                    in_text += 1;
                }
                _ => match &mut star {
                    Some((of_star, taken)) => {
                        *taken += 1;
                        (at, in_text) = (*of_star + 1, *taken);
                    }
                    None => return false,
                },
            }
        }
        self.glob[at..].iter().all(|&rest| rest == '*')
    }
}

fn folded(text: &str) -> Vec<char> {
    text.to_lowercase().chars().collect()
}

impl FromStr for Selector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let count = text.chars().count();
        if count > MAX_CHARS {
            return Err(format!("a pattern has {count} characters, the limit is {MAX_CHARS}"));
        }
        let known = [("name:", Field::Name), ("tag:", Field::Tag), ("type:", Field::Type)];
        let named = known.iter().find_map(|(prefix, field)| Some((*field, text.strip_prefix(prefix)?)));
        let (field, glob) = named.unwrap_or((Field::NameOrTag, text));
        if glob.is_empty() {
            return Err(format!("the pattern {text:?} says nothing; * stands for any characters"));
        }
        Ok(Self { text: text.to_owned(), field, glob: folded(glob) })
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Selector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Selector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str, tags: &[&str], media_type: &str) -> Option<String> {
        let labels = Labels {
            name: folded(name),
            tags: tags.iter().map(|tag| folded(tag)).collect(),
            media_type: folded(media_type),
        };
        pattern.parse::<Selector>().unwrap().matches(&labels)
    }

    #[test]
    fn globs_ignore_case_and_look_at_the_whole_text() {
        for (pattern, text) in [
            ("*", ""),
            ("*classified*", "Top CLASSIFIED plan"),
            ("report-202?.pdf", "Report-2026.PDF"),
            ("a*b*b", "abb"),
            ("*ab*ab", "xabyabab"),
            ("ÄRGER*", "ärger.txt"),
            ("**x", "x"),
            ("?", "x"),
        ] {
            assert!(pattern.parse::<Selector>().unwrap().glob_matches(&folded(text)), "{pattern} {text}");
        }
        for (pattern, text) in
            [("classified", "classified plan"), ("?", ""), ("?", "xy"), ("a*a", "a"), ("a*b", "abc"), ("*ab*ab", "xab")]
        {
            assert!(!pattern.parse::<Selector>().unwrap().glob_matches(&folded(text)), "{pattern} {text}");
        }
        let slow = format!("{}b", "*a".repeat(128)[1..].to_owned());
        assert!(!slow.parse::<Selector>().unwrap().glob_matches(&vec!['a'; 4096]));
    }

    #[test]
    fn a_prefix_says_which_label_is_meant() {
        assert_eq!(matches("internal", "internal", &[], ""), Some("name".into()));
        assert_eq!(matches("internal", "x", &["open", "Internal"], ""), Some("tag \"internal\"".into()));
        assert_eq!(matches("tag:internal", "internal", &[], ""), None);
        assert_eq!(matches("name:internal", "x", &["internal"], ""), None);
        assert_eq!(matches("type:video/*", "x", &[], "Video/MP4"), Some("media type".into()));
        assert_eq!(matches("video/*", "x", &[], "video/mp4"), None);
        let hit = Hit { media_type: "text/html; charset=utf-8".into(), ..crate::bridge::tests::hit("x", 1) };
        assert!("type:text/html".parse::<Selector>().unwrap().matches(&Labels::of(&hit)).is_some());
    }

    #[test]
    fn patterns_are_bounded_and_shown_as_written() {
        assert_eq!("Tag:X*".parse::<Selector>().unwrap().to_string(), "Tag:X*");
        for (bad, why) in [("", "says nothing"), ("tag:", "says nothing"), (&*"x".repeat(257), "the limit is 256")] {
            assert!(bad.parse::<Selector>().unwrap_err().contains(why), "{bad}");
        }
    }
}
