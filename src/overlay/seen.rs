//! Searches of other gateways that were taken into overlays already: each goes into each of them once, however many ways
//! lead here.
//!
//! What crosses a bridge is remembered there, beyond restarts. This is for what is asked over HTTP where no bridge decides,
//! and a search is over long before a node that forgets it is up again.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
};

use lru::LruCache;

use crate::model::Journey;

/// Searches that are remembered; the one that came longest ago goes first.
const MAX_SEARCHES: NonZeroUsize = NonZeroUsize::new(16_384).unwrap();

/// The overlays that each search was taken into.
pub struct Seen(Mutex<LruCache<Key, Vec<String>>>);

/// What names a search: its origin and its id.
type Key = (String, [u8; 16]);

impl Default for Seen {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(MAX_SEARCHES)))
    }
}

impl Seen {
    /// Whether the search has not been taken into that overlay yet; from now on it has.
    pub fn is_first(&self, journey: &Journey, overlay_id: &str) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let overlays = seen.get_or_insert_mut((journey.origin.clone(), journey.id), Vec::new);
        let is_first = !overlays.iter().any(|id| id == overlay_id);
        if is_first {
            overlays.push(overlay_id.to_owned());
        }
        is_first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_search_goes_into_each_overlay_once() {
        let (seen, one, other) = (Seen::default(), Journey::begin("a"), Journey::begin("a"));
        assert!(seen.is_first(&one, "red") && seen.is_first(&one, "blue") && seen.is_first(&other, "red"));
        assert!(!seen.is_first(&one, "red") && !seen.is_first(&one, "blue") && !seen.is_first(&other, "red"));
        let forged = Journey { origin: "b".into(), ..one.clone() };
        assert!(seen.is_first(&forged, "red"));
    }
}
