//! Hits on the wire: how ours are written, and what is left of a stranger's.
//!
//! What is left of a stranger's words is decided by `overlay/stranger.rs`; a hit whose content id means nothing is
//! dropped.

use crate::{
    model::{ContentId, Hit, Time},
    overlay::stranger::{
        MAX_BRIDGE, MAX_DESCRIPTION, MAX_MEDIA_TYPE, MAX_NAME, MAX_TAG, MAX_TAGS, MAX_VIA, cut, harmless_hit,
    },
};

/// Most bytes that a hit within these limits takes as a message.
pub(super) const MAX_HIT: usize = 24 << 10;

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
        harmless_hit(Hit {
            content_id: self.content_id.parse::<ContentId>().ok()?,
            name: self.name,
            size: self.size,
            media_type: self.media_type,
            description: self.description,
            tags: self.tags,
            modified: self.modified.map(Time::from_millis),
            overlay: overlay.to_owned(),
            providers: 1,
            score: self.score,
            via: self.via,
        })
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;
    use crate::overlay::stranger::{ANY_BYTES, bare_hit};

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
