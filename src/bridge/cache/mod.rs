//! What crossed is kept for the next who asks, within a quota; what was used longest ago goes first.
//!
//! The bytes lie in the store as groups with the nodes that prove them, so that a part is of use and damage is noticed.
//! Keeping never stands in the way of the transfer: where the disk is full or too slow, the rest is not kept. Order and
//! labels are written behind; files that nothing is written of are swept at the start.

mod keep;
mod ledger;

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use futures::stream::BoxStream;
use tokio::{sync::Semaphore, time::timeout};
use tokio_util::task::TaskTracker;

pub use self::keep::Keep;
use self::ledger::{Ledger, OVERHEAD};
use crate::{
    model::{ContentId, FaultKind, Hit, Outcome, Piece},
    store::{Store, StoreError},
};

/// Contents that are kept, however small they are.
const MAX_ENTRIES: usize = 16_384;
/// Contents that are written at one time; further ones are not kept.
const MAX_WRITERS: usize = 64;
/// How long what crossed last is written at the end.
const LAST_WRITES: Duration = Duration::from_secs(10);

/// The cache of the bridges.
pub struct Cache {
    store: Arc<Store>,
    quota: u64,
    ledger: Mutex<Ledger>,
    /// A full disk was told of.
    told: AtomicBool,
    writers: TaskTracker,
    places: Arc<Semaphore>,
}

/// What the cache has of a range.
pub struct Kept {
    /// Bytes of the whole content.
    pub size: u64,
    /// What is here, from the start of the range on.
    pub range: Range<u64>,
    /// Its pieces.
    pub pieces: BoxStream<'static, Outcome<Piece>>,
}

impl Cache {
    /// The cache with what it kept before; a quota of 0 keeps nothing.
    ///
    /// # Errors
    /// Internal when the catalogue or the folder cannot be read.
    pub async fn open(store: Arc<Store>, quota: u64) -> Outcome<Arc<Self>> {
        let rows = store.cached_rows().await?;
        let wanted = if quota > 0 { rows.iter().map(|row| row.hash).collect() } else { HashSet::new() };
        let there: HashMap<_, _> = store.sweep_cache(wanted).await?.into_iter().collect();
        let ledger = Ledger::of(rows, &there);
        let cache = Arc::new(Self {
            store,
            quota,
            ledger: Mutex::new(ledger),
            told: AtomicBool::new(false),
            writers: TaskTracker::new(),
            places: Arc::new(Semaphore::new(MAX_WRITERS)),
        });
        cache.make_room(0).await;
        Ok(cache)
    }

    /// The record of a content that came from that overlay and is here whole.
    pub fn record(&self, id: &ContentId, overlay: &str) -> Option<Hit> {
        let ContentId::Native(hash) = id else { return None };
        let ledger = self.ledger();
        let entry = ledger.entries.peek(hash).filter(|entry| entry.overlay == overlay)?;
        (entry.bytes == entry.record.size).then(|| entry.record.clone())
    }

    /// What is here of a range of a content that came from that overlay.
    pub async fn read(&self, id: &ContentId, overlay: &str, range: Range<u64>) -> Option<Kept> {
        let ContentId::Native(hash) = id else { return None };
        if !self.use_of(hash, overlay) {
            return None;
        }
        let Some(partial) = self.store.cached(id, None).await.ok().flatten() else {
            // It was thrown away while somebody began to keep it again.
            self.ledger().remove(hash);
            return None;
        };
        let size = partial.size();
        let here = partial.available(range.start..range.end.min(size));
        if here.is_empty() || here.start != range.start {
            return None;
        }
        let pieces = self.store.read_cached(partial).pieces(here.clone());
        Some(Kept { size, range: here, pieces })
    }

    /// Throws away what is here of a content, since it is damaged.
    pub async fn forget(&self, id: &ContentId) {
        let ContentId::Native(hash) = id else { return };
        self.ledger().remove(hash);
        if let Err(fault) = self.store.drop_cached(*hash).await {
            tracing::warn!(content = %id, "a damaged content stays in the cache: {fault}");
        }
    }

    /// Begins to keep what crosses of a content, if it can be kept.
    pub async fn keep(self: &Arc<Self>, hit: &Hit, size: u64, overlay: &str) -> Option<Keep> {
        let ContentId::Native(hash) = hit.content_id else { return None };
        if size == 0 || size.saturating_add(OVERHEAD) > self.quota {
            return None;
        }
        let place = self.places.clone().try_acquire_owned().ok()?;
        let partial = match self.store.cached(&hit.content_id, Some(size)).await {
            Ok(partial) => partial?,
            Err(fault) => {
                if fault.kind != FaultKind::Conflict {
                    self.tell(&fault);
                }
                return None;
            }
        };
        // Descriptions are long, and the rules do not look at them.
        let record = Hit { size, description: None, via: Vec::new(), ..hit.clone() };
        self.ledger().enter(hash, overlay, record, partial.received());
        Some(Keep::begin(self, hash, partial, place))
    }

    /// Waits a while for what is being written.
    pub async fn settle(&self) {
        self.writers.close();
        if timeout(LAST_WRITES, self.writers.wait()).await.is_err() {
            tracing::warn!("the last of what crossed the bridges is not kept: the disk is too slow");
        }
    }

    /// Bytes that are kept, and of how many contents.
    #[cfg(test)]
    pub fn totals(&self) -> (u64, usize) {
        let ledger = self.ledger();
        (ledger.bytes, ledger.entries.len())
    }

    /// Writes down what has changed.
    pub async fn write_down(&self) {
        let (kept, gone) = self.ledger().take_changes();
        metrics::gauge!("peergate_bridge_cache_bytes").set(gauged(self.ledger().bytes));
        if kept.is_empty() && gone.is_empty() {
            return;
        }
        if let Err(fault) = self.store.save_cached(&kept, &gone).await {
            tracing::warn!("what the cache of the bridges holds was not written down: {fault}");
            self.ledger().give_back(&kept, gone);
        }
    }

    /// Removes what was used longest ago until so many more bytes fit; false when they never will.
    async fn make_room(&self, more: u64) -> bool {
        loop {
            let oldest = {
                let mut ledger = self.ledger();
                if ledger.bytes.saturating_add(more) <= self.quota && ledger.entries.len() <= MAX_ENTRIES {
                    return true;
                }
                let Some((hash, _)) = ledger.entries.peek_lru() else { return false };
                let hash = *hash;
                ledger.remove(&hash);
                hash
            };
            if let Err(fault) = self.store.drop_cached(oldest).await {
                self.tell(&fault);
            }
        }
    }

    /// Whether a content that came from that overlay is here; from now on it was used last.
    fn use_of(&self, hash: &[u8; 32], overlay: &str) -> bool {
        let mut ledger = self.ledger();
        let is_here = ledger.entries.peek(hash).is_some_and(|entry| entry.overlay == overlay);
        if is_here {
            ledger.touch(hash);
        }
        is_here
    }

    fn tell(&self, why: &impl std::fmt::Display) {
        if !self.told.swap(true, Relaxed) {
            tracing::warn!("what crosses the bridges is not kept any more: {why}");
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was thrown away while it was written is no failure.
    fn tell_unless_gone(&self, error: &StoreError) {
        if !matches!(error, StoreError::Refused(_)) {
            self.tell(error);
        }
    }
}

// Gauges are floating-point numbers; bytes stay exact up to 2^53.
#[allow(clippy::cast_precision_loss)]
fn gauged(bytes: u64) -> f64 {
    bytes as f64
}
