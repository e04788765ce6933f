//! A content on its way: verified groups are written where they belong, remembered over a crash, and served meanwhile.
//!
//! What the map on the disk claims is on the disk: bytes and nodes are synced before the map is replaced, so that after
//! kill -9 nothing is asked for again but what came since the last [`Partial::sync`]. `open.rs` finds what is here,
//! `write.rs` adds to it, and `complete.rs` makes a content of it.
//!
//! Bytes of a foreign content cannot be checked as they come; they are kept with the time of the last change that the
//! other side showed, begun anew when it shows another, served to nobody, and hashed once all of them are here.

mod complete;
mod open;
mod shelf;
mod write;

pub use shelf::Shelf;

use std::{
    fs::File,
    ops::Range,
    sync::{
        Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use super::{Store, StoreError, files::Files, map::Map, tree::Geometry, verify::Verifier};
use crate::model::{ContentId, Time};

/// A content on its way. Clones of the `Arc` share it; all methods but [`Partial::complete`] may block on the disk.
pub struct Partial {
    store: Weak<Store>,
    files: Files,
    shelf: Shelf,
    /// The content's hash; of a foreign content, whose hash nobody knows yet, that of its id.
    hash: [u8; 32],
    /// The id and the time of the last change of a foreign content.
    foreign: Option<(ContentId, Option<Time>)>,
    geometry: Geometry,
    data: File,
    nodes: Option<File>,
    state: Mutex<State>,
    /// Held while the map is written.
    syncing: Mutex<()>,
    over: AtomicBool,
    /// Bytes that the map on the disk claims.
    kept: AtomicU64,
}

struct State {
    map: Map,
    /// The map has grown since it was written.
    grown: bool,
    overlays: Vec<String>,
}

impl Partial {
    /// The content's id.
    pub fn id(&self) -> ContentId {
        self.foreign.as_ref().map_or(ContentId::Native(self.hash), |(id, _)| id.clone())
    }

    /// The content's hash.
    pub(in crate::store) fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// Bytes of the whole content, as its source says; proved once the last group is here.
    pub fn size(&self) -> u64 {
        self.geometry.size
    }

    /// Bytes that are here.
    pub fn received(&self) -> u64 {
        self.state().map.received()
    }

    /// Whether all bytes are here.
    pub fn is_whole(&self) -> bool {
        self.received() == self.size()
    }

    /// What of a byte range is missing, in order, rounded to whole groups.
    pub fn missing(&self, range: Range<u64>) -> Vec<Range<u64>> {
        self.state().map.missing(range)
    }

    /// The part of a byte range, from its start on, that is here without a gap.
    pub fn available(&self, range: Range<u64>) -> Range<u64> {
        self.state().map.available(range)
    }

    /// Lets peers of these overlays have what is here already. At first nobody may.
    pub fn share_in(&self, overlays: &[String]) {
        self.state().overlays = overlays.to_vec();
    }

    /// Whether peers of that overlay may have what is here already.
    pub fn is_shared_in(&self, overlay: &str) -> bool {
        self.state().overlays.iter().any(|name| name == overlay)
    }

    /// Bytes that are verified and would be found again after a crash.
    pub fn kept(&self) -> u64 {
        self.kept.load(Ordering::Acquire)
    }

    /// Gives the content up and removes what is here of it.
    ///
    /// # Errors
    /// What the disk says.
    pub fn discard(&self) -> Result<(), StoreError> {
        let _turn = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever begins the content anew owns the files by now.
        if self.over.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        for &kind in self.shelf.kinds() {
            self.files.remove(kind, &self.hash)?;
        }
        Ok(())
    }

    /// What checks the bytes that are here.
    pub(super) fn verifier(&self) -> Verifier<'_> {
        Verifier { hash: self.hash, geometry: self.geometry, data: &self.data, outboard: self.nodes.as_ref() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
