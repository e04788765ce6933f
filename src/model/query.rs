//! A search query as people type it: words that must all match, `"a phrase"`, `-without` and `prefix*`.
//!
//! Case, accents and word borders are the index's business; here the text is only taken apart and bounded.

use std::{fmt, time::Duration};

use super::{Fault, Outcome};

/// Longest query that is looked at, in bytes.
const MAX_QUERY: usize = 1024;
/// Most terms in one query.
const MAX_TERMS: usize = 32;

/// One condition of a query.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Term {
    /// The word occurs in the name, the description or a tag.
    Word(String),
    /// The words occur one after the other.
    Phrase(String),
    /// A word begins with this text.
    Prefix(String),
    /// The word or phrase does not occur.
    Without(String),
}

/// What is searched for, and what of it is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// The conditions, all of which must hold; at least one is no [`Term::Without`].
    pub terms: Vec<Term>,
    /// Only contents of this media type; `image/*` takes every image.
    pub media_type: Option<String>,
    /// Only contents with all of these tags.
    pub tags: Vec<String>,
    /// Only contents of at least so many bytes.
    pub min_size: Option<u64>,
    /// Only contents of at most so many bytes.
    pub max_size: Option<u64>,
    /// Most hits wanted.
    pub limit: usize,
    /// How long the asker waits, where that is known; whoever asks somebody else hands it on.
    pub patience: Option<Duration>,
}

impl Query {
    /// Takes a query's text apart, without filters, for at most `limit` hits.
    ///
    /// # Errors
    /// InvalidRequest when the text holds nothing to search for, or more than a query may hold.
    pub fn parse(text: &str, limit: usize) -> Outcome<Self> {
        if text.len() > MAX_QUERY {
            return Err(Fault::invalid(format!("query has {} bytes, the limit is {MAX_QUERY}", text.len())));
        }
        let mut terms = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (term, after) = next_term(rest);
            terms.extend(term);
            rest = after.trim_start();
        }
        Self::of(terms, limit)
    }

    /// A query of terms that are already apart, such as one that came over a wire.
    ///
    /// # Errors
    /// As [`Query::parse`].
    pub fn of(terms: Vec<Term>, limit: usize) -> Outcome<Self> {
        if terms.len() > MAX_TERMS {
            return Err(Fault::invalid(format!("query has {} terms, the limit is {MAX_TERMS}", terms.len())));
        }
        if terms.iter().all(|term| matches!(term, Term::Without(_))) {
            return Err(Fault::invalid("query holds no word to search for"));
        }
        Ok(Self { terms, media_type: None, tags: Vec::new(), min_size: None, max_size: None, limit, patience: None })
    }

    /// Whether a content passes the filters; the terms are the index's to match.
    pub fn admits(&self, media_type: &str, tags: &[String], size: u64) -> bool {
        let type_fits = self.media_type.as_deref().is_none_or(|wanted| match wanted.strip_suffix('*') {
            Some(prefix) => media_type.starts_with(prefix),
            None => media_type == wanted,
        });
        type_fits
            && self.tags.iter().all(|tag| tags.contains(tag))
            && self.min_size.is_none_or(|least| size >= least)
            && self.max_size.is_none_or(|most| size <= most)
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, term) in self.terms.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            match term {
                Term::Word(word) => f.write_str(word)?,
                Term::Phrase(words) => write!(f, "\"{words}\"")?,
                Term::Prefix(prefix) => write!(f, "{prefix}*")?,
                Term::Without(words) => write!(f, "-\"{words}\"")?,
            }
        }
        Ok(())
    }
}

/// The first term of `text`, if it says anything, and what follows it.
fn next_term(text: &str) -> (Option<Term>, &str) {
    let (without, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (term, rest) = match text.strip_prefix('"') {
        Some(quoted) => {
            // A quote that is never closed runs to the end, as in every search box.
            let (words, rest) = quoted.split_once('"').unwrap_or((quoted, ""));
            (Term::Phrase(words.trim().to_owned()), rest)
        }
        None => {
            let end = text.find(|c: char| c.is_whitespace() || c == '"').unwrap_or(text.len());
            let (word, rest) = text.split_at(end);
            match word.strip_suffix('*') {
                Some(prefix) => (Term::Prefix(prefix.to_owned()), rest),
                None => (Term::Word(word.to_owned()), rest),
            }
        }
    };
    let (Term::Word(words) | Term::Phrase(words) | Term::Prefix(words) | Term::Without(words)) = &term;
    if !words.chars().any(char::is_alphanumeric) {
        return (None, rest);
    }
    let term = if without { Term::Without(words.clone()) } else { term };
    (Some(term), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_phrases_prefixes_and_exclusions_are_told_apart() {
        let query = Query::parse("Debian  \"net install\" iso* -beta -\"old stable\" -- *", 20).unwrap();
        let word = |text: &str| text.to_owned();
        let want = vec![
            Term::Word(word("Debian")),
            Term::Phrase(word("net install")),
            Term::Prefix(word("iso")),
            Term::Without(word("beta")),
            Term::Without(word("old stable")),
        ];
        assert_eq!(query.terms, want);
        assert_eq!(Query::parse(&query.to_string(), 20).unwrap().terms, want);
    }

    #[test]
    fn a_query_without_a_word_is_refused() {
        for text in ["", "   ", "-only", "\"\"", "*", "- \" "] {
            assert!(Query::parse(text, 20).is_err(), "{text:?}");
        }
        assert!(Query::parse(&"a ".repeat(33), 20).unwrap_err().message.contains("the limit is 32"));
        assert!(Query::parse(&"a".repeat(2000), 20).unwrap_err().message.contains("the limit is 1024"));
    }

    #[test]
    fn filters_hold_together() {
        let mut query = Query::parse("x", 20).unwrap();
        query.media_type = Some("image/*".into());
        query.tags = vec!["a".into()];
        query.min_size = Some(10);
        assert!(query.admits("image/png", &["b".into(), "a".into()], 10));
        assert!(!query.admits("text/plain", &["a".into()], 10));
        assert!(!query.admits("image/png", &[], 10));
        assert!(!query.admits("image/png", &["a".into()], 9));
    }
}
