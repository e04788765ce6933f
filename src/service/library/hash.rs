//! Hashing what a scan found, with every core, and handing it to the store in batches.

use std::{
    collections::VecDeque,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use tokio::sync::mpsc;

use super::{Shelf, scan::Work};
use crate::{model::Hashing, store::Examined};

/// Hashed files that are entered into the catalogue in one change.
const BATCH: usize = 256;

/// Hashes files and shares them; true when some were being written to or could not be entered.
pub async fn hash_all(shelf: &Arc<Shelf>, work: Vec<Work>) -> bool {
    if work.is_empty() {
        return false;
    }
    let total = Hashing {
        files_total: work.len() as u64,
        bytes_total: work.iter().map(|work| work.size).sum(),
        busy: true,
        ..Hashing::default()
    };
    shelf.progress.send_modify(|progress| *progress = Hashing { scans: progress.scans, ..total });
    let queue = Arc::new(Mutex::new(VecDeque::from(work)));
    let again = Arc::new(AtomicBool::new(false));
    let (results, mut hashed) = mpsc::channel(BATCH);
    for _ in 0..thread::available_parallelism().map_or(1, NonZeroUsize::get) {
        let (shelf, queue, results, again) =
            (Arc::clone(shelf), Arc::clone(&queue), results.clone(), Arc::clone(&again));
        tokio::task::spawn_blocking(move || hash_queue(&shelf, &queue, &results, &again));
    }
    drop(results);
    let mut batch = Vec::with_capacity(BATCH);
    while hashed.recv_many(&mut batch, BATCH).await > 0 {
        if let Err(fault) = shelf.store.adopt(std::mem::take(&mut batch), &shelf.overlays).await {
            tracing::error!(%fault, "hashed files could not be entered into the catalogue");
            again.store(true, Ordering::Release);
        }
    }
    shelf.progress.send_modify(|progress| progress.current = None);
    again.load(Ordering::Acquire)
}

fn hash_queue(shelf: &Shelf, queue: &Mutex<VecDeque<Work>>, results: &mpsc::Sender<Examined>, again: &AtomicBool) {
    while !shelf.stopped.load(Ordering::Acquire) {
        let Some(work) = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front() else { return };
        let name = work.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        shelf.progress.send_modify(|progress| progress.current = Some(name));
        let mut count = |bytes| shelf.progress.send_modify(|progress| progress.bytes_done += bytes);
        match shelf.store.examine(&work.root, &work.path, &mut count) {
            Ok(Some(examined)) => {
                if results.blocking_send(examined).is_err() {
                    return;
                }
            }
            Ok(None) => again.store(true, Ordering::Release),
            // A file that nobody may read, or that is gone again, is no reason to try at once.
            Err(error) => tracing::warn!(path = %work.path.display(), %error, "a file could not be hashed"),
        }
        shelf.progress.send_modify(|progress| progress.files_done += 1);
    }
}
