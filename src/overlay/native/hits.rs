//! Hits on the wire: how ours are written, and what is left of a stranger's.
//!
//! Every text of a stranger is cut to a limit and loses what could mislead a terminal, a log or a reader; a hit whose
//! content id means nothing is dropped.

use crate::model::{ContentId, Hit, Time};

/// Longest name, in bytes.
const MAX_NAME: usize = 1024;
/// Longest description, in bytes.
const MAX_DESCRIPTION: usize = 4096;
/// Longest media type, in bytes.
const MAX_MEDIA_TYPE: usize = 127;
/// Most tags of a hit.
const MAX_TAGS: usize = 32;
/// Longest tag, in bytes.
const MAX_TAG: usize = 128;
/// Most bridges that a hit crossed.
const MAX_VIA: usize = 16;
/// Longest bridge id, in bytes.
const MAX_BRIDGE: usize = 256;
/// Largest content that is believed in: 256 TiB.
pub(super) const MAX_CONTENT: u64 = 1 << 48;
/// Most bytes that a hit within these limits takes as a message.
pub(super) const MAX_HIT: usize = 24 << 10;
/// The media type of what does not say.
const ANY_BYTES: &str = "application/octet-stream";

/// `Hit` of docs/protocols.md.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct WireHit {
    #[prost(string, tag = "1")]
    pub content_id: String,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(uint64, tag = "3")]
    pub size: u64,
    #[prost(string, tag = "4")]
    pub media_type: String,
    #[prost(string, optional, tag = "5")]
    pub description: Option<String>,
    #[prost(string, repeated, tag = "6")]
    pub tags: Vec<String>,
    /// Milliseconds since 1970, UTC.
    #[prost(sint64, optional, tag = "7")]
    pub modified: Option<i64>,
    #[prost(double, tag = "8")]
    pub score: f64,
    #[prost(string, repeated, tag = "9")]
    pub via: Vec<String>,
}

impl WireHit {
    /// One of our hits, within the limits that a stranger would cut it to.
    pub fn of(hit: &Hit) -> Self {
        Self {
            content_id: hit.content_id.to_string(),
            name: cut(&hit.name, MAX_NAME).to_owned(),
            size: hit.size,
            media_type: cut(&hit.media_type, MAX_MEDIA_TYPE).to_owned(),
            description: hit.description.as_ref().map(|text| cut(text, MAX_DESCRIPTION).to_owned()),
            tags: hit.tags.iter().take(MAX_TAGS).map(|tag| cut(tag, MAX_TAG).to_owned()).collect(),
            modified: hit.modified.map(Time::as_millis),
            score: hit.score,
            via: hit.via.iter().take(MAX_VIA).map(|bridge| cut(bridge, MAX_BRIDGE).to_owned()).collect(),
        }
    }

    /// A stranger's hit as one of `overlay`, made harmless.
    pub fn into_hit(self, overlay: &str) -> Option<Hit> {
        let content_id: ContentId = self.content_id.parse().ok()?;
        let harmless_all = |texts: Vec<String>, most: usize, longest: usize| {
            texts.iter().take(most).map(|text| harmless(text, longest)).filter(|text| !text.is_empty()).collect()
        };
        Some(Hit {
            content_id,
            name: harmless(&self.name, MAX_NAME),
            size: (self.size <= MAX_CONTENT).then_some(self.size)?,
            media_type: media_type(self.media_type),
            description: self.description.map(|text| harmless(&text, MAX_DESCRIPTION)),
            tags: harmless_all(self.tags, MAX_TAGS, MAX_TAG),
            modified: self.modified.map(Time::from_millis),
            overlay: overlay.to_owned(),
            providers: 1,
            score: if self.score.is_finite() { self.score } else { 0.0 },
            via: harmless_all(self.via, MAX_VIA, MAX_BRIDGE),
        })
    }
}

/// A hit that says no more than the id and the size.
pub(super) fn bare_hit(id: &ContentId, size: u64, overlay: &str) -> Hit {
    Hit {
        content_id: id.clone(),
        name: id.to_string(),
        size,
        media_type: ANY_BYTES.to_owned(),
        description: None,
        tags: Vec::new(),
        modified: None,
        overlay: overlay.to_owned(),
        providers: 1,
        score: 0.0,
        via: Vec::new(),
    }
}

/// The text's beginning, cut between characters, without what steers a terminal or turns the direction of writing.
pub(super) fn harmless(text: &str, longest: usize) -> String {
    let misleads = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    cut(text, longest).chars().map(|c| if misleads(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

fn media_type(text: String) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "!#$&^_.+-/;= ".contains(c);
    let valid = text.len() <= MAX_MEDIA_TYPE && text.contains('/') && text.chars().all(plain);
    if valid { text } else { ANY_BYTES.to_owned() }
}

fn cut(text: &str, longest: usize) -> &str {
    &text[..text.floor_char_boundary(longest)]
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    fn strangers() -> WireHit {
        WireHit {
            content_id: ContentId::native([7; 32]).to_string(),
            name: format!("a\u{1b}[2J\u{202e}\n{}", "é".repeat(5000)),
            size: 10,
            media_type: "text/html\r\nX: y".into(),
            description: Some("x".repeat(100_000)),
            tags: vec!["\0".repeat(500); 500],
            modified: Some(i64::MAX),
            score: f64::NAN,
            via: vec!["v".repeat(5000); 100],
        }
    }

    #[test]
    fn a_strangers_hit_is_bounded_and_harmless() {
        let hit = strangers().into_hit("home").unwrap();
        assert!(hit.name.len() <= MAX_NAME * 3 && !hit.name.chars().any(char::is_control), "{:?}", hit.name);
        assert!(!hit.name.contains('\u{202e}'));
        assert_eq!((hit.media_type.as_str(), hit.overlay.as_str(), hit.providers), (ANY_BYTES, "home", 1));
        assert_eq!((hit.tags.len(), hit.via.len(), hit.score), (MAX_TAGS, MAX_VIA, 0.0));
        assert!(WireHit::of(&hit).encoded_len() <= MAX_HIT);
    }

    #[test]
    fn a_hit_without_a_meaningful_id_or_size_is_dropped() {
        assert!(WireHit { content_id: "../etc/passwd".into(), ..strangers() }.into_hit("home").is_none());
        assert!(WireHit { size: u64::MAX, ..strangers() }.into_hit("home").is_none());
    }

    #[test]
    fn a_hit_of_ours_arrives_as_it_was() {
        let mut hit = bare_hit(&ContentId::native([1; 32]), 5, "home");
        hit.name = "Straße.txt".into();
        hit.description = Some("about".into());
        hit.tags = vec!["map".into()];
        hit.modified = Some(Time::from_millis(1_700_000_000_000));
        hit.score = 1.5;
        assert_eq!(WireHit::of(&hit).into_hit("home"), Some(hit));
    }
}
