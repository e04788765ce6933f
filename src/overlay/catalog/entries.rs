//! Entries as hits: what is left of them, and those that were seen lately.

use std::{
    collections::HashSet,
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use lru::LruCache;

use super::{
    matching::Texts,
    messages::{Entry, Page},
};
use crate::{
    model::{ContentId, Hit, Query},
    overlay::stranger::harmless_hit,
    store::labels::guess_media_type,
};

/// Longest id of an entry, in bytes; percent-encoded it is still within the longest content id.
pub const MAX_ENTRY_ID: usize = 1024;
/// Entries that are remembered.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(2048).unwrap();
/// How long it is believed that an entry is still as it was.
const FRESH: Duration = Duration::from_secs(30);

/// The hits that a catalogue's page gives to a query, best first; what does not fit the query, or makes no sense, is
/// left out.
pub fn hits(page: Page, query: &Query, overlay: &str) -> Vec<Hit> {
    let (mut seen, of) = (HashSet::new(), page.entries.len());
    let entries = page.entries.into_iter().filter(|entry| seen.insert(entry.entry_id.clone()));
    let mut hits: Vec<Hit> =
        entries.enumerate().filter_map(|(place, entry)| fit(entry, query, overlay, place, of)).collect();
    hits.sort_by(|a, b| b.score.total_cmp(&a.score));
    hits.truncate(query.limit);
    hits
}

fn fit(entry: Entry, query: &Query, overlay: &str, place: usize, of: usize) -> Option<Hit> {
    let hit = hit(entry, overlay)?;
    if !query.admits(&hit.media_type, &hit.tags, hit.size) {
        return None;
    }
    let score = Texts::of(&hit.name, &hit.tags, hit.description.as_deref()).score(query, place, of)?;
    Some(Hit { score, ..hit })
}

/// An entry as a hit, made harmless.
fn hit(entry: Entry, overlay: &str) -> Option<Hit> {
    let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let name = filled(Some(entry.name)).unwrap_or_else(|| entry.entry_id.clone());
    harmless_hit(Hit {
        content_id: content_id(overlay, &entry.entry_id)?,
        media_type: filled(entry.media_type).unwrap_or_else(|| guess_media_type(&name)),
        name,
        size: u64::try_from(entry.size?).ok()?,
        description: filled(entry.description),
        tags: entry.tags,
        modified: entry.modified,
        overlay: overlay.to_owned(),
        providers: 1,
        score: 0.0,
        via: Vec::new(),
    })
}

/// The content id of an entry, if it can be one.
pub fn content_id(overlay: &str, entry: &str) -> Option<ContentId> {
    let sound = !entry.is_empty() && entry.len() <= MAX_ENTRY_ID;
    sound.then(|| ContentId::Catalogue { overlay: overlay.to_owned(), entry: entry.to_owned() })
}

/// The entries that were seen lately, by content id.
pub struct Known(Mutex<LruCache<ContentId, (Hit, Instant)>>);

impl Known {
    pub fn new() -> Self {
        Self(Mutex::new(LruCache::new(REMEMBERED)))
    }

    /// Remembers hits as they are shown now.
    pub fn remember<'a>(&self, hits: impl IntoIterator<Item = &'a Hit>) {
        let (now, mut known) = (Instant::now(), self.lock());
        for hit in hits {
            known.put(hit.content_id.clone(), (hit.clone(), now));
        }
    }

    /// What was shown last, and whether that was just now.
    pub fn get(&self, id: &ContentId) -> Option<(Hit, bool)> {
        self.lock().get(id).map(|(hit, at)| (hit.clone(), at.elapsed() < FRESH))
    }

    pub fn forget(&self, id: &ContentId) {
        self.lock().pop(id);
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<ContentId, (Hit, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str, name: &str, size: i64) -> Entry {
        Entry { entry_id: id.into(), name: name.into(), size: Some(size), ..Entry::default() }
    }

    fn found(entries: Vec<Entry>, query: &Query) -> Vec<Hit> {
        hits(Page { entries }, query, "archive")
    }

    #[test]
    fn entries_become_harmless_hits_with_percent_encoded_ids() {
        let mut strange = entry("2026/0042 ü", "report\u{202e}\u{7}.pdf", 10);
        strange.description = Some("  ".into());
        strange.tags = vec!["\u{1b}[2J".into(); 100];
        let hits = found(vec![strange], &Query::parse("report", 10).unwrap());
        assert_eq!(hits[0].content_id.to_string(), "cat:archive:2026%2F0042%20%C3%BC");
        assert_eq!(hits[0].content_id.to_string().parse(), Ok(hits[0].content_id.clone()));
        assert_eq!(hits[0].name, "report\u{fffd}\u{fffd}.pdf");
        assert_eq!((hits[0].media_type.as_str(), &hits[0].description), ("application/pdf", &None));
        assert!(hits[0].tags.len() <= 32 && !hits[0].tags[0].contains('\u{1b}'));
    }

    #[test]
    fn what_makes_no_sense_is_left_out() {
        let query = Query::parse("report", 10).unwrap();
        let nonsense = vec![
            entry("", "report", 1),
            entry(&"x".repeat(MAX_ENTRY_ID + 1), "report", 1),
            entry("negative", "report", -1),
            Entry { size: None, ..entry("sizeless", "report", 0) },
            entry("huge", "report", i64::MAX),
        ];
        assert!(found(nonsense, &query).is_empty());
        assert_eq!(found(vec![entry("1", "report", 1), entry("1", "report", 1)], &query).len(), 1, "the same twice");
        assert_eq!(found(vec![entry("1", "", 1)], &query)[0].name, "1");
    }

    #[test]
    fn filters_and_limit_hold_and_the_best_come_first() {
        let entries = || {
            let tagged = Entry { tags: vec!["a".into()], ..entry("2", "report", 20) };
            vec![entry("1", "else", 10), tagged, entry("3", "report.png", 30)]
        };
        let names = |query: &Query| found(entries(), query).iter().map(|hit| hit.name.clone()).collect::<Vec<_>>();
        let query = Query::parse("report", 2).unwrap();
        assert_eq!(names(&query), ["report", "report.png"]);
        assert_eq!(names(&Query { tags: vec!["a".into()], ..query.clone() }), ["report"]);
        assert_eq!(names(&Query { media_type: Some("image/*".into()), ..query.clone() }), ["report.png"]);
        assert_eq!(names(&Query { max_size: Some(10), ..query }), ["else"]);
    }
}
