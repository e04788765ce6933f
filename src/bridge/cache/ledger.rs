//! What the cache holds: which contents, how much of each, and in which order they were used.

use std::collections::{HashMap, HashSet};

use lru::LruCache;

use crate::{model::Hit, store::CachedRow};

/// What an entry counts beside its bytes.
pub const OVERHEAD: u64 = 4 << 10;

/// The entries of the cache.
pub struct Ledger {
    /// By use, the latest first.
    pub entries: LruCache<[u8; 32], Entry>,
    /// Bytes of all of them, overhead included.
    pub bytes: u64,
    /// Grows with each use.
    uses: u64,
    changed: HashSet<[u8; 32]>,
    gone: Vec<[u8; 32]>,
}

/// One content.
pub struct Entry {
    /// The overlay that it came from.
    pub overlay: String,
    /// Its hit there.
    pub record: Hit,
    /// Bytes that are here.
    pub bytes: u64,
    used: u64,
}

impl Ledger {
    /// What is written of the contents that are there with so many bytes; the rows are in the order of use.
    pub fn of(rows: Vec<CachedRow>, there: &HashMap<[u8; 32], u64>) -> Self {
        let mut ledger =
            Self { entries: LruCache::unbounded(), bytes: 0, uses: 0, changed: HashSet::new(), gone: Vec::new() };
        for CachedRow { hash, overlay, record, used } in rows {
            ledger.uses = ledger.uses.max(used);
            match there.get(&hash) {
                Some(&bytes) => {
                    ledger.bytes += bytes + OVERHEAD;
                    ledger.entries.put(hash, Entry { overlay, record, bytes, used });
                }
                None => ledger.gone.push(hash),
            }
        }
        ledger
    }

    /// Notes that a content was used.
    pub fn touch(&mut self, hash: &[u8; 32]) {
        self.uses += 1;
        let used = self.uses;
        if let Some(entry) = self.entries.get_mut(hash) {
            entry.used = used;
            self.changed.insert(*hash);
        }
    }

    /// Enters a content of which so many bytes are here.
    pub fn enter(&mut self, hash: [u8; 32], overlay: &str, record: Hit, bytes: u64) {
        self.remove_entry(&hash);
        self.bytes += bytes + OVERHEAD;
        self.entries.put(hash, Entry { overlay: overlay.to_owned(), record, bytes, used: 0 });
        self.touch(&hash);
    }

    /// Notes how much is here of a content; false when it was removed meanwhile.
    pub fn grow(&mut self, hash: &[u8; 32], received: u64) -> bool {
        let Some(entry) = self.entries.peek_mut(hash) else { return false };
        let more = received.saturating_sub(entry.bytes);
        entry.bytes += more;
        self.bytes += more;
        true
    }

    /// Removes a content.
    pub fn remove(&mut self, hash: &[u8; 32]) {
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

    /// What is to be written, and whose rows are to go.
    pub fn take_changes(&mut self) -> (Vec<CachedRow>, Vec<[u8; 32]>) {
        let changed = std::mem::take(&mut self.changed);
        let row = |hash: [u8; 32]| {
            let Entry { overlay, record, used, .. } = self.entries.peek(&hash)?;
            Some(CachedRow { hash, overlay: overlay.clone(), record: record.clone(), used: *used })
        };
        (changed.into_iter().filter_map(row).collect(), std::mem::take(&mut self.gone))
    }

    /// What was taken and could not be written.
    pub fn give_back(&mut self, kept: &[CachedRow], gone: Vec<[u8; 32]>) {
        self.changed.extend(kept.iter().map(|row| row.hash));
        self.gone.extend(gone.into_iter().filter(|hash| !self.entries.contains(hash)));
    }
}
