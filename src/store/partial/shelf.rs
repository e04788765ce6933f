//! Where bytes that came in groups are kept: those of transfers, which become contents of this node, and those that only
//! crossed a bridge, which may be thrown away at any time.

use std::{
    collections::HashSet,
    sync::{Arc, PoisonError, Weak},
};

use super::Partial;
use crate::{
    model::{ContentId, Fault, Outcome},
    store::{BlobReader, Store, StoreError, files::Kind, publish::blocking},
};

/// A folder of contents in groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shelf {
    /// What is on its way to this node.
    Transfers,
    /// What crossed a bridge.
    Cache,
}

impl Shelf {
    pub(super) fn data(self) -> Kind {
        if self == Self::Cache { Kind::CacheData } else { Kind::PartialData }
    }

    pub(super) fn nodes(self) -> Kind {
        if self == Self::Cache { Kind::CacheNodes } else { Kind::PartialNodes }
    }

    pub(super) fn map(self) -> Kind {
        if self == Self::Cache { Kind::CacheMap } else { Kind::PartialMap }
    }

    /// The map first, without which the others say nothing.
    pub(super) fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Transfers => &[Kind::PartialMap, Kind::PartialMark, Kind::PartialData, Kind::PartialNodes],
            Self::Cache => &[Kind::CacheMap, Kind::CacheData, Kind::CacheNodes],
        }
    }
}

impl Store {
    /// What the cache has of a content; with a size it is begun when it was not.
    ///
    /// # Errors
    /// As [`Store::partial`].
    pub async fn cached(&self, id: &ContentId, size: Option<u64>) -> Outcome<Option<Arc<Partial>>> {
        let ContentId::Native(hash) = *id else {
            return Err(Fault::unsupported(format!("{id} is no native content, its bytes cannot be kept")));
        };
        Ok(self.open_partial(Shelf::Cache, hash, size, None).await?)
    }

    /// A reader for what the cache has of a content.
    pub fn read_cached(&self, partial: Arc<Partial>) -> Arc<BlobReader> {
        self.reader_of_partial(partial)
    }

    /// Throws away what the cache has of a content. Who reads it reads on.
    ///
    /// # Errors
    /// What the disk says.
    pub async fn drop_cached(&self, hash: [u8; 32]) -> Outcome<()> {
        let store = self.me.upgrade().ok_or(StoreError::Closed)?;
        let drop = move || {
            // Held, so that nobody opens the files while they go.
            let partials = store.partials.lock().unwrap_or_else(PoisonError::into_inner);
            match partials.get(&(Shelf::Cache, hash)).and_then(Weak::upgrade) {
                Some(open) => open.discard(),
                None => Ok(Shelf::Cache.kinds().iter().try_for_each(|kind| store.files.remove(*kind, &hash))?),
            }
        };
        Ok(blocking(drop).await?)
    }

    /// Throws away all that the cache has but these, and answers which of these are there, with the bytes that each has.
    ///
    /// # Errors
    /// What the disk says.
    pub async fn sweep_cache(&self, keep: HashSet<[u8; 32]>) -> Outcome<Vec<([u8; 32], u64)>> {
        let files = self.files.clone();
        let found = blocking(move || {
            let mapped = files.hashes(Kind::CacheMap)?.into_iter().filter(|hash| keep.contains(hash));
            let mapped: HashSet<_> = mapped.collect();
            for &kind in Shelf::Cache.kinds() {
                for hash in files.hashes(kind)?.iter().filter(|hash| !mapped.contains(*hash)) {
                    files.remove(kind, hash)?;
                }
            }
            Ok(mapped)
        });
        let mut there = Vec::new();
        for hash in found.await? {
            match self.open_partial(Shelf::Cache, hash, None, None).await? {
                Some(partial) => there.push((hash, partial.received())),
                None => self.drop_cached(hash).await?,
            }
        }
        Ok(there)
    }
}
