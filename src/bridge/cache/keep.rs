//! Keeping what crosses: the pieces of one passage on their way to the disk, without standing in its way.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::timeout,
};

use super::Cache;
use crate::{model::Piece, store::Partial};

/// Pieces that wait for the disk.
const PIECES_AHEAD: usize = 128;
/// Pieces that are written at once.
const GATHERED: usize = 64;
/// How long a transfer waits for the disk, once.
const PATIENCE: Duration = Duration::from_millis(500);

/// Where the pieces of one passage go to be kept.
pub struct Keep(Option<mpsc::Sender<Piece>>);

impl Keep {
    /// Begins to write what is put here, until it is dropped.
    pub(super) fn begin(
        cache: &Arc<Cache>,
        hash: [u8; 32],
        partial: Arc<Partial>,
        place: OwnedSemaphorePermit,
    ) -> Self {
        let (pieces, queue) = mpsc::channel(PIECES_AHEAD);
        let writing = write(cache.clone(), hash, partial, queue);
        cache.writers.spawn(async move {
            writing.await;
            drop(place);
        });
        Self(Some(pieces))
    }

    /// Keeps a piece, or from now on nothing more. Pieces have to come in order and without gaps.
    pub async fn put(&mut self, piece: &Piece) {
        let Some(pieces) = &self.0 else { return };
        let piece = match pieces.try_send(piece.clone()) {
            Ok(()) => return,
            Err(mpsc::error::TrySendError::Full(piece)) => piece,
            Err(mpsc::error::TrySendError::Closed(_)) => return self.0 = None,
        };
        // The nodes that prove what follows come with this piece: without it nothing after it is of use.
        if !matches!(timeout(PATIENCE, pieces.send(piece)).await, Ok(Ok(()))) {
            self.0 = None;
        }
    }
}

/// Writes the pieces of one passage until it ends or the disk says no.
async fn write(cache: Arc<Cache>, hash: [u8; 32], partial: Arc<Partial>, mut queue: mpsc::Receiver<Piece>) {
    let mut batch = Vec::with_capacity(GATHERED);
    while queue.recv_many(&mut batch, GATHERED).await > 0 {
        let bytes = batch.iter().map(|piece| piece.data.len() as u64).sum();
        if !cache.make_room(bytes).await {
            break;
        }
        let (to, pieces) = (partial.clone(), std::mem::replace(&mut batch, Vec::with_capacity(GATHERED)));
        let written = tokio::task::spawn_blocking(move || to.write(&pieces)).await;
        if let Ok(Err(error)) = &written {
            cache.tell_unless_gone(error);
        }
        if !matches!(written, Ok(Ok(()))) || !cache.ledger().grow(&hash, partial.received()) {
            break;
        }
    }
    drop(queue);
    if let Ok(Err(error)) = tokio::task::spawn_blocking(move || partial.sync()).await {
        cache.tell_unless_gone(&error);
    }
    cache.write_down().await;
}
