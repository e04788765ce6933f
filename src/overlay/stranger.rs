//! What is left of a stranger's words: texts cut to a limit, without what could mislead a terminal, a log or a reader.
//!
//! Peers, other gateways and legacy catalogues are all strangers here; what they say of a content passes through this file
//! before anybody sees it.

use crate::model::{ContentId, Hit};

/// Longest name, in bytes.
pub const MAX_NAME: usize = 1024;
/// Longest description, in bytes.
pub const MAX_DESCRIPTION: usize = 4096;
/// Longest media type, in bytes.
pub const MAX_MEDIA_TYPE: usize = 127;
/// Most tags of a hit.
pub const MAX_TAGS: usize = 32;
/// Longest tag, in bytes.
pub const MAX_TAG: usize = 128;
/// Most bridges that a hit crossed.
pub const MAX_VIA: usize = 16;
/// Longest bridge id, in bytes.
pub const MAX_BRIDGE: usize = 256;
/// Largest content that is believed in: 256 TiB.
pub const MAX_CONTENT: u64 = 1 << 48;
/// The media type of what does not say.
pub const ANY_BYTES: &str = "application/octet-stream";

/// A hit as a stranger said it, made harmless; none when its size cannot be believed. `overlay` and `providers` are
/// this node's own words and stay.
pub fn harmless_hit(hit: Hit) -> Option<Hit> {
    let harmless_all = |texts: Vec<String>, most: usize, longest: usize| {
        texts.iter().take(most).map(|text| harmless(text, longest)).filter(|text| !text.is_empty()).collect()
    };
    Some(Hit {
        content_id: hit.content_id,
        name: harmless(&hit.name, MAX_NAME),
        size: (hit.size <= MAX_CONTENT).then_some(hit.size)?,
        media_type: media_type(hit.media_type),
        description: hit.description.map(|text| harmless(&text, MAX_DESCRIPTION)),
        tags: harmless_all(hit.tags, MAX_TAGS, MAX_TAG),
        modified: hit.modified,
        overlay: hit.overlay,
        providers: hit.providers,
        score: if hit.score.is_finite() { hit.score } else { 0.0 },
        via: harmless_all(hit.via, MAX_VIA, MAX_BRIDGE),
    })
}

/// A hit that says no more than the id and the size.
pub fn bare_hit(id: &ContentId, size: u64, overlay: &str) -> Hit {
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
pub fn harmless(text: &str, longest: usize) -> String {
    let misleads = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    cut(text, longest).chars().map(|c| if misleads(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// The text's beginning, cut between characters.
pub fn cut(text: &str, longest: usize) -> &str {
    &text[..text.floor_char_boundary(longest)]
}

fn media_type(text: String) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "!#$&^_.+-/;= ".contains(c);
    let valid = text.len() <= MAX_MEDIA_TYPE && text.contains('/') && text.chars().all(plain);
    if valid { text } else { ANY_BYTES.to_owned() }
}
