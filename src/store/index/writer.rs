//! The thread that writes the index: it gathers what waits, commits it at once, and lets the searchers see it.
//!
//! Each commit carries the catalogue's generation that it includes. A crash between the catalogue and the index
//! leaves the two apart, which the next start sees and mends by building the index anew.

use std::{
    sync::{Arc, PoisonError},
    thread::{self, JoinHandle},
};

use tantivy::{
    IndexWriter, Term,
    indexer::{IndexWriterOptions, LogMergePolicy},
};
use tokio::sync::{mpsc, oneshot};

use super::{Command, Op, Shared, Warm, schema::VERSION};
use crate::store::StoreError;

/// Bytes that the writer may use before it writes a segment.
const MEMORY: usize = 32 << 20;
/// Changes after which a commit is made although more are waiting.
const MAX_BATCH: usize = 10_000;
/// Changes that are kept for another try when a commit failed, such as on a full disk. Beyond them the index stays
/// behind until the next start builds it anew.
const MAX_KEPT: usize = 50_000;
/// Segments of about one size that are merged into one: few, since every segment costs each search its microseconds.
const MERGE_FROM: usize = 4;

type Waiter = oneshot::Sender<Result<(), StoreError>>;

/// What a commit says of itself.
pub fn payload(generation: i64) -> String {
    format!("version {VERSION} generation {generation}")
}

/// Starts the writer.
pub fn spawn(
    shared: Arc<Shared>,
    mut queue: mpsc::Receiver<Command>,
    generation: i64,
) -> Result<JoinHandle<()>, StoreError> {
    let options = IndexWriterOptions::builder()
        .num_worker_threads(1)
        .num_merge_threads(1)
        .memory_budget_per_thread(MEMORY)
        .build();
    let inner: IndexWriter = shared.index.writer_with_options(options)?;
    let mut policy = LogMergePolicy::default();
    policy.set_min_num_segments(MERGE_FROM);
    inner.set_merge_policy(Box::new(policy));
    let mut writer = Writer { inner, shared, generation, kept: Vec::new(), waiters: Vec::new(), behind: false };
    let run = move || {
        while let Some(command) = queue.blocking_recv() {
            writer.take(command);
            while writer.kept.len() < MAX_BATCH {
                match queue.try_recv() {
                    Ok(command) => writer.take(command),
                    Err(_) => break,
                }
            }
            writer.commit();
        }
    };
    thread::Builder::new().name("index-writer".into()).spawn(run).map_err(StoreError::io("cannot start a thread"))
}

struct Writer {
    inner: IndexWriter,
    shared: Arc<Shared>,
    generation: i64,
    /// Changes that are not committed yet.
    kept: Vec<Op>,
    waiters: Vec<Waiter>,
    behind: bool,
}

impl Writer {
    fn take(&mut self, command: Command) {
        match command {
            Command::Apply(generation, mut ops) => {
                self.generation = generation;
                self.kept.append(&mut ops);
            }
            Command::Flush(waiter) => self.waiters.push(waiter),
        }
    }

    fn commit(&mut self) {
        let outcome = if self.kept.is_empty() { Ok(()) } else { self.try_commit() };
        match &outcome {
            Ok(()) => self.kept.clear(),
            Err(error) => self.recover(error),
        }
        for waiter in self.waiters.drain(..) {
            // A caller that went away needs no answer.
            let _ = waiter.send(outcome.clone());
        }
    }

    fn try_commit(&mut self) -> Result<(), StoreError> {
        let fields = self.shared.fields;
        for op in &self.kept {
            let (Op::Put(row, _) | Op::Drop(row)) = op;
            self.inner.delete_term(Term::from_field_u64(fields.row, *row));
            if let Op::Put(row, content) = op {
                self.inner.add_document(fields.document(*row, content))?;
            }
        }
        let mut commit = self.inner.prepare_commit()?;
        if !self.behind {
            commit.set_payload(&payload(self.generation));
        }
        commit.commit()?;
        self.shared.reader.reload()?;
        let warm = Arc::new(Warm::of(&self.shared.reader, &self.shared.fields)?);
        *self.shared.warm.write().unwrap_or_else(PoisonError::into_inner) = warm;
        Ok(())
    }

    fn recover(&mut self, error: &StoreError) {
        tracing::error!(%error, "the full-text index could not be written; it is tried again with the next change");
        if let Err(error) = self.inner.rollback() {
            tracing::error!(%error, "the full-text index could not be rolled back");
        }
        if self.kept.len() > MAX_KEPT {
            self.kept.clear();
            self.behind = true;
        }
    }
}
