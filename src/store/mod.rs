//! What this node holds: bytes that can be proved, a catalogue of them, and words to find them by.
//!
//! Published bytes lie in a content-addressed folder, shared files stay where they are, and bytes on their way lie
//! apart until they are whole. Nothing is handed out before it was checked against the content's BLAKE3 tree, and
//! nothing is acknowledged before it would survive a loss of power. `files` says where everything lies, `edit` how
//! anything changes.

mod aliases;
mod aside;
mod bridges;
mod catalogue;
mod edit;
mod error;
mod events;
mod files;
mod index;
mod journal;
pub mod labels;
mod map;
mod open;
mod partial;
mod peers;
mod pieces;
mod proof;
mod publish;
mod ranges;
mod reader;
mod retries;
mod shared;
mod spool;
mod transfers;
mod tree;
mod upload;
mod verify;

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fs::File,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use lru::LruCache;
use tokio::sync::broadcast;

pub use aliases::{Alias, Learnt, Lesson, Seen};
pub use aside::Aside;
pub use bridges::{BridgeDay, BridgeRow, CachedRow};
pub use error::StoreError;
pub use events::SubscriptionRow;
pub use index::words;
pub use journal::{Fact, Journal, Listener, Page};
pub use partial::Partial;
pub use peers::PeerNote;
pub use proof::{Proof, Walk};
pub use publish::{Changes, NewContent};
pub use reader::{BlobReader, MAX_READ};
pub use retries::RetryRow;
pub use shared::{Examined, Place, Stat};
pub use transfers::TransferRow;
pub use tree::GROUP;
pub use upload::{CommittedUpload, Upload};

use self::{catalogue::Catalogue, edit::Growth, files::Files, index::FullText, index::Op, partial::Shelf};
use crate::model::{Content, ContentId, Fault, Outcome, Query};

/// Contents from which on a search leaves the async threads.
const INLINE_DOCUMENTS: u64 = 100_000;
/// Changes that a slow listener may lag behind before it loses some and is told so.
const LISTENER_LAG: usize = 4096;
/// Shared files that may wait to be looked at again.
const SUSPECTS: usize = 1024;

/// A change of what this node holds, for those who announce it.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A content can be found and fetched now.
    Published {
        /// Which one.
        id: ContentId,
        /// The overlays that it is for.
        overlays: Vec<String>,
    },
    /// A content has other labels now.
    Updated {
        /// Which one.
        id: ContentId,
        /// The overlays that it is for.
        overlays: Vec<String>,
    },
    /// A content can no longer be found or fetched.
    Withdrawn {
        /// Which one.
        id: ContentId,
        /// The overlays that it was for.
        overlays: Vec<String>,
    },
}

/// Those of which groups come in or are read.
type Partials = HashMap<(Shelf, [u8; 32]), Weak<Partial>>;

/// The contents of one data folder.
pub struct Store {
    me: Weak<Self>,
    files: Files,
    lock: Mutex<Option<File>>,
    catalogue: Catalogue,
    index: FullText,
    /// Held by the edit that is being made.
    order: Arc<tokio::sync::Mutex<()>>,
    /// Contents by row, so that a hit costs no question to the catalogue.
    memory: Mutex<LruCache<u64, Arc<Content>>>,
    /// Live contents and their bytes, so that asking for them does not count the catalogue.
    totals: Mutex<(u64, u64)>,
    /// Edits so far, changed under the memory's lock.
    edits: AtomicU64,
    partials: Mutex<Partials>,
    /// Whether there is an alias to be looked for.
    has_aliases: AtomicBool,
    journal: Arc<Journal>,
    changes: broadcast::Sender<Change>,
    suspects: broadcast::Sender<PathBuf>,
}

impl Store {
    /// The content of that id, if this node holds it whole.
    ///
    /// # Errors
    /// Internal when the catalogue cannot be read.
    pub async fn get(&self, id: &ContentId) -> Outcome<Option<Arc<Content>>> {
        let ContentId::Native(hash) = id else { return Ok(None) };
        Ok(self.catalogue.live(hash).await?.map(|(_, content)| Arc::new(content)))
    }

    /// A page of contents, newest first, and where the next page begins. With a query, only those that match.
    ///
    /// # Errors
    /// InvalidRequest when `after` is none that an earlier page gave.
    pub async fn list(
        &self,
        query: Option<&Query>,
        after: Option<&str>,
        limit: usize,
    ) -> Outcome<(Vec<Arc<Content>>, Option<String>)> {
        let before = after.map(str::parse::<u64>).transpose();
        let before = before.map_err(|_| Fault::invalid("after is none that an earlier page gave as next"))?;
        let mut page: Vec<(u64, Arc<Content>)> = match query {
            None => {
                let page = self.catalogue.page(before, limit.saturating_add(1)).await?;
                page.into_iter().map(|(row, content)| (row, Arc::new(content))).collect()
            }
            Some(query) => {
                let rows = self.index.rows(query, before, limit.saturating_add(1))?;
                self.contents(rows).await?
            }
        };
        let more = page.len() > limit;
        page.truncate(limit);
        let next = page.last().filter(|_| more).map(|(row, _)| row.to_string());
        Ok((page.into_iter().map(|(_, content)| content).collect(), next))
    }

    /// The best contents for a query with their scores, best first.
    ///
    /// # Errors
    /// Internal when the index is damaged.
    pub async fn search(&self, query: &Query) -> Outcome<Vec<(f64, Arc<Content>)>> {
        self.search_in(query, None).await
    }

    /// As [`Store::search`], only for contents of one overlay if `overlay` names one.
    ///
    /// # Errors
    /// As [`Store::search`].
    pub async fn search_in(&self, query: &Query, overlay: Option<&str>) -> Outcome<Vec<(f64, Arc<Content>)>> {
        let hits = if self.index.documents() < INLINE_DOCUMENTS {
            self.index.search(query, overlay)?
        } else {
            let (store, query, overlay) = (self.me.upgrade(), query.clone(), overlay.map(str::to_owned));
            let search = move || store.ok_or(StoreError::Closed)?.index.search(&query, overlay.as_deref());
            tokio::task::spawn_blocking(search).await.map_err(Fault::internal)??
        };
        let contents = self.contents(hits.iter().map(|(_, row)| *row).collect()).await?;
        // A content that was withdrawn since the index was asked has no record any more.
        let mut hits = hits.into_iter();
        let scored = contents
            .into_iter()
            .filter_map(|(row, content)| hits.find(|(_, hit)| *hit == row).map(|(score, _)| (score, content)));
        Ok(scored.collect())
    }

    /// Contents and their bytes.
    pub fn totals(&self) -> (u64, u64) {
        *self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The data folder.
    pub fn dir(&self) -> &Path {
        self.files.root()
    }

    /// What happens here, for those who listen.
    pub fn journal(&self) -> &Arc<Journal> {
        &self.journal
    }

    /// Every change from now on. A listener that lags too far is told by the channel, and had better list anew.
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// Shared files of which a reader found that they are not what was published, from now on.
    pub fn suspects(&self) -> broadcast::Receiver<PathBuf> {
        self.suspects.subscribe()
    }

    /// Finishes what was begun and closes the data folder, so that another node may open it.
    pub async fn close(&self) {
        let _last = Arc::clone(&self.order).lock_owned().await;
        if let Some(store) = self.me.upgrade() {
            let closed = tokio::task::spawn_blocking(move || store.index.close()).await;
            if let Err(error) = closed {
                tracing::error!(%error, "the index was not closed");
            }
        }
        if let Err(error) = events::close(&self.catalogue, &self.journal).await {
            tracing::warn!(%error, "numbers of events stay set aside");
        }
        self.catalogue.close().await;
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// The records of rows, in their order, from memory or the catalogue; rows that are gone are left out.
    async fn contents(&self, rows: Vec<u64>) -> Outcome<Vec<(u64, Arc<Content>)>> {
        let mut found: Vec<(u64, Option<Arc<Content>>)> = {
            let mut memory = self.memory();
            rows.into_iter().map(|row| (row, memory.get(&row).cloned())).collect()
        };
        let missing: Vec<u64> = found.iter().filter(|(_, content)| content.is_none()).map(|(row, _)| *row).collect();
        if !missing.is_empty() {
            let read: HashMap<u64, Arc<Content>> = self.read_rows(&missing).await?;
            for (row, content) in found.iter_mut().filter(|(_, content)| content.is_none()) {
                *content = read.get(row).cloned();
            }
        }
        Ok(found.into_iter().filter_map(|(row, content)| Some((row, content?))).collect())
    }

    async fn read_rows(&self, rows: &[u64]) -> Outcome<HashMap<u64, Arc<Content>>> {
        let edits = self.edits.load(Ordering::Acquire);
        let read = self.catalogue.of_rows(rows).await?;
        let read: HashMap<_, _> = read.into_iter().map(|(row, content)| (row, Arc::new(content))).collect();
        let mut memory = self.memory();
        // After an edit in between, what was read may be older than what the memory was told.
        if self.edits.load(Ordering::Acquire) == edits {
            for (row, content) in &read {
                memory.put(*row, Arc::clone(content));
            }
        }
        Ok(read)
    }

    /// Has the memory read a content anew, of which something changed beside its own row.
    async fn recall(&self, hash: &[u8; 32]) -> Outcome<()> {
        let sql = "SELECT row FROM contents WHERE hash = ?";
        let row: Option<i64> = sqlx::query_scalar(sql)
            .bind(&hash[..])
            .fetch_optional(&self.catalogue.read)
            .await
            .map_err(StoreError::from)?;
        if let Some(row) = row {
            let mut memory = self.memory();
            self.edits.fetch_add(1, Ordering::AcqRel);
            memory.pop(&(row as u64));
        }
        Ok(())
    }

    fn remember(&self, ops: &[Op], growth: Growth) {
        let mut totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        *totals = (totals.0.saturating_add_signed(growth.contents), totals.1.saturating_add_signed(growth.bytes));
        drop(totals);
        let mut memory = self.memory();
        self.edits.fetch_add(1, Ordering::AcqRel);
        for op in ops {
            match op {
                Op::Put(row, content) => memory.put(*row, Arc::clone(content)),
                Op::Drop(row) => memory.pop(row),
            };
        }
    }

    fn memory(&self) -> MutexGuard<'_, LruCache<u64, Arc<Content>>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
