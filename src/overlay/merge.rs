//! Merging of hits: the same content found twice is one hit with more providers.

use std::{collections::HashMap, sync::Arc};

use crate::model::{ContentId, Hit};

/// Most hits that are kept of one search, whatever the limit: room to rank before the limit cuts.
const MAX_KEPT: usize = 4096;
/// How many times the limit is kept before ranking.
const KEPT_PER_WANTED: usize = 8;

/// The hits of one search so far.
pub struct Merged {
    limit: usize,
    hits: Vec<Arc<Hit>>,
    places: HashMap<ContentId, usize>,
}

impl Merged {
    /// None yet, and at most `limit` in the end.
    pub fn new(limit: usize) -> Self {
        Self { limit, hits: Vec::new(), places: HashMap::new() }
    }

    /// Takes in the hits of one source.
    pub fn add(&mut self, hits: Vec<Hit>) {
        let most = self.limit.saturating_mul(KEPT_PER_WANTED).min(MAX_KEPT);
        let coming = hits.len().min(most - self.hits.len());
        self.hits.reserve(coming);
        self.places.reserve(coming);
        for hit in hits {
            match self.places.get(&hit.content_id) {
                Some(&place) => join(Arc::make_mut(&mut self.hits[place]), hit),
                None if self.hits.len() < most => {
                    self.places.insert(hit.content_id.clone(), self.hits.len());
                    self.hits.push(Arc::new(hit));
                }
                None => {}
            }
        }
    }

    /// The hits in the order in which they came.
    pub fn hits(&self) -> &[Arc<Hit>] {
        &self.hits
    }

    /// The hits, best first, cut at the limit.
    pub fn ranked(mut self) -> Vec<Arc<Hit>> {
        self.hits.sort_by(|a, b| {
            let better = b.score.total_cmp(&a.score).then(b.providers.cmp(&a.providers));
            better.then_with(|| a.name.cmp(&b.name)).then_with(|| a.content_id.cmp(&b.content_id))
        });
        self.hits.truncate(self.limit);
        self.hits
    }
}

/// The first source's name stays, so that a later one cannot rename what a caller has seen already; a path over fewer
/// bridges replaces a longer one.
fn join(kept: &mut Hit, hit: Hit) {
    kept.providers = kept.providers.saturating_add(hit.providers);
    kept.score = kept.score.max(hit.score);
    if hit.via.len() < kept.via.len() {
        kept.via = hit.via;
        kept.overlay = hit.overlay;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(name: &str, id: u8, score: f64) -> Hit {
        Hit {
            content_id: ContentId::native([id; 32]),
            name: name.into(),
            size: 1,
            media_type: "text/plain".into(),
            description: None,
            tags: Vec::new(),
            modified: None,
            overlay: "home".into(),
            providers: 1,
            score,
            via: Vec::new(),
        }
    }

    #[test]
    fn the_same_content_from_two_sources_is_one_hit_with_two_providers() {
        let mut merged = Merged::new(10);
        merged.add(vec![hit("a", 1, 0.5), hit("b", 2, 0.9)]);
        merged.add(vec![hit("renamed", 1, 0.95)]);
        let ranked = merged.ranked();
        let seen: Vec<_> = ranked.iter().map(|hit| (hit.name.as_str(), hit.providers)).collect();
        assert_eq!(seen, [("a", 2), ("b", 1)]);
    }

    #[test]
    fn ranking_comes_before_the_limit() {
        let mut merged = Merged::new(1);
        merged.add(vec![hit("worse", 1, 0.1)]);
        merged.add(vec![hit("better", 2, 0.2)]);
        assert_eq!(merged.ranked()[0].name, "better");
    }

    #[test]
    fn a_flood_of_hits_is_cut() {
        let mut merged = Merged::new(2);
        merged.add((0..100).map(|i| hit("x", i, 0.1)).collect());
        assert_eq!(merged.hits().len(), 2 * KEPT_PER_WANTED);
    }
}
