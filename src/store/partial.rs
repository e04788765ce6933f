//! A content on its way: verified groups are written where they belong, remembered over a crash, and served meanwhile.
//!
//! What the map on the disk claims is on the disk: bytes and nodes are synced before the map is replaced, so that after
//! kill -9 nothing is asked for again but what came since the last [`Partial::sync`].

use std::{
    fs::{self, File, OpenOptions},
    io::{self, IoSlice},
    ops::Range,
    os::unix::fs::FileExt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use super::{
    NewContent, Store, StoreError,
    files::{Files, Kind},
    map::Map,
    publish::blocking,
    spool::{Spool, read_through, write_pairs},
    tree::{GROUP, Geometry, border_of},
    verify::{Sink, Verifier, WalkError},
};
use crate::model::{Content, ContentId, Fault, Outcome, Piece};

/// Largest content that is transferred (4 TiB); its map stays below 32 MiB.
const MAX_SIZE: u64 = 1 << 42;
/// Most pieces that one system call writes (1 MiB).
const GATHERED: usize = 64;

/// A content on its way. Clones of the `Arc` share it; all methods but [`Partial::complete`] may block on the disk.
pub struct Partial {
    store: Weak<Store>,
    files: Files,
    hash: [u8; 32],
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

impl Store {
    /// The content on its way with that id, which is begun when it was not.
    ///
    /// # Errors
    /// Conflict when some of it is here and `size` is not the size that it has, TooLarge beyond 4 TiB, Unsupported when
    /// the id is no native one.
    pub async fn partial(&self, id: &ContentId, size: u64) -> Outcome<Arc<Partial>> {
        let ContentId::Native(hash) = *id else {
            return Err(Fault::unsupported(format!("{id} is no native content, its bytes cannot be verified")));
        };
        if size > MAX_SIZE {
            return Err(Fault::too_large(format!("the content has {size} bytes, the limit is {MAX_SIZE}")));
        }
        self.open_partial(hash, Some(size))
            .await?
            .ok_or_else(|| Fault::not_found(format!("no content {id} on its way")))
    }

    /// The content on its way with that hash, if it was begun.
    pub(super) async fn begun_partial(&self, hash: [u8; 32]) -> Result<Option<Arc<Partial>>, StoreError> {
        self.open_partial(hash, None).await
    }

    async fn open_partial(&self, hash: [u8; 32], size: Option<u64>) -> Result<Option<Arc<Partial>>, StoreError> {
        let store = self.me.upgrade().ok_or(StoreError::Closed)?;
        blocking(move || {
            let mut partials = store.partials.lock().unwrap_or_else(PoisonError::into_inner);
            partials.retain(|_, partial| partial.strong_count() > 0);
            let open = partials.get(&hash).and_then(Weak::upgrade).filter(|open| !open.over.load(Ordering::Acquire));
            if let Some(open) = open {
                match size {
                    Some(size) if size != open.geometry.size && open.received() > 0 => {
                        return Err(conflict(size, &open));
                    }
                    Some(size) if size != open.geometry.size => open.discard()?,
                    _ => return Ok(Some(open)),
                }
            }
            let opened = Partial::open(&store, hash, size)?.map(Arc::new);
            if let Some(opened) = &opened {
                partials.insert(hash, Arc::downgrade(opened));
            }
            Ok(opened)
        })
        .await
    }
}

impl Partial {
    fn open(store: &Arc<Store>, hash: [u8; 32], size: Option<u64>) -> Result<Option<Self>, StoreError> {
        let files = store.files.clone();
        let known = fs::read(files.path(Kind::PartialMap, &hash)).ok().and_then(|bytes| Map::from_bytes(&bytes));
        let known = known.filter(|map| map.size() <= MAX_SIZE);
        let map = match (known, size) {
            (Some(map), None) => map,
            (Some(map), Some(size)) if map.size() == size => map,
            (Some(map), Some(size)) if map.received() > 0 => return Err(other_size(size, map.size())),
            (_, Some(size)) => Map::new(Geometry { size }),
            (None, None) => return Ok(None),
        };
        let geometry = Geometry { size: map.size() };
        let (data, whole) = sized(&files, Kind::PartialData, &hash, geometry.size)?;
        let (nodes, proved) = match geometry.outboard() {
            0 => (None, true),
            bytes => sized(&files, Kind::PartialNodes, &hash, bytes).map(|(file, was)| (Some(file), was))?,
        };
        // A map whose files are not there as they were left says nothing.
        let map = if whole && proved { map } else { Map::new(geometry) };
        let kept = AtomicU64::new(map.received());
        let state = Mutex::new(State { map, grown: true, overlays: Vec::new() });
        let (syncing, over) = (Mutex::new(()), AtomicBool::new(false));
        let store = Arc::downgrade(store);
        Ok(Some(Self { store, files, hash, geometry, data, nodes, state, syncing, over, kept }))
    }

    /// The content's id.
    pub fn id(&self) -> ContentId {
        ContentId::Native(self.hash)
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

    /// Writes verified pieces, each of whole groups; neighbours are written together. They are served from now on, and
    /// survive a crash after the next [`Partial::sync`].
    ///
    /// # Errors
    /// [`StoreError::Full`] on a full disk, `InvalidInput` for a piece that lies outside of the content or on no group.
    pub fn write(&self, pieces: &[Piece]) -> Result<(), StoreError> {
        if self.over.load(Ordering::Acquire) {
            return Err(StoreError::Refused(Fault::conflict("the transfer of this content has ended")));
        }
        let mut pairs = Vec::new();
        for piece in pieces {
            self.groups_of(piece)?;
            for parent in &piece.parents {
                pairs.push((border_of(parent.node, self.geometry).ok_or_else(misplaced)?, parent.pair));
            }
        }
        if let Some(nodes) = &self.nodes {
            write_pairs(nodes, &mut pairs)?;
        }
        for run in pieces.chunk_by(|a, b| a.offset + a.data.len() as u64 == b.offset) {
            run.chunks(GATHERED).try_for_each(|part| self.write_run(part))?;
        }
        let mut state = self.state();
        for piece in pieces {
            self.groups_of(piece)?.for_each(|group| state.map.add(group));
        }
        state.grown = true;
        Ok(())
    }

    fn write_run(&self, run: &[Piece]) -> io::Result<()> {
        let slices: Vec<IoSlice> = run.iter().map(|piece| IoSlice::new(&piece.data)).collect();
        let mut written = rustix::io::pwritev(&self.data, &slices, run[0].offset)?;
        for piece in run {
            let done = written.min(piece.data.len());
            written -= done;
            if done < piece.data.len() {
                self.data.write_all_at(&piece.data[done..], piece.offset + done as u64)?;
            }
        }
        Ok(())
    }

    fn groups_of(&self, piece: &Piece) -> io::Result<Range<u64>> {
        let end = piece.offset.checked_add(piece.data.len() as u64).ok_or_else(misplaced)?;
        let whole = piece.offset.is_multiple_of(GROUP) && (end == self.geometry.size || end.is_multiple_of(GROUP));
        match whole && end <= self.geometry.size {
            true => Ok(piece.offset / GROUP..end.div_ceil(GROUP)),
            false => Err(misplaced()),
        }
    }

    /// Bytes that are verified and would be found again after a crash.
    pub fn kept(&self) -> u64 {
        self.kept.load(Ordering::Acquire)
    }

    /// Makes what was written last: syncs bytes and nodes, then the map.
    ///
    /// # Errors
    /// What the disk says; then the map on the disk is still the one before.
    pub fn sync(&self) -> Result<(), StoreError> {
        let _turn = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.over.load(Ordering::Acquire) {
            return Ok(());
        }
        // Taken before the sync: what is written meanwhile may not be claimed.
        let (map, received) = {
            let mut state = self.state();
            if !std::mem::take(&mut state.grown) {
                return Ok(());
            }
            (state.map.to_bytes(), state.map.received())
        };
        let synced = self.sync_files(&map);
        match &synced {
            Ok(()) => self.kept.store(received, Ordering::Release),
            Err(_) => self.state().grown = true,
        }
        Ok(synced?)
    }

    fn sync_files(&self, map: &[u8]) -> io::Result<()> {
        self.data.sync_data()?;
        self.nodes.as_ref().map_or(Ok(()), File::sync_data)?;
        self.files.replace(Kind::PartialMap, &self.hash, map, true)
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
        for kind in [Kind::PartialMap, Kind::PartialData, Kind::PartialNodes] {
            self.files.remove(kind, &self.hash)?;
        }
        Ok(())
    }

    /// Makes the content one of this node's own, once all of it is here.
    ///
    /// # Errors
    /// Conflict when something is missing, InvalidRequest that names a label, Unavailable when the disk is full or the
    /// bytes on it turned out to be damaged and have to be fetched again.
    pub async fn complete(self: &Arc<Self>, new: NewContent) -> Outcome<Arc<Content>> {
        new.check()?;
        let store = self.store.upgrade().ok_or(StoreError::Closed)?;
        if self.over.load(Ordering::Acquire) {
            let known = store.get(&self.id()).await?;
            return known.ok_or_else(|| Fault::conflict("the transfer of this content has ended"));
        }
        if !self.is_whole() {
            let missing = self.size() - self.received();
            return Err(Fault::conflict(format!("{missing} bytes of the content are still missing")));
        }
        let partial = Arc::clone(self);
        blocking(move || partial.prove()).await?;
        let mut edit = store.edit().await?;
        let (files, hash, nodes) = (self.files.clone(), self.hash, self.nodes.is_some());
        blocking(move || {
            if nodes {
                files.link((Kind::PartialNodes, &hash), (Kind::BlobNodes, &hash))?;
            }
            Ok(files.link((Kind::PartialData, &hash), (Kind::Blob, &hash))?)
        })
        .await?;
        store.enter(&mut edit, &new, self.hash, self.size()).await?;
        let content = store.finish(edit, self.hash).await?;
        let partial = Arc::clone(self);
        blocking(move || partial.discard()).await?;
        Ok(content)
    }

    /// Checks that every node is here, so that the content can be proved to others; each group was checked before it
    /// was written. From overlays that verify by other means the nodes are missing, and are made here.
    fn prove(&self) -> Result<(), StoreError> {
        self.sync()?;
        let one_group = self.geometry.groups() == 1;
        let checked = if one_group { self.verifier().walk(0..1, &mut Nowhere) } else { self.verifier().check_nodes() };
        match checked {
            Ok(()) => Ok(()),
            Err(WalkError::Io(error)) => Err(error.into()),
            Err(WalkError::Mismatch) => self.hash_again(),
        }
    }

    fn hash_again(&self) -> Result<(), StoreError> {
        let mut spool = Spool::new(&self.files);
        read_through(&self.data, 0..self.size(), |bytes| spool.update(bytes))?;
        let hashed = spool.finish(true)?;
        if hashed.hash != self.hash {
            let mut state = self.state();
            (state.map, state.grown) = (Map::new(self.geometry), true);
            drop(state);
            self.sync()?;
            return Err(StoreError::Damaged(self.id().to_string()));
        }
        if let (Some(nodes), Some(ours)) = (hashed.nodes, &self.nodes) {
            ours.write_all_at(&fs::read(&nodes)?, 0)?;
            ours.sync_all()?;
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

/// Takes what was verified and keeps none of it.
struct Nowhere;

impl Sink for Nowhere {
    fn parent(&mut self, _: &super::tree::Pair) -> io::Result<()> {
        Ok(())
    }

    fn group(&mut self, _: u64, _: &[u8]) -> io::Result<()> {
        Ok(())
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

fn misplaced() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "a piece lies outside of the content's groups")
}
