//! A content as a stream that proves itself, for gateways that ask over HTTP: what they hand on they have to prove to
//! peers in turn.

use std::{io, ops::Range, sync::Arc};

use bytes::{Bytes, BytesMut};
use futures::{FutureExt, StreamExt, stream};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_stream::wrappers::ReceiverStream;

use super::{Contents, Delivery};
use crate::{
    model::{ByteStream, ContentId, Fault, FaultKind, Journey, Outcome, Piece},
    overlay::bao::{GROUP, encode::Encoder, whole_groups},
    store::BlobReader,
};

/// Proofs that are sent at one time; each holds a thread while it reads from the disk.
pub(super) const MAX_PROOFS: usize = 64;
/// Bytes that are sent at once.
const BLOCK: usize = 256 << 10;
/// Blocks that wait for the connection.
const BLOCKS_AHEAD: usize = 4;

/// A range of a content with its proof.
pub struct Proof {
    /// Bytes of the whole content.
    pub size: u64,
    /// What is proved: the range asked for, rounded out to whole groups.
    pub range: Range<u64>,
    /// The size as 8 bytes, little-endian, and behind it the nodes and groups of the range in pre-order.
    pub stream: ByteStream,
}

impl Contents {
    /// A range of a native content with its proof.
    ///
    /// # Errors
    /// NotFound or Unavailable when nobody delivers, Unsupported for what has no tree, or comes without it, LimitExceeded
    /// when too many proofs are on their way.
    pub async fn prove(&self, id: &ContentId, range: Range<u64>, journey: Option<&Journey>) -> Outcome<Proof> {
        if id.hash().is_none() {
            return Err(Fault::unsupported(format!("{id} is no native content, there is no proof of its bytes")));
        }
        let busy = || Fault::new(FaultKind::LimitExceeded, format!("{MAX_PROOFS} proofs are on their way; try again"));
        let permit = self.proofs.clone().try_acquire_owned().map_err(|_| busy())?;
        let journey = self.journey(journey);
        if let Some((content, reader)) = self.here(id, &journey).await? {
            let range = whole_groups(range, content.size);
            let stream = from_disk(reader, range.clone(), permit);
            return Ok(Proof { size: content.size, stream: behind_size(content.size, stream), range });
        }
        let first = self.overlays.fetch(id, range.clone(), &[], &[], &journey).await?;
        let (size, range) = (first.size, whole_groups(range, first.size));
        let delivery = self.delivery(id, journey, range.clone(), first);
        let stream = Passing::begin(delivery, size, &range, permit).await?.into_stream();
        Ok(Proof { size, range, stream: behind_size(size, stream) })
    }
}

fn behind_size(size: u64, stream: ByteStream) -> ByteStream {
    let size = Bytes::copy_from_slice(&size.to_le_bytes());
    stream::once(async { Ok(size) }).chain(stream).boxed()
}

/// What is here, encoded on a thread of its own.
fn from_disk(reader: Arc<BlobReader>, range: Range<u64>, permit: OwnedSemaphorePermit) -> ByteStream {
    if range.is_empty() {
        return stream::empty().boxed();
    }
    let (blocks, queue) = mpsc::channel(BLOCKS_AHEAD);
    tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let mut out = Blocks { block: BytesMut::new(), blocks };
        if let Err(error) = reader.encode(range, &mut out).and_then(|()| io::Write::flush(&mut out)) {
            let fault = Fault::unavailable(format!("the content could not be read any further: {error}"));
            // A receiver that is gone has no use for it.
            let _ = out.blocks.blocking_send(Err(fault));
        }
    });
    ReceiverStream::new(queue).boxed()
}

/// Gathers what is written into blocks.
struct Blocks {
    block: BytesMut,
    blocks: mpsc::Sender<Outcome<Bytes>>,
}

impl io::Write for Blocks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.block.extend_from_slice(bytes);
        if self.block.len() >= BLOCK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        let block = std::mem::replace(&mut self.block, BytesMut::with_capacity(BLOCK + GROUP as usize)).freeze();
        self.blocks.blocking_send(Ok(block)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// What comes from further away, encoded while it passes.
struct Passing {
    delivery: Delivery,
    encoder: Encoder,
    /// What came first, and had to be looked at before anything was promised.
    first: Option<Piece>,
    _permit: OwnedSemaphorePermit,
}

impl Passing {
    async fn begin(
        mut delivery: Delivery,
        size: u64,
        range: &Range<u64>,
        permit: OwnedSemaphorePermit,
    ) -> Outcome<Self> {
        let first = delivery.next_piece().await?.map(|(piece, _)| piece);
        if first.as_ref().is_some_and(|piece| piece.parents.is_empty() && size > GROUP) {
            return Err(Fault::unsupported(format!("content {} comes here without its tree", delivery.id)));
        }
        Ok(Self { delivery, encoder: Encoder::new(size, range), first, _permit: permit })
    }

    fn into_stream(self) -> ByteStream {
        let next = |mut passing: Self| async move { Ok(passing.next().await?.map(|block| (block, passing))) };
        stream::try_unfold(self, next).boxed()
    }

    /// The next block: what is here already, up to its size.
    async fn next(&mut self) -> Outcome<Option<Bytes>> {
        let mut block = BytesMut::new();
        while !self.encoder.is_complete() && block.len() < BLOCK {
            let next = match self.first.take() {
                Some(first) => Some(first),
                None if block.is_empty() => self.delivery.next_piece().await?.map(|(piece, _)| piece),
                None => match self.delivery.next_piece().now_or_never() {
                    Some(next) => next?.map(|(piece, _)| piece),
                    None => break,
                },
            };
            let id = &self.delivery.id;
            let piece = next.ok_or_else(|| Fault::unavailable(format!("content {id} ended before its range")))?;
            let gap = |gap| Fault::unavailable(format!("content {id}: {gap}"));
            self.encoder.encode(piece).map_err(gap)?.iter().for_each(|part| block.extend_from_slice(part));
        }
        Ok(Some(block.freeze()).filter(|block| !block.is_empty()))
    }
}
