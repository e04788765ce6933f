//! Beginning a content on its way, or finding again what is here of it.
//!
//! A map is believed only as far as the files beside it are as it says; all others begin anew.

use std::{
    fs::{self, File, OpenOptions},
    io,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use super::{Partial, Shelf, State};
use crate::{
    model::{ContentId, Fault, Outcome, Time},
    store::{
        Store, StoreError,
        files::{Files, Kind},
        map::Map,
        publish::blocking,
        tree::Geometry,
    },
};

/// Largest content that is transferred (4 TiB); its map stays below 32 MiB.
const MAX_SIZE: u64 = 1 << 42;

impl Store {
    /// The content on its way with that id, which is begun when it was not.
    ///
    /// # Errors
    /// Conflict when some of a native content is here and `size` is not the size that it has, TooLarge beyond 4 TiB.
    pub async fn partial(&self, id: &ContentId, size: u64) -> Outcome<Arc<Partial>> {
        self.partial_as_of(id, size, None).await
    }

    /// As [`Store::partial`]. What is here of a foreign content is given up when it had another size, or another time
    /// of its last change, than the other side says now.
    ///
    /// # Errors
    /// As [`Store::partial`].
    pub async fn partial_as_of(&self, id: &ContentId, size: u64, modified: Option<Time>) -> Outcome<Arc<Partial>> {
        if size > MAX_SIZE {
            return Err(Fault::too_large(format!("the content has {size} bytes, the limit is {MAX_SIZE}")));
        }
        let (hash, foreign) = match id {
            ContentId::Native(hash) => (*hash, None),
            foreign => (foreign_key(foreign), Some((foreign.clone(), modified))),
        };
        self.open_partial(Shelf::Transfers, hash, Some(size), foreign)
            .await?
            .ok_or_else(|| Fault::not_found(format!("no content {id} on its way")))
    }

    /// The content on its way with that hash, if it was begun.
    pub(in crate::store) async fn begun_partial(&self, hash: [u8; 32]) -> Result<Option<Arc<Partial>>, StoreError> {
        self.open_partial(Shelf::Transfers, hash, None, None).await
    }

    pub(super) async fn open_partial(
        &self,
        shelf: Shelf,
        hash: [u8; 32],
        size: Option<u64>,
        foreign: Option<Foreign>,
    ) -> Result<Option<Arc<Partial>>, StoreError> {
        let store = self.me.upgrade().ok_or(StoreError::Closed)?;
        blocking(move || {
            let mut partials = store.partials.lock().unwrap_or_else(PoisonError::into_inner);
            partials.retain(|_, partial| partial.strong_count() > 0);
            let open =
                partials.get(&(shelf, hash)).and_then(Weak::upgrade).filter(|open| !open.over.load(Ordering::Acquire));
            if let Some(open) = open {
                match size {
                    _ if open.has_changed(size, foreign.as_ref()) => open.discard()?,
                    Some(size) if size != open.geometry.size && open.received() > 0 => {
                        return Err(conflict(size, &open));
                    }
                    Some(size) if size != open.geometry.size => open.discard()?,
                    _ => return Ok(Some(open)),
                }
            }
            let opened = Partial::open(&store, (shelf, hash), size, foreign)?.map(Arc::new);
            if let Some(opened) = &opened {
                partials.insert((shelf, hash), Arc::downgrade(opened));
            }
            Ok(opened)
        })
        .await
    }
}

/// The id of a foreign content and the time of its last change.
pub(super) type Foreign = (ContentId, Option<Time>);

impl Partial {
    /// Whether this is a foreign content that the other side shows otherwise by now.
    fn has_changed(&self, size: Option<u64>, now: Option<&Foreign>) -> bool {
        let (Some((_, then)), Some((_, now))) = (&self.foreign, now) else { return false };
        size != Some(self.size()) || differ(*then, *now)
    }

    fn open(
        store: &Arc<Store>,
        (shelf, hash): (Shelf, [u8; 32]),
        size: Option<u64>,
        foreign: Option<Foreign>,
    ) -> Result<Option<Self>, StoreError> {
        let files = store.files.clone();
        let known = fs::read(files.path(shelf.map(), &hash)).ok().and_then(|bytes| Map::from_bytes(&bytes));
        let mut known = known.filter(|map| map.size() <= MAX_SIZE);
        let foreign = match foreign {
            Some((id, now)) => {
                let then = marked(&files, &hash);
                known = known.filter(|map| Some(map.size()) == size && !differ(then, now));
                let modified = now.or(then.filter(|_| known.is_some()));
                mark(&files, &hash, modified)?;
                Some((id, modified))
            }
            None => None,
        };
        let map = match (known, size) {
            (Some(map), None) => map,
            (Some(map), Some(size)) if map.size() == size => map,
            (Some(map), Some(size)) if map.received() > 0 => return Err(other_size(size, map.size())),
            (_, Some(size)) => Map::new(Geometry { size }),
            (None, None) => return Ok(None),
        };
        let geometry = Geometry { size: map.size() };
        let (data, whole) = sized(&files, shelf.data(), &hash, geometry.size)?;
        let (nodes, proved) = match geometry.outboard() {
            _ if foreign.is_some() => (None, true),
            0 => (None, true),
            bytes => sized(&files, shelf.nodes(), &hash, bytes).map(|(file, was)| (Some(file), was))?,
        };
        // A map whose files are not there as they were left says nothing.
        let map = if whole && proved { map } else { Map::new(geometry) };
        let kept = AtomicU64::new(map.received());
        let state = Mutex::new(State { map, grown: true, overlays: Vec::new() });
        let (syncing, over) = (Mutex::new(()), AtomicBool::new(false));
        let store = Arc::downgrade(store);
        Ok(Some(Self { store, files, shelf, hash, foreign, geometry, data, nodes, state, syncing, over, kept }))
    }
}

/// What names the files of a foreign content.
fn foreign_key(id: &ContentId) -> [u8; 32] {
    blake3::derive_key("peergate: a foreign content on its way", id.to_string().as_bytes())
}

/// Whether both times are known and are not the same.
fn differ(then: Option<Time>, now: Option<Time>) -> bool {
    matches!((then, now), (Some(then), Some(now)) if then != now)
}

/// The time of the last change of the foreign content that was begun.
fn marked(files: &Files, hash: &[u8; 32]) -> Option<Time> {
    let bytes = fs::read(files.path(Kind::PartialMark, hash)).ok()?;
    Some(Time::from_millis(i64::from_le_bytes(bytes.try_into().ok()?)))
}

/// Notes that time; before any byte of the content is claimed.
fn mark(files: &Files, hash: &[u8; 32], modified: Option<Time>) -> io::Result<()> {
    match modified {
        Some(_) if marked(files, hash) == modified => Ok(()),
        Some(time) => files.replace(Kind::PartialMark, hash, &time.as_millis().to_le_bytes(), true),
        None => files.remove(Kind::PartialMark, hash),
    }
}

/// Opens a file of so many bytes, and says whether it was there with that size.
fn sized(files: &Files, kind: Kind, hash: &[u8; 32], bytes: u64) -> io::Result<(File, bool)> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(files.path(kind, hash))?;
    let was = file.metadata()?.len() == bytes;
    if !was {
        file.set_len(bytes)?;
    }
    Ok((file, was))
}

fn conflict(size: u64, open: &Partial) -> StoreError {
    other_size(size, open.size())
}

fn other_size(claimed: u64, known: u64) -> StoreError {
    let message = format!("the source says that the content has {claimed} bytes, what is here of it proves {known}");
    StoreError::Refused(Fault::conflict(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_another_size_is_not_as_it_was_left() {
        let dir = tempfile::tempdir().unwrap();
        let (files, _lock) = Files::open(dir.path()).unwrap();
        for (bytes, was) in [(7, false), (7, true), (9, false), (9, true)] {
            let (file, found) = sized(&files, Kind::PartialData, &[1; 32], bytes).unwrap();
            assert_eq!((file.metadata().unwrap().len(), found), (bytes, was));
        }
    }
}
