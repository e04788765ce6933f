//! What hits that crossed said of their contents, so that the rules can look at a content without asking again who
//! has it.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use lru::LruCache;

use crate::model::{ContentId, Hit};

/// Contents that are remembered.
const MAX_KNOWN: NonZeroUsize = NonZeroUsize::new(4_096).unwrap();
/// How long what a hit said is believed; then who has the content is asked again.
const BELIEVED: Duration = Duration::from_secs(600);

/// Hits by content and the overlay that they came from.
pub struct Known(Mutex<LruCache<(ContentId, String), (Hit, Instant)>>);

impl Default for Known {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(MAX_KNOWN)))
    }
}

impl Known {
    /// Remembers a hit of an overlay that the rules let pass.
    pub fn learn(&self, overlay: &str, hit: &Hit) {
        let key = (hit.content_id.clone(), overlay.to_owned());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).put(key, (hit.clone(), Instant::now()));
    }

    /// What is known of a content in an overlay.
    pub fn of(&self, overlay: &str, id: &ContentId) -> Option<Hit> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (hit, since) = known.get(&(id.clone(), overlay.to_owned()))?;
        (since.elapsed() < BELIEVED).then(|| hit.clone())
    }
}
