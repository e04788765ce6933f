//! A query in the index's own terms.
//!
//! Every term must be found in the name, the description or the tags, each in whichever of them it is in. A word that
//! the tokenizer takes apart (`netinst.iso`) is a phrase of its parts.

use std::ops::Bound;

use tantivy::{
    Term as Word,
    query::{
        AllQuery, BooleanQuery, BoostQuery, ConstScoreQuery, EmptyQuery, Occur, PhrasePrefixQuery, PhraseQuery, Query,
        RangeQuery, TermQuery,
    },
    schema::{Field, IndexRecordOption},
    tokenizer::TextAnalyzer,
};

use super::schema::Fields;
use crate::model::{self, Term};

/// How much more a word in the name says than one in the description.
const NAME_BOOST: f32 = 3.0;
/// How much more a word in the tags says than one in the description.
const TAGS_BOOST: f32 = 1.5;
/// Most words that a prefix stands for.
const MAX_EXPANSIONS: u32 = 256;

type Clause = (Occur, Box<dyn Query>);

/// Writes queries for one index.
pub struct Questioner {
    fields: Fields,
    analyzer: TextAnalyzer,
}

impl Questioner {
    /// A questioner for an index with these fields.
    pub fn new(fields: Fields, analyzer: TextAnalyzer) -> Self {
        Self { fields, analyzer }
    }

    /// The query, only for contents of `overlay` if one is given. Words are looked for in the fields of `worded`.
    pub fn write(&mut self, query: &model::Query, overlay: Option<&str>, worded: &[(Field, f32)]) -> Box<dyn Query> {
        let mut clauses: Vec<Clause> = Vec::with_capacity(query.terms.len() + 4);
        for term in &query.terms {
            let clause = match term {
                Term::Word(text) | Term::Phrase(text) => (Occur::Must, self.anywhere(text, false, worded)),
                Term::Prefix(text) => (Occur::Must, self.anywhere(text, true, worded)),
                Term::Without(text) => (Occur::MustNot, self.anywhere(text, false, worded)),
            };
            clauses.push(clause);
        }
        if !clauses.iter().any(|(occur, _)| *occur == Occur::Must) {
            clauses.push((Occur::Must, Box::new(AllQuery)));
        }
        self.filter(query, overlay, &mut clauses);
        match clauses.len() {
            1 => clauses.remove(0).1,
            _ => Box::new(BooleanQuery::new(clauses)),
        }
    }

    fn filter(&self, query: &model::Query, overlay: Option<&str>, clauses: &mut Vec<Clause>) {
        // Filters decide who is in, and say nothing on who is better.
        let exact = |field, text: &str| -> Clause {
            let term = TermQuery::new(Word::from_field_text(field, text), IndexRecordOption::Basic);
            (Occur::Must, Box::new(ConstScoreQuery::new(Box::new(term), 0.0)))
        };
        clauses.extend(query.media_type.iter().map(|wanted| exact(self.fields.media_type, wanted)));
        clauses.extend(query.tags.iter().map(|tag| exact(self.fields.tag, tag)));
        clauses.extend(overlay.map(|name| exact(self.fields.overlay, name)));
        if query.min_size.is_some() || query.max_size.is_some() {
            let bound = |size: Option<u64>| match size {
                Some(size) => Bound::Included(Word::from_field_u64(self.fields.size, size)),
                None => Bound::Unbounded,
            };
            let range = RangeQuery::new(bound(query.min_size), bound(query.max_size));
            clauses.push((Occur::Must, Box::new(ConstScoreQuery::new(Box::new(range), 0.0))));
        }
    }

    fn anywhere(&mut self, text: &str, prefix: bool, worded: &[(Field, f32)]) -> Box<dyn Query> {
        let words = self.words(text);
        let within = |(field, weight)| Box::new(BoostQuery::new(in_field(field, &words, prefix), weight));
        match worded {
            _ if words.is_empty() => Box::new(EmptyQuery),
            // Nothing can be found yet.
            [] => Box::new(EmptyQuery),
            [only] => within(*only),
            several => {
                let clauses = several.iter().map(|field| -> Clause { (Occur::Should, within(*field)) });
                Box::new(BooleanQuery::new(clauses.collect()))
            }
        }
    }

    fn words(&mut self, text: &str) -> Vec<String> {
        let mut words = Vec::new();
        let mut stream = self.analyzer.token_stream(text);
        while stream.advance() {
            words.push(std::mem::take(&mut stream.token_mut().text));
        }
        words
    }
}

/// The fields of words, and how much a word in each of them says.
pub fn weights(fields: &Fields) -> [(Field, f32); 3] {
    [(fields.name, NAME_BOOST), (fields.tags, TAGS_BOOST), (fields.description, 1.0)]
}

fn in_field(field: Field, words: &[String], prefix: bool) -> Box<dyn Query> {
    let terms = words.iter().map(|word| Word::from_field_text(field, word));
    match words {
        _ if prefix => {
            let mut query = PhrasePrefixQuery::new(terms.collect());
            query.set_max_expansions(MAX_EXPANSIONS);
            Box::new(query)
        }
        [word] => Box::new(TermQuery::new(Word::from_field_text(field, word), IndexRecordOption::WithFreqs)),
        _ => Box::new(PhraseQuery::new(terms.collect())),
    }
}
