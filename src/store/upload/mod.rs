//! A content that a caller sends in parts, in any order: the parts are kept over a crash, and the whole becomes a
//! content without its bytes being written again.
//!
//! A part is acknowledged once its bytes are synced and its range is in the catalogue, in this order, so what the
//! catalogue claims is on the disk. Bytes that no row claims are as good as not there. `append.rs` takes a part in,
//! `rows.rs` is what the catalogue knows.

mod append;
pub(super) mod rows;

use std::{
    collections::BTreeMap,
    fs::File,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use sha2::Digest;

pub use rows::CommittedUpload;

use super::{
    NewContent, Store, StoreError,
    files::Kind,
    publish::{Source, blocking},
    ranges::Ranges,
    spool::{Hashed, Spool, read_through},
};
use crate::model::{Content, Fault, Outcome, Sha256, Time};

/// Largest content that is uploaded (4 TiB).
const MAX_SIZE: u64 = 1 << 42;

/// An upload under way. Clones of the `Arc` share it.
pub struct Upload {
    store: Weak<Store>,
    id: String,
    new: NewContent,
    /// As the caller declared it.
    size: Option<u64>,
    file: File,
    state: Mutex<State>,
}

struct State {
    phase: Phase,
    received: Ranges,
    /// What appends under way are writing, from start to end; disjoint from one another and from what was received.
    claims: BTreeMap<u64, u64>,
    touched: Time,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Takes parts.
    Open,
    /// Its bytes are being hashed and published.
    Committing,
    /// A content by now, or given up.
    Over,
}

impl Store {
    /// Begins an upload; when this returns it would be there after a crash.
    ///
    /// # Errors
    /// InvalidRequest that names a label, TooLarge beyond 4 TiB, Unavailable when the disk is full.
    pub async fn begin_upload(&self, id: String, new: NewContent, size: Option<u64>) -> Outcome<Arc<Upload>> {
        new.check()?;
        if let Some(size) = size.filter(|size| *size > MAX_SIZE) {
            return Err(Fault::too_large(format!("size is {size}, a content may have {MAX_SIZE} bytes")));
        }
        let (files, key) = (self.files.clone(), rows::key(&id));
        let file = blocking(move || Ok(files.create(Kind::Upload, &key)?)).await?;
        let touched = Time::now();
        if let Err(error) = rows::insert(&self.catalogue, &id, &new, size, touched).await {
            self.files.remove(Kind::Upload, &key).map_err(StoreError::from)?;
            return Err(error.into());
        }
        Ok(Arc::new(Upload::new(
            self.me.clone(),
            rows::Open { id, new, size, touched, received: Ranges::default() },
            file,
        )))
    }

    /// The uploads that were under way when the node stopped, and those that became a content.
    ///
    /// # Errors
    /// Internal when the catalogue cannot be read.
    pub async fn uploads(&self) -> Outcome<(Vec<Arc<Upload>>, Vec<CommittedUpload>)> {
        let mut under_way = Vec::new();
        for row in rows::open(&self.catalogue).await? {
            let (files, key, end) = (self.files.clone(), rows::key(&row.id), row.received.end());
            let opened = blocking(move || Ok(files.open_again(Kind::Upload, &key)?)).await;
            match opened {
                Ok(file) if file.metadata().is_ok_and(|file| file.len() >= end) => {
                    under_way.push(Arc::new(Upload::new(self.me.clone(), row, file)));
                }
                // Somebody took the bytes away behind the node's back: the caller has to begin anew.
                _ => {
                    tracing::error!(upload = row.id, "the bytes of an upload are gone from the data folder");
                    rows::delete(&self.catalogue, &row.id).await?;
                }
            }
        }
        Ok((under_way, rows::committed(&self.catalogue).await?))
    }

    /// Forgets an upload that became a content, which stays.
    ///
    /// # Errors
    /// Internal when the catalogue cannot be written.
    pub async fn forget_upload(&self, id: &str) -> Outcome<()> {
        Ok(rows::delete(&self.catalogue, id).await?)
    }
}

impl Upload {
    fn new(store: Weak<Store>, row: rows::Open, file: File) -> Self {
        let rows::Open { id, new, size, touched, received } = row;
        let state = State { phase: Phase::Open, received, claims: BTreeMap::new(), touched };
        Self { store, id, new, size, file, state: Mutex::new(state) }
    }

    /// What names it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The size that the caller declared.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// Bytes that were acknowledged.
    pub fn received(&self) -> u64 {
        self.state().received.bytes()
    }

    /// Bytes that it takes or may take on the disk: the declared size, or what has come so far.
    pub fn reserved(&self) -> u64 {
        self.size.unwrap_or_else(|| {
            let state = self.state();
            state.received.bytes() + state.claims.iter().map(|(start, end)| end - start).sum::<u64>()
        })
    }

    /// Since when nobody has worked on it, unless somebody does now.
    pub fn idle_since(&self) -> Option<Time> {
        let state = self.state();
        (state.phase == Phase::Open && state.claims.is_empty()).then_some(state.touched)
    }

    /// Makes a content of it, once all bytes are here. With a hash, only if the bytes have it; without a declared size
    /// the last byte that was received is the last one.
    ///
    /// # Errors
    /// Conflict that names the first missing bytes, InvalidRequest that names both hashes, Unavailable when the disk is
    /// full; then the upload is as it was.
    pub async fn commit(self: &Arc<Self>, sha256: Option<Sha256>) -> Outcome<Arc<Content>> {
        let size = self.close()?;
        let committed = self.publish(size, sha256).await;
        self.state().phase = if committed.is_ok() { Phase::Over } else { Phase::Open };
        committed
    }

    /// Gives the upload up and removes what is here of it.
    ///
    /// # Errors
    /// Conflict while it is being committed, or what the disk says.
    pub async fn discard(&self) -> Outcome<()> {
        {
            let mut state = self.state();
            if state.phase == Phase::Committing {
                return Err(Fault::conflict("the upload is being committed"));
            }
            state.phase = Phase::Over;
        }
        let store = self.store.upgrade().ok_or(StoreError::Closed)?;
        // The row first: a file without a row is swept at the next start.
        rows::delete(&store.catalogue, &self.id).await?;
        let key = rows::key(&self.id);
        Ok(blocking(move || Ok(store.files.remove(Kind::Upload, &key)?)).await?)
    }

    /// Takes no further parts, if it is whole: its size.
    fn close(&self) -> Outcome<u64> {
        let mut state = self.state();
        state.is_open()?;
        if let Some((start, end)) = state.claims.first_key_value() {
            let message = format!("{} are still being appended by another call", shown(&(*start..*end)));
            return Err(Fault::conflict(message));
        }
        let size = self.size.unwrap_or_else(|| state.received.end());
        if let Some(gap) = state.received.first_gap(size) {
            return Err(Fault::conflict(format!("{} of {size} are missing; append them first", shown(&gap))));
        }
        state.phase = Phase::Committing;
        Ok(size)
    }

    async fn publish(self: &Arc<Self>, size: u64, sha256: Option<Sha256>) -> Outcome<Arc<Content>> {
        let store = self.store.upgrade().ok_or(StoreError::Closed)?;
        let upload = Arc::clone(self);
        let (hashed, found) = blocking(move || upload.hash(size, sha256.is_some())).await?;
        if let (Some(wanted), Some(found)) = (sha256, found)
            && wanted != found
        {
            return Err(Fault::invalid(format!("sha256 is {wanted}, and what was uploaded has {found}")));
        }
        let key = rows::key(&self.id);
        let source = Source::Upload { id: self.id.clone(), key, sha256 };
        let content = store.publish_from(&self.new, source, hashed).await?;
        if let Err(error) = store.files.remove(Kind::Upload, &key) {
            tracing::warn!(%error, "the file of a committed upload could not be removed; the next start does it");
        }
        Ok(content)
    }

    /// Hashes the first `size` bytes and makes them last.
    fn hash(&self, size: u64, with_sha256: bool) -> Result<(Hashed, Option<Sha256>), StoreError> {
        let store = self.store.upgrade().ok_or(StoreError::Closed)?;
        // A part that broke off beyond the end may have left bytes there.
        self.file.set_len(size)?;
        self.file.sync_all()?;
        let mut spool = Spool::new(&store.files);
        let mut sha256 = with_sha256.then(sha2::Sha256::new);
        read_through(&self.file, 0..size, |bytes| {
            if let Some(sha256) = &mut sha256 {
                sha256.update(bytes);
            }
            spool.update(bytes)
        })?;
        Ok((spool.finish(true)?, sha256.map(|sha256| Sha256(sha256.finalize().into()))))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_open(&self) -> Outcome<()> {
        match self.phase {
            Phase::Open => Ok(()),
            Phase::Committing => Err(Fault::conflict("the upload is being committed")),
            Phase::Over => Err(Fault::conflict("the upload has ended")),
        }
    }
}

/// A range as callers read it: the first and the last byte, counted from 0.
fn shown(range: &Range<u64>) -> String {
    format!("bytes {}-{}", range.start, range.end.saturating_sub(1))
}
