//! A content on its way becomes one of this node's own, once all of it is here and can be proved to others.

use std::{
    fs, io,
    os::unix::fs::FileExt,
    sync::{Arc, atomic::Ordering},
};

use super::Partial;
use crate::{
    model::{Content, Fault, Outcome},
    store::{
        NewContent, StoreError,
        files::Kind,
        map::Map,
        publish::blocking,
        spool::{Spool, read_through},
        tree::Pair,
        verify::{Sink, WalkError},
    },
};

impl Partial {
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
}

/// Takes what was verified and keeps none of it.
struct Nowhere;

impl Sink for Nowhere {
    fn parent(&mut self, _: u64, _: &Pair) -> io::Result<()> {
        Ok(())
    }

    fn group(&mut self, _: u64, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}
