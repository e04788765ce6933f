//! The messages of search/1 (docs/protocols.md).

use super::super::{hits::WireHit, journey::WireJourney};
use crate::model::{Fault, Journey, Outcome, Query, Term};

/// Longest request: a query of 32 terms and its filters stays far below.
pub(super) const MAX_REQUEST: usize = 64 << 10;
/// Longest page.
pub(super) const MAX_PAGE: usize = 256 << 10;
/// Most hits that one peer may give to one query.
pub(super) const MAX_HITS: usize = 200;
/// How many times the hits asked for an answerer may send: its own, and those of further overlays as they come.
pub(super) const SHARES: usize = 8;
/// Longest text of a term, tag or media type in a query, in bytes.
const MAX_TEXT: usize = 1024;
/// Most tags in a query's filter.
const MAX_TAGS: usize = 32;

/// What is asked.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Request {
    /// The way of the query.
    #[prost(message, optional, tag = "1")]
    pub journey: Option<WireJourney>,
    #[prost(message, repeated, tag = "2")]
    pub terms: Vec<WireTerm>,
    #[prost(string, optional, tag = "3")]
    pub media_type: Option<String>,
    #[prost(string, repeated, tag = "4")]
    pub tags: Vec<String>,
    #[prost(uint64, optional, tag = "5")]
    pub min_size: Option<u64>,
    #[prost(uint64, optional, tag = "6")]
    pub max_size: Option<u64>,
    #[prost(uint32, tag = "7")]
    pub limit: u32,
}

/// One condition.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct WireTerm {
    #[prost(enumeration = "Kind", tag = "1")]
    pub kind: i32,
    #[prost(string, tag = "2")]
    pub text: String,
}

/// What a term's text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
pub(super) enum Kind {
    Word = 0,
    Phrase = 1,
    Prefix = 2,
    Without = 3,
}

/// Hits of the answerer, best first; the last page says that it is the last.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Page {
    #[prost(message, repeated, tag = "1")]
    pub hits: Vec<WireHit>,
    #[prost(bool, tag = "2")]
    pub done: bool,
    #[prost(enumeration = "Status", tag = "3")]
    pub status: i32,
    /// Somebody whom the answerer asked in turn gave no answer, or not a whole one.
    #[prost(bool, tag = "4")]
    pub missing: bool,
}

/// How the answerer fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
pub(super) enum Status {
    /// These are all hits that it has.
    Ok = 0,
    /// The query is not valid.
    Invalid = 1,
    /// It has too much to do.
    Busy = 2,
    /// Something went wrong with it.
    Failed = 3,
}

impl Request {
    /// A query of this node's, to be asked in one overlay.
    pub fn of(query: &Query, journey: &Journey) -> Self {
        let term = |term: &Term| {
            let (kind, text) = match term {
                Term::Word(text) => (Kind::Word, text),
                Term::Phrase(text) => (Kind::Phrase, text),
                Term::Prefix(text) => (Kind::Prefix, text),
                Term::Without(text) => (Kind::Without, text),
            };
            WireTerm { kind: kind.into(), text: text.clone() }
        };
        Self {
            journey: Some(WireJourney::of(journey)),
            terms: query.terms.iter().map(term).collect(),
            media_type: query.media_type.clone(),
            tags: query.tags.clone(),
            min_size: query.min_size,
            max_size: query.max_size,
            limit: query.limit.min(MAX_HITS) as u32,
        }
    }

    /// A stranger's query and its way, in the overlay of that id.
    ///
    /// # Errors
    /// InvalidRequest when it is beyond a limit or says nothing to search for.
    pub fn into_query(self, overlay_id: &str) -> Outcome<(Query, Journey)> {
        let texts = self.terms.iter().map(|term| &term.text).chain(&self.tags).chain(&self.media_type);
        if texts.clone().any(|text| text.len() > MAX_TEXT) || self.tags.len() > MAX_TAGS {
            return Err(Fault::invalid("the query is beyond a limit of search/1"));
        }
        let journey = self.journey.unwrap_or_default().into_journey(overlay_id)?;
        let term = |WireTerm { kind, text }| match Kind::try_from(kind) {
            Ok(Kind::Word) => Ok(Term::Word(text)),
            Ok(Kind::Phrase) => Ok(Term::Phrase(text)),
            Ok(Kind::Prefix) => Ok(Term::Prefix(text)),
            Ok(Kind::Without) => Ok(Term::Without(text)),
            Err(_) => Err(Fault::invalid(format!("a term has the unknown kind {kind}"))),
        };
        let terms = self.terms.into_iter().map(term).collect::<Outcome<_>>()?;
        let query = Query::of(terms, (self.limit as usize).clamp(1, MAX_HITS))?;
        let (media_type, tags) = (self.media_type, self.tags);
        Ok((Query { media_type, tags, min_size: self.min_size, max_size: self.max_size, ..query }, journey))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_arrives_as_it_was() {
        let mut query = Query::parse("a \"b c\" d* -e", 50).unwrap();
        query.media_type = Some("image/*".into());
        query.tags = vec!["x".into()];
        query.min_size = Some(1);
        query.max_size = Some(2);
        let journey = Journey::begin("x").asked_in(["native:1".to_owned()]);
        assert_eq!(Request::of(&query, &journey).into_query("native:1"), Ok((query, journey)));
    }

    #[test]
    fn a_strangers_query_beyond_a_limit_is_refused() {
        let good = Request::of(&Query::parse("a", 20).unwrap(), &Journey::begin("x"));
        let term = |kind, text: String| WireTerm { kind, text };
        for bad in [
            Request { terms: vec![], ..good.clone() },
            Request { terms: vec![term(9, "a".into())], ..good.clone() },
            Request { terms: vec![term(0, "a".repeat(2000))], ..good.clone() },
            Request { terms: vec![term(0, "a".into()); 33], ..good.clone() },
            Request { tags: vec!["t".into(); 33], ..good.clone() },
            Request { journey: None, ..good.clone() },
        ] {
            assert!(bad.clone().into_query("native:1").is_err(), "{bad:?}");
        }
        assert_eq!(Request { limit: u32::MAX, ..good }.into_query("native:1").unwrap().0.limit, MAX_HITS);
    }
}
