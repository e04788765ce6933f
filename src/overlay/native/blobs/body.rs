//! A content's bytes on their way: blocks off the stream, through the decoder, into a short queue of proved pieces.
//!
//! It runs in a task of its own, so that the next bytes are proved while the last ones are written; the queue's length
//! bounds what lies in memory, whatever the content's size and however slow the consumer.

use std::{
    io,
    ops::Range,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use bytes::BytesMut;
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use libp2p::PeerId;
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;

use super::{
    super::{
        shared::{Conversation, Shared},
        wire::{Wire, invalid},
    },
    messages::{End, MAX_BLOCK, MAX_HEADER, Status},
    proof::Proof,
};
use crate::model::{ContentId, Fault, Outcome, Piece};

/// Batches that wait for the consumer; each holds what one read brought, at most 256 KiB.
const MAX_BATCHES: usize = 4;
/// Bytes that are allocated at once for what is read.
const ALLOCATION: usize = 512 << 10;
/// Room below which the next allocation is due.
const LEAST_ROOM: usize = 256 << 10;

/// What is fetched, and from whom.
pub(super) struct Body {
    pub shared: Arc<Shared>,
    pub peer: PeerId,
    pub id: ContentId,
    pub size: u64,
    /// What the peer sends: whole groups.
    pub range: Range<u64>,
    /// Where the wanted range ends.
    pub wanted_end: u64,
}

type Batch = Outcome<Vec<Piece>>;

impl Body {
    /// The proved pieces, in order; dropping the stream ends the transfer.
    pub fn pieces(self, conversation: Conversation) -> BoxStream<'static, Outcome<Piece>> {
        if self.range.is_empty() {
            return stream::empty().boxed();
        }
        let (batches, queue) = mpsc::channel(MAX_BATCHES);
        tokio::spawn(self.run(conversation, batches));
        let each = |batch: Batch| match batch {
            Ok(pieces) => stream::iter(pieces.into_iter().map(Ok)).left_stream(),
            Err(fault) => stream::iter([Err(fault)]).right_stream(),
        };
        ReceiverStream::new(queue).flat_map(each).boxed()
    }

    async fn run(self, mut conversation: Conversation, batches: mpsc::Sender<Batch>) {
        let pumped = tokio::select! {
            pumped = self.pump(&mut conversation.wire, &batches) => pumped,
            () = batches.closed() => return,
        };
        let rest = self.range.end..self.wanted_end;
        let ended = match pumped {
            Err(fault) => Err(fault),
            Ok(()) if rest.is_empty() => return,
            Ok(()) => Err(Fault::unavailable(format!(
                "source {} has bytes {} to {} of content {} not yet",
                self.peer, rest.start, rest.end, self.id
            ))),
        };
        let _ = batches.send(ended).await;
    }

    async fn pump(&self, wire: &mut Wire, batches: &mpsc::Sender<Batch>) -> Outcome<()> {
        let mut proof = Proof::new(&self.id, self.size, &self.range);
        let mut bytes = BytesMut::new();
        let mut left_in_block = 0;
        wire.expect_bulk();
        while !proof.is_complete() {
            if bytes.capacity() - bytes.len() < LEAST_ROOM {
                bytes.reserve(ALLOCATION);
            }
            let read = timeout(self.shared.patience.stall, read(wire, &mut left_in_block, &mut bytes)).await;
            read.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(|error| self.broken(&error))?;
            let mut pieces = Vec::new();
            proof.take(&mut bytes, &mut pieces).map_err(|_| self.forged())?;
            if pieces.is_empty() {
                continue;
            }
            let count: usize = pieces.iter().map(|piece| piece.data.len()).sum();
            self.shared.bytes_in.fetch_add(count as u64, Relaxed);
            if batches.send(Ok(pieces)).await.is_err() {
                return Ok(());
            }
        }
        let Proof::AtTheEnd(whole) = proof else { return Ok(()) };
        let end = timeout(self.shared.patience.stall, end(wire, left_in_block)).await;
        let end = end.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(|error| self.broken(&error))?;
        whole.agrees_with(&end.hash).map_err(|_| self.forged())
    }

    fn forged(&self) -> Fault {
        let id = &self.id;
        self.shared.distrust(self.peer, id);
        tracing::warn!(overlay = self.shared.name, peer = %self.peer, content = %id, "peer sent bytes of something else");
        Fault::unavailable(format!(
            "source {} sent bytes that do not belong to content {id}; none were kept",
            self.peer
        ))
    }

    fn broken(&self, error: &io::Error) -> Fault {
        self.shared.forget_source(&self.id, &self.peer);
        let (peer, id) = (self.peer, &self.id);
        Fault::unavailable(match error.kind() {
            io::ErrorKind::NotFound => format!("source {peer} no longer has content {id}"),
            io::ErrorKind::TimedOut => {
                format!("source {peer} has sent nothing of content {id} for {:?}", self.shared.patience.stall)
            }
            io::ErrorKind::UnexpectedEof => format!("source {peer} broke off in the middle of content {id}"),
            _ => format!("source {peer} failed while it sent content {id}: {error}"),
        })
    }
}

/// Reads some bytes of the current block, or of the next one.
async fn read(wire: &mut Wire, left_in_block: &mut usize, bytes: &mut BytesMut) -> io::Result<()> {
    if *left_in_block == 0 {
        *left_in_block = match wire.receive_block_length().await? {
            0 => return Err(aborted(wire.receive(MAX_HEADER).await?)),
            length if length > MAX_BLOCK => {
                return Err(invalid(format!("a block has {length} bytes, the limit is {MAX_BLOCK}")));
            }
            length => length,
        };
    }
    *left_in_block -= wire.receive_some(*left_in_block, bytes).await?;
    Ok(())
}

/// Reads what follows the last byte of a content of another network.
async fn end(wire: &mut Wire, left_in_block: usize) -> io::Result<End> {
    if left_in_block > 0 || wire.receive_block_length().await? > 0 {
        return Err(invalid("it sends more than it stated"));
    }
    let end: End = wire.receive(MAX_HEADER).await?;
    if end.status() == Status::Ok { Ok(end) } else { Err(aborted(end)) }
}

fn aborted(end: End) -> io::Error {
    match end.status() {
        Status::NotFound => io::ErrorKind::NotFound.into(),
        status => io::Error::other(format!("it reports {status:?}").to_lowercase()),
    }
}
