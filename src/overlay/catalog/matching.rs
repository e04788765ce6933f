//! What a legacy catalogue is asked, and what of its answer fits the query.
//!
//! A catalogue gets plain words. It is believed where it says that a word fits, since it may look into more than it
//! shows. What it may not have understood, a phrase, a prefix or a word that must not occur, is held against the texts
//! that it shows.

use crate::{
    model::{Query, Term},
    store::words,
};

/// How much a word in the name says, in the tags, in the description, and nowhere to be seen.
const WEIGHTS: [f64; 4] = [3.0, 1.5, 1.0, 0.5];
/// What the best place in the catalogue's own order adds; less than a word tells.
const PLACE: f64 = 0.25;

/// The words that a catalogue is asked for.
pub fn question(query: &Query) -> String {
    let plain = query.terms.iter().filter_map(|term| match term {
        Term::Word(text) | Term::Phrase(text) => Some(text.as_str()),
        Term::Prefix(_) | Term::Without(_) => None,
    });
    let plain: Vec<_> = plain.collect();
    if !plain.is_empty() {
        return plain.join(" ");
    }
    // Many catalogues find parts of words, and those that do not find nothing either way.
    let prefixes = query.terms.iter().filter_map(|term| match term {
        Term::Prefix(text) => Some(text.as_str()),
        _ => None,
    });
    prefixes.collect::<Vec<_>>().join(" ")
}

/// Whether the catalogue's own choice may have to be narrowed, so that more entries are asked for than are wanted.
pub fn narrows(query: &Query) -> bool {
    let is_plain = |term: &Term| matches!(term, Term::Word(_));
    let filters = query.media_type.is_some() || query.min_size.is_some() || query.max_size.is_some();
    filters || !query.tags.is_empty() || !query.terms.iter().all(is_plain)
}

/// The texts of an entry, as words without case and accents.
pub struct Texts {
    name: Vec<String>,
    tags: Vec<Vec<String>>,
    description: Vec<String>,
}

impl Texts {
    /// Takes the texts apart.
    pub fn of(name: &str, tags: &[String], description: Option<&str>) -> Self {
        Self {
            name: words(name),
            tags: tags.iter().map(|tag| words(tag)).collect(),
            description: words(description.unwrap_or_default()),
        }
    }

    /// How well the entry fits, higher for better; none when it does not. `place` is the entry's in the catalogue's
    /// order, of so many.
    pub fn score(&self, query: &Query, place: usize, of: usize) -> Option<f64> {
        let mut score = PLACE * (1.0 - place as f64 / of.max(1) as f64);
        for term in &query.terms {
            score += match term {
                Term::Word(text) => self.weight(&words(text), false).unwrap_or(WEIGHTS[3]),
                Term::Phrase(text) => self.weight(&words(text), false)?,
                Term::Prefix(text) => self.weight(&words(text), true)?,
                Term::Without(text) => match self.weight(&words(text), false) {
                    Some(_) => return None,
                    None => 0.0,
                },
            };
        }
        Some(score)
    }

    fn weight(&self, wanted: &[String], prefix: bool) -> Option<f64> {
        let within = |text: &Vec<String>| holds(text, wanted, prefix);
        let places = [within(&self.name), self.tags.iter().any(within), within(&self.description)];
        places.iter().position(|holds| *holds).map(|place| WEIGHTS[place])
    }
}

/// Whether the words stand one after the other in a text, the last one as the beginning of a word where that is enough.
fn holds(text: &[String], wanted: &[String], prefix: bool) -> bool {
    let Some((last, before)) = wanted.split_last() else { return false };
    let fits = |part: &[String]| {
        let (end, start) = part.split_last().unwrap_or((last, &[]));
        start == before && (end == last || (prefix && end.starts_with(last.as_str())))
    };
    text.windows(wanted.len()).any(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(query: &str, name: &str, tags: &[&str], description: &str) -> Option<f64> {
        let tags: Vec<_> = tags.iter().map(|tag| (*tag).to_owned()).collect();
        Texts::of(name, &tags, Some(description)).score(&Query::parse(query, 10).unwrap(), 0, 1)
    }

    #[test]
    fn a_catalogue_is_asked_for_plain_words() {
        for (query, asked) in [
            ("annual report", "annual report"),
            ("\"annual report\" draft* -old", "annual report"),
            ("rep* -old", "rep"),
            ("Übersicht", "Übersicht"),
        ] {
            assert_eq!(question(&Query::parse(query, 10).unwrap()), asked);
        }
        assert!(!narrows(&Query::parse("a b", 10).unwrap()));
        assert!(narrows(&Query::parse("a -b", 10).unwrap()));
        assert!(narrows(&Query { tags: vec!["x".into()], ..Query::parse("a", 10).unwrap() }));
    }

    #[test]
    fn what_the_catalogue_may_not_understand_is_checked() {
        for (query, fits) in [
            ("anything", true),
            ("\"annual report\"", true),
            ("\"report annual\"", false),
            ("\"annual money\"", false),
            ("rep*", true),
            ("\"annual rep\"", false),
            ("\"annual\" rep*", true),
            ("xyz*", false),
            ("report -annual", false),
            ("report -\"annual money\"", true),
            ("ubersicht*", true),
            ("\"ÜBERSICHT\"", true),
        ] {
            let found = score(query, "Annual Report.pdf", &["money", "Übersicht 2026"], "");
            assert_eq!(found.is_some(), fits, "{query}");
        }
    }

    #[test]
    fn a_word_in_the_name_says_more_and_the_catalogues_order_decides_among_equals() {
        let by_name = score("report", "report.pdf", &[], "").unwrap();
        let by_tag = score("report", "x", &["report"], "").unwrap();
        let by_description = score("report", "x", &[], "a report").unwrap();
        let unseen = score("report", "x", &[], "").unwrap();
        assert!(by_name > by_tag && by_tag > by_description && by_description > unseen && unseen > 0.0);
        let query = Query::parse("report", 10).unwrap();
        let texts = Texts::of("report", &[], None);
        assert!(texts.score(&query, 0, 10) > texts.score(&query, 9, 10));
    }
}
