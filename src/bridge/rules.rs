//! What may cross a bridge, and which rule says no.
//!
//! A deny wins over everything, a size limit over an allow, and a list of what is allowed means nothing else. The rules
//! look at what a hit says of a content, and are asked again each time that bytes of it cross.

use serde::{Deserialize, Serialize};

use super::selector::{Labels, Selector};
use crate::model::{Fault, Hit, Outcome, Query, Term};

/// Most patterns in one list.
const MAX_PATTERNS: usize = 256;
/// The largest hop limit: as many overlays as the path of a question may hold.
pub const MAX_HOPS: u32 = 16;

/// A bridge as the configuration or a caller describes it. Everything but `from` and `to` holds for each direction by
/// itself; for different rules in the two directions there are two bridges that are not bidirectional.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The overlay whose peers find and fetch.
    pub from: String,
    /// The overlay in which it lies.
    pub to: String,
    /// Whether it works the other way round as well.
    #[serde(default = "both_ways")]
    pub bidirectional: bool,
    /// Bridges that a question may still cross when it comes here, this one included.
    #[serde(default = "hop_limit")]
    pub hop_limit: u32,
    /// Only what one of these matches crosses; everything when empty.
    #[serde(default)]
    pub allow: Vec<Selector>,
    /// What one of these matches does not cross.
    #[serde(default)]
    pub deny: Vec<Selector>,
    /// Only contents of at most so many bytes cross.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_size: Option<u64>,
    /// Queries a second, in each direction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<u32>,
    /// Bytes of content on one day (UTC), in each direction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_per_day: Option<u64>,
}

fn both_ways() -> bool {
    true
}

fn hop_limit() -> u32 {
    3
}

/// Why something does not cross.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// The pattern as it was written, or the name of the limit or state.
    pub rule: String,
    /// A clause for people: `deny matches its tag "internal"`.
    pub reason: String,
}

impl Held {
    /// Held back by this rule, for this reason.
    pub fn new(rule: impl ToString, reason: impl Into<String>) -> Self {
        Self { rule: rule.to_string(), reason: reason.into() }
    }
}

impl Settings {
    /// A bridge between two overlays without any rules.
    pub fn between(from: &str, to: &str) -> Self {
        Self {
            from: from.to_owned(),
            to: to.to_owned(),
            bidirectional: both_ways(),
            hop_limit: hop_limit(),
            allow: Vec::new(),
            deny: Vec::new(),
            max_size: None,
            rate: None,
            bytes_per_day: None,
        }
    }

    /// Checks what the types do not.
    ///
    /// # Errors
    /// InvalidRequest that names the field and its limit.
    pub fn check(&self) -> Outcome<()> {
        if !(1..=MAX_HOPS).contains(&self.hop_limit) {
            return Err(Fault::invalid(format!("hop_limit: {} is out of range, want 1 to {MAX_HOPS}", self.hop_limit)));
        }
        for (field, list) in [("allow", &self.allow), ("deny", &self.deny)] {
            if list.len() > MAX_PATTERNS {
                return Err(Fault::invalid(format!("{field}: {} patterns, the limit is {MAX_PATTERNS}", list.len())));
            }
        }
        if self.rate == Some(0) {
            return Err(Fault::invalid("rate: 0 queries a second; pause the bridge instead"));
        }
        Ok(())
    }

    /// Why a content does not cross, if it does not.
    pub fn hold_back(&self, hit: &Hit) -> Option<Held> {
        let labels = (!self.allow.is_empty() || !self.deny.is_empty()).then(|| Labels::of(hit));
        if let Some(labels) = &labels {
            for pattern in &self.deny {
                if let Some(what) = pattern.matches(labels) {
                    return Some(Held::new(pattern, format!("deny matches its {what}")));
                }
            }
        }
        if let Some(most) = self.max_size.filter(|most| hit.size > *most) {
            return Some(Held::new("maxSize", format!("it has {} bytes, maxSize is {most}", hit.size)));
        }
        match labels {
            Some(labels) if !self.allow.is_empty() => {
                let allowed = self.allow.iter().any(|pattern| pattern.matches(&labels).is_some());
                (!allowed).then(|| Held::new("allow", "nothing in allow matches it"))
            }
            _ => None,
        }
    }

    /// Why a query does not cross, if it does not: it is written like a name that is denied, or asks only for what is.
    /// So what nobody is to find is not told to the far side either.
    pub fn hold_back_query(&self, query: &Query) -> Option<Held> {
        let text = wanted_text(query);
        for pattern in &self.deny {
            if pattern.matches_name(&text) {
                return Some(Held::new(pattern, "deny matches the words of the query"));
            }
            if let Some(tag) = query.tags.iter().find(|tag| pattern.matches_tag(tag)) {
                return Some(Held::new(pattern, format!("deny matches the tag {tag:?} that is asked for")));
            }
            // `image/*` is matched only by a pattern that takes all of it.
            if query.media_type.as_deref().is_some_and(|wanted| pattern.matches_type(wanted)) {
                return Some(Held::new(pattern, "deny matches the media type that is asked for"));
            }
        }
        let most = self.max_size.filter(|most| query.min_size.is_some_and(|least| least > *most))?;
        Some(Held::new("maxSize", format!("it asks for larger contents than maxSize, which is {most} bytes")))
    }
}

/// The words that a query wants, as a name would be written.
fn wanted_text(query: &Query) -> String {
    let wanted = query.terms.iter().filter_map(|term| match term {
        Term::Word(text) | Term::Phrase(text) | Term::Prefix(text) => Some(text.as_str()),
        Term::Without(_) => None,
    });
    wanted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::tests::hit;

    fn settings(allow: &[&str], deny: &[&str], max_size: Option<u64>) -> Settings {
        let parse = |list: &[&str]| list.iter().map(|text| text.parse().unwrap()).collect();
        Settings { allow: parse(allow), deny: parse(deny), max_size, ..Settings::between("red", "blue") }
    }

    fn rule(settings: &Settings, hit: &Hit) -> Option<String> {
        settings.hold_back(hit).map(|held| held.rule)
    }

    #[test]
    fn a_deny_wins_over_the_size_and_the_size_over_an_allow() {
        let secret = Hit { tags: vec!["Internal".into()], size: 500, ..hit("a plan", 1) };
        let rules = settings(&["*plan*"], &["tag:internal"], Some(100));
        assert_eq!(rule(&rules, &secret), Some("tag:internal".into()));
        assert_eq!(rule(&rules, &Hit { tags: vec![], ..secret.clone() }), Some("maxSize".into()));
        assert_eq!(rule(&rules, &Hit { tags: vec![], size: 100, ..secret.clone() }), None);
        let other = hit("a poem", 1);
        assert_eq!(rule(&rules, &other), Some("allow".into()));
        assert_eq!(rule(&settings(&[], &[], None), &secret), None);
        assert_eq!(rule(&settings(&["tag:internal", "nothing"], &[], None), &secret), None);
        let reason = rules.hold_back(&secret).unwrap().reason;
        assert_eq!(reason, "deny matches its tag \"internal\"");
    }

    #[test]
    fn a_query_that_is_written_like_what_is_denied_stays_here() {
        let rules = settings(&["tag:public"], &["*classified*", "tag:internal", "type:video/*"], Some(100));
        let query = |text: &str| Query::parse(text, 20).unwrap();
        let held = |query: &Query| rules.hold_back_query(query).map(|held| held.rule);
        assert_eq!(held(&query("the classified plan")), Some("*classified*".into()));
        assert_eq!(held(&query("\"most classified\" x")), Some("*classified*".into()));
        assert_eq!(held(&query("plan -classified")), None, "it asks for what is not");
        assert_eq!(held(&query("internal plan")), None, "a word is no tag");
        assert_eq!(held(&Query { tags: vec!["internal".into()], ..query("plan") }), Some("tag:internal".into()));
        assert_eq!(held(&Query { media_type: Some("video/mp4".into()), ..query("x") }), Some("type:video/*".into()));
        assert_eq!(held(&Query { media_type: Some("text/*".into()), ..query("x") }), None);
        assert_eq!(held(&Query { min_size: Some(101), ..query("x") }), Some("maxSize".into()));
        assert_eq!(held(&query("plan")), None, "allow looks at hits only");
    }

    #[test]
    fn settings_are_checked_with_their_limits() {
        assert!(settings(&["a"], &[], None).check().is_ok());
        let bad = Settings { hop_limit: 0, ..settings(&[], &[], None) };
        assert!(bad.check().unwrap_err().message.contains("want 1 to 16"));
        assert!(Settings { rate: Some(0), ..settings(&[], &[], None) }.check().is_err());
        let many = vec!["x"; MAX_PATTERNS + 1];
        assert!(settings(&[], &many, None).check().unwrap_err().message.contains("deny: 257 patterns"));
        let read: Settings = serde_json::from_str(r#"{"from":"red","to":"blue","deny":["tag:x"]}"#).unwrap();
        assert_eq!((read.bidirectional, read.hop_limit, read.deny[0].to_string()), (true, 3, "tag:x".to_owned()));
    }
}
