//! Opening a data folder: the lock, the catalogue, the index, and a look for what a crash left behind.

use std::{
    collections::{HashMap, HashSet},
    num::NonZeroUsize,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64},
    },
};

use lru::LruCache;
use sqlx::Row;
use tokio::sync::broadcast;

use super::{
    LISTENER_LAG, SUSPECTS, Store, StoreError, aliases,
    catalogue::{Catalogue, hash_of},
    events,
    files::{Files, Kind},
    index::{FullText, Op},
    upload,
};

/// Contents whose records stay in memory.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(16_384).unwrap();
/// Contents that are read at once while the index is built anew.
const REBUILD_PAGE: usize = 2_000;

impl Store {
    /// Opens a data folder, which is created when it is not there.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another node has it open, otherwise what the disk or SQLite says.
    pub async fn open(dir: &Path) -> Result<Arc<Self>, StoreError> {
        let dir = dir.to_owned();
        let opened = tokio::task::spawn_blocking(move || Files::open(&dir)).await;
        let (files, lock) = opened.map_err(|error| StoreError::Index(error.to_string()))??;
        let catalogue = Catalogue::open(&files.catalogue()).await?;
        sweep(&files, &catalogue).await?;
        let totals = catalogue.totals().await?;
        let index = open_index(&files, &catalogue, totals.0).await?;
        let journal = events::open(&catalogue).await?;
        let has_aliases = AtomicBool::new(aliases::any(&catalogue).await?);
        Ok(Arc::new_cyclic(|me| Self {
            me: me.clone(),
            files,
            lock: Mutex::new(Some(lock)),
            catalogue,
            index,
            order: Arc::default(),
            memory: Mutex::new(LruCache::new(REMEMBERED)),
            totals: Mutex::new(totals),
            edits: AtomicU64::new(0),
            partials: Mutex::new(HashMap::new()),
            has_aliases,
            journal,
            changes: broadcast::channel(LISTENER_LAG).0,
            suspects: broadcast::channel(SUSPECTS).0,
        }))
    }
}

/// Removes files that a crash left between the disk and the catalogue: bytes that were never acknowledged, and what a
/// transfer or an upload kept of a content that is whole by now.
async fn sweep(files: &Files, catalogue: &Catalogue) -> Result<(), StoreError> {
    let rows = sqlx::query("SELECT hash FROM contents WHERE kept").fetch_all(&catalogue.read).await?;
    let kept = rows.iter().map(|row| hash_of(row.try_get(0)?)).collect::<Result<HashSet<_>, StoreError>>()?;
    let under_way: HashSet<_> =
        upload::rows::open(catalogue).await?.iter().map(|row| upload::rows::key(&row.id)).collect();
    let aliases: HashSet<_> = aliases::with_nodes(catalogue).await?.into_iter().collect();
    let files = files.clone();
    let sweep = move || -> Result<(), StoreError> {
        for kind in [Kind::Blob, Kind::BlobNodes] {
            for hash in files.hashes(kind)?.iter().filter(|hash| !kept.contains(*hash)) {
                files.remove(kind, hash)?;
            }
        }
        for kind in [Kind::PartialMap, Kind::PartialData, Kind::PartialNodes] {
            for hash in files.hashes(kind)?.iter().filter(|hash| kept.contains(*hash)) {
                files.remove(kind, hash)?;
            }
        }
        for hash in files.hashes(Kind::AliasNodes)?.iter().filter(|hash| !aliases.contains(*hash)) {
            files.remove(Kind::AliasNodes, hash)?;
        }
        for key in files.hashes(Kind::Upload)?.iter().filter(|key| !under_way.contains(*key)) {
            files.remove(Kind::Upload, key)?;
        }
        Ok(())
    };
    tokio::task::spawn_blocking(sweep).await.map_err(|error| StoreError::Index(error.to_string()))?
}

async fn open_index(files: &Files, catalogue: &Catalogue, documents: u64) -> Result<FullText, StoreError> {
    let generation = catalogue.generation().await?;
    let dir = files.index();
    if let Some(index) = FullText::open(&dir, generation, documents) {
        return Ok(index);
    }
    let index = FullText::create(&dir)?;
    if documents > 0 {
        tracing::info!(documents, "building the full-text index from the catalogue");
    }
    let mut before = None;
    loop {
        let page = catalogue.page(before, REBUILD_PAGE).await?;
        let Some((last, _)) = page.last() else { break };
        before = Some(*last);
        let ops = page.into_iter().map(|(row, content)| Op::Put(row, Arc::new(content))).collect();
        index.apply(-1, ops).await?;
    }
    // Only now has the index followed: a crash before this line has the next start build it again.
    index.apply(generation, vec![Op::Drop(u64::MAX)]).await?;
    index.flush().await?;
    Ok(index)
}
