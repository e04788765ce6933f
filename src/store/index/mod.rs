//! The full-text index over the catalogue: derived, rebuildable, and warm.
//!
//! A search must cost microseconds, so one searcher is kept with its row column open, and nothing is read from the
//! index's document store: hits are catalogue rows, which the store keeps in memory.

mod question;
mod schema;
mod writer;

use std::{
    fs,
    ops::Bound,
    path::Path,
    sync::{Arc, Mutex, PoisonError, RwLock},
    thread::JoinHandle,
};

use tantivy::{
    DocAddress, IndexReader, Order, ReloadPolicy, Searcher, Term,
    collector::TopDocs,
    columnar::ColumnValues,
    query::{BooleanQuery, ConstScoreQuery, Occur, RangeQuery},
    schema::Field,
};
use tokio::sync::{mpsc, oneshot};

pub use self::schema::words;
use self::{question::Questioner, schema::Fields};
use super::StoreError;
use crate::model::{Content, Query};

/// Most hits of one search, whatever its limit says.
const MAX_HITS: usize = 1000;
/// Indexes up to this many bytes are read through and checked when the node starts; for larger ones that takes too
/// long, and a search that meets damage says so.
const MAX_CHECKED_BYTES: u64 = 64 << 20;
/// Batches that may wait for the writer; a scan that is faster than the writer waits here.
const QUEUE: usize = 64;

/// One change of what can be found.
#[derive(Clone, Debug)]
pub enum Op {
    /// A content can be found, under these labels.
    Put(u64, Arc<Content>),
    /// A content can no longer be found.
    Drop(u64),
}

enum Command {
    /// Changes, and the catalogue's generation that includes them.
    Apply(i64, Vec<Op>),
    /// Answered when everything before it can be searched.
    Flush(oneshot::Sender<Result<(), StoreError>>),
}

/// The index of one data folder.
pub struct FullText {
    shared: Arc<Shared>,
    questioner: Mutex<Questioner>,
    commands: Mutex<Option<mpsc::Sender<Command>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    index: tantivy::Index,
    reader: IndexReader,
    fields: Fields,
    warm: RwLock<Arc<Warm>>,
}

/// A searcher and what is asked of it in every search.
struct Warm {
    searcher: Searcher,
    /// The catalogue rows of each of its segments.
    rows: Vec<Arc<dyn ColumnValues<u64>>>,
    /// The fields that hold words at all, each with what a word in it says. Looking for a word in a field that no content
    /// has, such as the descriptions of shared folders, takes longer than in one that all have, since nothing is kept open
    /// for it.
    worded: Vec<(Field, f32)>,
}

impl FullText {
    /// Opens the index in `dir` if it is sound and has followed the catalogue up to `generation`.
    pub fn open(dir: &Path, generation: i64, documents: u64) -> Option<Self> {
        let opened = Self::try_open(dir, generation, documents);
        match opened {
            Ok(opened) => opened,
            Err(error) => {
                tracing::warn!(%error, "the full-text index is not usable");
                None
            }
        }
    }

    fn try_open(dir: &Path, generation: i64, documents: u64) -> Result<Option<Self>, StoreError> {
        if !dir.join("meta.json").exists() {
            return Ok(None);
        }
        let index = tantivy::Index::open_in_dir(dir)?;
        let (schema, fields) = schema::schema();
        let followed = index.load_metas()?.payload == Some(writer::payload(generation));
        if index.schema() != schema || !followed {
            return Ok(None);
        }
        let bytes: u64 = fs::read_dir(dir)?.flatten().filter_map(|entry| entry.metadata().ok()).map(|m| m.len()).sum();
        if bytes <= MAX_CHECKED_BYTES && !index.validate_checksum()?.is_empty() {
            return Err(StoreError::Index("its files are damaged".into()));
        }
        let opened = Self::start(index, fields, generation)?;
        Ok((opened.documents() == documents).then_some(opened))
    }

    /// Removes what is in `dir` and starts an empty index there, which has followed nothing yet.
    ///
    /// # Errors
    /// What the disk says.
    pub fn create(dir: &Path) -> Result<Self, StoreError> {
        if dir.exists() {
            fs::remove_dir_all(dir).map_err(StoreError::io("cannot remove the damaged index"))?;
        }
        fs::create_dir_all(dir).map_err(StoreError::io("cannot create the index"))?;
        let (schema, fields) = schema::schema();
        Self::start(tantivy::Index::create_in_dir(dir, schema)?, fields, 0)
    }

    fn start(index: tantivy::Index, fields: Fields, generation: i64) -> Result<Self, StoreError> {
        index.tokenizers().register(schema::FOLDED, schema::analyzer());
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let warm = RwLock::new(Arc::new(Warm::of(&reader, &fields)?));
        let shared = Arc::new(Shared { index, reader, fields, warm });
        let (commands, queue) = mpsc::channel(QUEUE);
        let thread = writer::spawn(Arc::clone(&shared), queue, generation)?;
        Ok(Self {
            shared,
            questioner: Mutex::new(Questioner::new(fields, schema::analyzer())),
            commands: Mutex::new(Some(commands)),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Contents that can be found.
    pub fn documents(&self) -> u64 {
        self.warm().searcher.num_docs()
    }

    /// Hands changes to the writer. Callers send them in the order of their generations.
    pub async fn apply(&self, generation: i64, ops: Vec<Op>) -> Result<(), StoreError> {
        self.send(Command::Apply(generation, ops)).await
    }

    /// Waits until everything that was applied before can be searched.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let (done, wait) = oneshot::channel();
        self.send(Command::Flush(done)).await?;
        wait.await.map_err(|_| StoreError::Closed)?
    }

    async fn send(&self, command: Command) -> Result<(), StoreError> {
        let sender = self.commands.lock().unwrap_or_else(PoisonError::into_inner).clone();
        sender.ok_or(StoreError::Closed)?.send(command).await.map_err(|_| StoreError::Closed)
    }

    /// Lets the writer finish what it was given, and ends it. Blocks.
    pub fn close(&self) {
        drop(self.commands.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the index writer ended with a panic");
        }
    }

    /// The rows of the best contents for a query, best first; equally good ones by row.
    ///
    /// # Errors
    /// What the index says when it is damaged.
    pub fn search(&self, query: &Query, overlay: Option<&str>) -> Result<Vec<(f64, u64)>, StoreError> {
        let warm = self.warm();
        let question = self.question(&warm, query, overlay);
        let best = TopDocs::with_limit(query.limit.clamp(1, MAX_HITS)).order_by_score();
        let found = warm.searcher.search(&*question, &best)?;
        let mut hits: Vec<_> = found.into_iter().map(|(score, at)| (f64::from(score), warm.row(at))).collect();
        hits.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        Ok(hits)
    }

    /// The rows of the contents that match, newest first, below the row `before`.
    ///
    /// # Errors
    /// As [`FullText::search`].
    pub fn rows(&self, query: &Query, before: Option<u64>, limit: usize) -> Result<Vec<u64>, StoreError> {
        let warm = self.warm();
        let mut question = self.question(&warm, query, None);
        if let Some(before) = before {
            let end = Bound::Excluded(Term::from_field_u64(self.shared.fields.row, before));
            let range = ConstScoreQuery::new(Box::new(RangeQuery::new(Bound::Unbounded, end)), 0.0);
            question = Box::new(BooleanQuery::new(vec![(Occur::Must, question), (Occur::Must, Box::new(range))]));
        }
        let newest = TopDocs::with_limit(limit.clamp(1, MAX_HITS)).order_by_u64_field("row", Order::Desc);
        let found = warm.searcher.search(&*question, &newest)?;
        Ok(found.into_iter().map(|(_, at)| warm.row(at)).collect())
    }

    fn question(&self, warm: &Warm, query: &Query, overlay: Option<&str>) -> Box<dyn tantivy::query::Query> {
        self.questioner.lock().unwrap_or_else(PoisonError::into_inner).write(query, overlay, &warm.worded)
    }

    fn warm(&self) -> Arc<Warm> {
        Arc::clone(&self.shared.warm.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Warm {
    fn of(reader: &IndexReader, fields: &Fields) -> Result<Self, StoreError> {
        let searcher = reader.searcher();
        let column = |segment: &tantivy::SegmentReader| segment.fast_fields().column_first_or_default("row");
        let rows = searcher.segment_readers().iter().map(column).collect::<Result<_, _>>()?;
        let mut worded = Vec::new();
        for (field, weight) in question::weights(fields) {
            let mut words = 0;
            for segment in searcher.segment_readers() {
                words += segment.inverted_index(field)?.terms().num_terms();
            }
            if words > 0 {
                worded.push((field, weight));
            }
        }
        Ok(Self { searcher, rows, worded })
    }

    fn row(&self, at: DocAddress) -> u64 {
        self.rows[at.segment_ord as usize].get_val(at.doc_id)
    }
}
