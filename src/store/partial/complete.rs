//! A content on its way becomes one of this node's own, once all of it is here and can be proved to others.

use std::{
    fs, io,
    os::unix::fs::FileExt,
    sync::{Arc, atomic::Ordering},
};

use super::Partial;
use crate::{
    model::{Content, ContentId, Fault, Outcome, Time},
    store::{
        Alias, NewContent, Store, StoreError, aliases,
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
            let known = match &self.foreign {
                None => store.get(&self.id()).await?,
                Some((id, _)) => match store.alias(id).await? {
                    Some(alias) => store.get(&alias.native()).await?,
                    None => None,
                },
            };
            return known.ok_or_else(|| Fault::conflict("the transfer of this content has ended"));
        }
        if !self.is_whole() {
            let missing = self.size() - self.received();
            return Err(Fault::conflict(format!("{missing} bytes of the content are still missing")));
        }
        if let Some((id, modified)) = &self.foreign {
            return self.complete_foreign(&store, new, id, *modified).await;
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

    /// Hashes what came without proof, keeps it under the native id that this gives, and the foreign id as its alias.
    async fn complete_foreign(
        self: &Arc<Self>,
        store: &Arc<Store>,
        new: NewContent,
        id: &ContentId,
        modified: Option<Time>,
    ) -> Outcome<Arc<Content>> {
        let partial = Arc::clone(self);
        let hashed = blocking(move || {
            partial.sync()?;
            let mut spool = Spool::new(&partial.files);
            read_through(&partial.data, 0..partial.size(), |bytes| spool.update(bytes))?;
            Ok(spool.finish(true)?)
        })
        .await?;
        let mut edit = store.edit().await?;
        let (files, key, hash) = (self.files.clone(), self.hash, hashed.hash);
        blocking(move || {
            if let Some(nodes) = hashed.nodes {
                files.put(nodes, Kind::BlobNodes, &hash)?;
            }
            // Bytes that are there already are the same bytes.
            let there = fs::metadata(files.path(Kind::Blob, &hash));
            if there.is_ok_and(|there| there.len() == hashed.size) {
                return Ok(());
            }
            Ok(files.link((Kind::PartialData, &key), (Kind::Blob, &hash))?)
        })
        .await?;
        store.enter(&mut edit, &new, hash, self.size()).await?;
        let alias = Alias { hash, size: self.size(), modified };
        aliases::enter(&mut edit, id, &alias, 0).await?;
        let content = store.finish(edit, hash).await?;
        store.alias_entered(&hash).await?;
        let partial = Arc::clone(self);
        blocking(move || partial.discard()).await?;
        let entered = store.get(&content.content_id).await?;
        Ok(entered.unwrap_or(content))
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
