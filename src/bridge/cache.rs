//! What crossed is kept for the next who asks, within a quota; what was used longest ago goes first.
//!
//! The bytes lie in the store as groups with the nodes that prove them, so that a part is of use and damage is noticed.
//! Keeping never stands in the way of the transfer: where the disk is full or too slow, the rest is not kept. Order and
//! labels are written behind; files that nothing is written of are swept at the start.

use std::{
    collections::HashSet,
    ops::Range,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use futures::stream::BoxStream;
use lru::LruCache;
use tokio::{sync::mpsc, time::timeout};
use tokio_util::task::TaskTracker;

use crate::{
    model::{ContentId, FaultKind, Hit, Outcome, Piece},
    store::{CachedRow, Partial, Store, StoreError},
};

/// Contents that are kept, however small they are.
const MAX_ENTRIES: usize = 16_384;
/// What an entry counts beside its bytes.
const OVERHEAD: u64 = 4 << 10;
/// Pieces that wait for the disk.
const PIECES_AHEAD: usize = 128;
/// Pieces that are written at once.
const GATHERED: usize = 64;
/// How long a transfer waits for the disk, once.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long what crossed last is written at the end.
const LAST_WRITES: Duration = Duration::from_secs(10);

/// The cache of the bridges.
pub struct Cache {
    store: Arc<Store>,
    quota: u64,
    state: Mutex<State>,
    /// A full disk was told of.
    told: AtomicBool,
    writers: TaskTracker,
}

struct State {
    /// By use, the latest first.
    entries: LruCache<[u8; 32], Entry>,
    bytes: u64,
    /// Grows with each use.
    uses: u64,
    changed: HashSet<[u8; 32]>,
    gone: Vec<[u8; 32]>,
}

struct Entry {
    /// The overlay that it came from.
    overlay: String,
    record: Hit,
    bytes: u64,
    used: u64,
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
        let mut there: std::collections::HashMap<_, _> = store.sweep_cache(wanted).await?.into_iter().collect();
        let mut state =
            State { entries: LruCache::unbounded(), bytes: 0, uses: 0, changed: HashSet::new(), gone: Vec::new() };
        for CachedRow { hash, overlay, record, used } in rows {
            state.uses = state.uses.max(used);
            match there.remove(&hash) {
                Some(bytes) => {
                    state.bytes += bytes + OVERHEAD;
                    state.entries.put(hash, Entry { overlay, record, bytes, used });
                }
                None => state.gone.push(hash),
            }
        }
        let cache = Arc::new(Self {
            store,
            quota,
            state: Mutex::new(state),
            told: AtomicBool::new(false),
            writers: TaskTracker::new(),
        });
        cache.make_room(0).await;
        Ok(cache)
    }

    /// The record of a content that came from that overlay and is here whole.
    pub fn record(&self, id: &ContentId, overlay: &str) -> Option<Hit> {
        let ContentId::Native(hash) = id else { return None };
        let state = self.state();
        let entry = state.entries.peek(hash).filter(|entry| entry.overlay == overlay)?;
        (entry.bytes == entry.record.size).then(|| entry.record.clone())
    }

    /// What is here of a range of a content that came from that overlay.
    pub async fn read(&self, id: &ContentId, overlay: &str, range: Range<u64>) -> Option<Kept> {
        let ContentId::Native(hash) = id else { return None };
        if !self.use_of(hash, overlay) {
            return None;
        }
        let partial = self.store.cached(id, None).await.ok().flatten()?;
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
        self.state().remove(hash);
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
        self.state().enter(hash, overlay, record, partial.received());
        let (pieces, queue) = mpsc::channel(PIECES_AHEAD);
        self.writers.spawn(write(self.clone(), hash, partial, queue));
        Some(Keep(Some(pieces)))
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
        let state = self.state();
        (state.bytes, state.entries.len())
    }

    /// Writes down what has changed.
    pub async fn write_down(&self) {
        let (kept, gone) = self.state().take_changes();
        metrics::gauge!("peergate_bridge_cache_bytes").set(gauged(self.state().bytes));
        if kept.is_empty() && gone.is_empty() {
            return;
        }
        if let Err(fault) = self.store.save_cached(&kept, &gone).await {
            tracing::warn!("what the cache of the bridges holds was not written down: {fault}");
            let mut state = self.state();
            state.changed.extend(kept.iter().map(|row| row.hash));
            state.gone.extend(gone);
        }
    }

    /// Removes what was used longest ago until so many more bytes fit; false when they never will.
    async fn make_room(&self, more: u64) -> bool {
        loop {
            let oldest = {
                let mut state = self.state();
                if state.bytes.saturating_add(more) <= self.quota && state.entries.len() <= MAX_ENTRIES {
                    return true;
                }
                let Some((hash, _)) = state.entries.peek_lru() else { return false };
                let hash = *hash;
                state.remove(&hash);
                hash
            };
            if let Err(fault) = self.store.drop_cached(oldest).await {
                self.tell(&fault);
            }
        }
    }

    /// Whether a content that came from that overlay is here; from now on it was used last.
    fn use_of(&self, hash: &[u8; 32], overlay: &str) -> bool {
        let mut state = self.state();
        let is_here = state.entries.peek(hash).is_some_and(|entry| entry.overlay == overlay);
        if is_here {
            state.touch(hash);
        }
        is_here
    }

    /// Notes how much is here of a content; false when it was removed meanwhile.
    fn grown(&self, hash: &[u8; 32], received: u64) -> bool {
        let mut state = self.state();
        let Some(entry) = state.entries.peek_mut(hash) else { return false };
        let more = received.saturating_sub(entry.bytes);
        entry.bytes = received;
        state.bytes += more;
        true
    }

    fn tell(&self, why: &impl std::fmt::Display) {
        if !self.told.swap(true, Relaxed) {
            tracing::warn!("what crosses the bridges is not kept any more: {why}");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn touch(&mut self, hash: &[u8; 32]) {
        self.uses += 1;
        let used = self.uses;
        if let Some(entry) = self.entries.get_mut(hash) {
            entry.used = used;
            self.changed.insert(*hash);
        }
    }

    fn enter(&mut self, hash: [u8; 32], overlay: &str, record: Hit, bytes: u64) {
        self.remove_entry(&hash);
        self.bytes += bytes + OVERHEAD;
        self.entries.put(hash, Entry { overlay: overlay.to_owned(), record, bytes, used: 0 });
        self.touch(&hash);
    }

    fn remove(&mut self, hash: &[u8; 32]) {
        if self.remove_entry(hash) {
            self.changed.remove(hash);
            self.gone.push(*hash);
        }
    }

    fn remove_entry(&mut self, hash: &[u8; 32]) -> bool {
        let entry = self.entries.pop(hash);
        if let Some(entry) = &entry {
            self.bytes -= entry.bytes + OVERHEAD;
        }
        entry.is_some()
    }

    fn take_changes(&mut self) -> (Vec<CachedRow>, Vec<[u8; 32]>) {
        let changed = std::mem::take(&mut self.changed);
        let row = |hash: [u8; 32]| {
            let Entry { overlay, record, used, .. } = self.entries.peek(&hash)?;
            Some(CachedRow { hash, overlay: overlay.clone(), record: record.clone(), used: *used })
        };
        (changed.into_iter().filter_map(row).collect(), std::mem::take(&mut self.gone))
    }
}

/// Where the pieces of one passage go to be kept.
pub struct Keep(Option<mpsc::Sender<Piece>>);

impl Keep {
    /// Keeps a piece, or from now on nothing more. Pieces have to come in order and without gaps.
    pub async fn put(&mut self, piece: &Piece) {
        let Some(pieces) = &self.0 else { return };
        let piece = match pieces.try_send(piece.clone()) {
            Ok(()) => return,
            Err(mpsc::error::TrySendError::Full(piece)) => piece,
            Err(mpsc::error::TrySendError::Closed(_)) => return self.0 = None,
        };
        // The nodes that prove what follows come with this piece: without it nothing after it is of use.
        if !matches!(timeout(PATIENCE, pieces.send(piece)).await, Ok(Ok(()))) {
            self.0 = None;
        }
    }
}

/// Writes the pieces of one passage until it ends or the disk says no.
async fn write(cache: Arc<Cache>, hash: [u8; 32], partial: Arc<Partial>, mut queue: mpsc::Receiver<Piece>) {
    let mut batch = Vec::with_capacity(GATHERED);
    while queue.recv_many(&mut batch, GATHERED).await > 0 {
        let bytes = batch.iter().map(|piece| piece.data.len() as u64).sum();
        if !cache.make_room(bytes).await {
            return;
        }
        let (to, pieces) = (partial.clone(), std::mem::take(&mut batch));
        let written = tokio::task::spawn_blocking(move || to.write(&pieces)).await;
        if let Ok(Err(error)) = &written {
            cache.tell_unless_gone(error);
        }
        if !matches!(written, Ok(Ok(()))) || !cache.grown(&hash, partial.received()) {
            break;
        }
        batch.reserve(GATHERED);
    }
    let synced = tokio::task::spawn_blocking(move || partial.sync()).await;
    if let Ok(Err(error)) = synced {
        cache.tell_unless_gone(&error);
    }
    cache.write_down().await;
}

impl Cache {
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
