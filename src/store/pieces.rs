//! Stored bytes as an overlay would deliver them: verified pieces, each with the nodes that prove it.

use std::{io, ops::Range, sync::Arc};

use bytes::BytesMut;
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::{
    BlobReader,
    tree::{GROUP, Pair, node_of},
    verify::{Sink, WalkError},
};
use crate::model::{Outcome, Parent, Piece};

/// Bytes of one batch.
const BATCH: usize = 16 * GROUP as usize;
/// Batches that are read before somebody asks.
const BATCHES_AHEAD: usize = 4;

impl BlobReader {
    /// The verified pieces of a range, from the group on that holds its first byte, as far as they are here. Their nodes
    /// and bytes one after the other are the stream that [`BlobReader::encode`] writes. A fault ends it.
    pub fn pieces(self: &Arc<Self>, range: Range<u64>) -> BoxStream<'static, Outcome<Piece>> {
        let reader = Arc::clone(self);
        let (batches, queue) = mpsc::channel(BATCHES_AHEAD);
        tokio::task::spawn_blocking(move || reader.walk_into(range, batches));
        let each = |batch: Outcome<Vec<Piece>>| match batch {
            Ok(pieces) => stream::iter(pieces.into_iter().map(Ok)).left_stream(),
            Err(fault) => stream::iter([Err(fault)]).right_stream(),
        };
        ReceiverStream::new(queue).flat_map(each).boxed()
    }

    fn walk_into(&self, range: Range<u64>, batches: mpsc::Sender<Outcome<Vec<Piece>>>) {
        let groups = self.geometry().covering(&self.available(range));
        let mut sink =
            Batches { bytes: BytesMut::new(), parents: Vec::new(), pieces: Vec::new(), batches: batches.clone() };
        let walked = self.verifier().walk(groups, &mut sink).and_then(|()| sink.flush().map_err(WalkError::Io));
        match walked {
            Ok(()) => {}
            // Nobody listens any more.
            Err(WalkError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Err(error) => drop(batches.blocking_send(Err(self.explain(error).into()))),
        }
    }
}

/// Gathers pieces into batches.
struct Batches {
    bytes: BytesMut,
    parents: Vec<Parent>,
    pieces: Vec<Piece>,
    batches: mpsc::Sender<Outcome<Vec<Piece>>>,
}

impl Batches {
    fn flush(&mut self) -> io::Result<()> {
        if self.pieces.is_empty() {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.pieces);
        self.batches.blocking_send(Ok(batch)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Sink for Batches {
    fn parent(&mut self, mid: u64, pair: &Pair) -> io::Result<()> {
        self.parents.push(Parent { node: node_of(mid), pair: *pair });
        Ok(())
    }

    fn group(&mut self, index: u64, bytes: &[u8]) -> io::Result<()> {
        if self.bytes.capacity() < bytes.len() {
            self.bytes.reserve(BATCH);
        }
        self.bytes.extend_from_slice(bytes);
        let data = self.bytes.split().freeze();
        self.pieces.push(Piece { offset: index * GROUP, data, parents: std::mem::take(&mut self.parents) });
        if self.pieces.len() * GROUP as usize >= BATCH { self.flush() } else { Ok(()) }
    }
}
