//! The sending side: says what it has, and sends ranges with their proof.
//!
//! Reading and proving a content blocks, so it runs on a thread of its own and writes into a short queue; the queue's
//! length bounds what lies in memory when the peer reads slowly.

use std::{
    io,
    ops::Range,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use tokio::{sync::mpsc, time::timeout};

use super::{
    super::{hits::WireHit, shared::Shared, wire::Wire},
    GROUP,
    messages::{Abort, Header, Kind, MAX_REQUEST, Request, Status},
    whole_groups,
};
use crate::{model::ContentId, overlay::Source};

/// Bytes of one block; large, so that one write serves many groups.
const BLOCK_BYTES: usize = 256 << 10;
/// Bytes in front of a block: its length.
const PREFIX: usize = 4;
/// Blocks that wait for the stream.
const MAX_BLOCKS: usize = 4;

/// Answers the request that the stream brings.
pub(in super::super) async fn serve(shared: &Arc<Shared>, mut wire: Wire) -> io::Result<()> {
    let request: Request = timeout(shared.patience.probe, wire.receive(MAX_REQUEST)).await??;
    let patience = shared.patience.drain;
    match timeout(patience, answer(shared, &request)).await? {
        Err(status) => {
            let header = Header { status: status.into(), ..Header::default() };
            timeout(patience, wire.send(&header)).await??;
        }
        Ok((header, source)) => {
            timeout(patience, wire.send(&header)).await??;
            if let Some(source) = source.filter(|_| request.kind() == Kind::Fetch) {
                return send(shared, wire, source, header.start..header.end).await;
            }
        }
    }
    timeout(patience, wire.close()).await?
}

/// The header, and where the bytes come from.
async fn answer(shared: &Shared, request: &Request) -> Result<(Header, Option<Arc<dyn Source>>), Status> {
    let hash: [u8; 32] = request.hash.as_slice().try_into().map_err(|_| Status::Invalid)?;
    let kind = Kind::try_from(request.kind).map_err(|_| Status::Invalid)?;
    let id = ContentId::native(hash);
    let failed = |fault| {
        tracing::debug!(content = %id, "not offered: {fault}");
        Status::Failed
    };
    let source = shared.offer.open(&id).await.map_err(failed)?;
    let hit = match kind {
        Kind::Describe => shared.offer.describe(&id).await.map_err(failed)?,
        Kind::Fetch | Kind::Have => None,
    };
    let size = source.as_ref().map(|source| source.size()).or(hit.as_ref().map(|hit| hit.size));
    let size = size.ok_or(Status::NotFound)?;
    let wanted = whole_groups(request.start..request.end, size);
    let part = source.as_ref().map_or(0..0, |source| available(source.as_ref(), wanted));
    let hit = hit.as_ref().map(WireHit::of);
    Ok((Header { status: Status::Ok.into(), size, start: part.start, end: part.end, hit }, source))
}

/// The whole groups that can be sent, from the range's start on.
fn available(source: &dyn Source, wanted: Range<u64>) -> Range<u64> {
    let part = source.available(wanted.clone());
    let end = if part.end >= source.size() { source.size() } else { part.end / GROUP * GROUP };
    if part.start == wanted.start && end > part.start {
        part.start..end.min(wanted.end)
    } else {
        wanted.start..wanted.start
    }
}

async fn send(shared: &Shared, mut wire: Wire, source: Arc<dyn Source>, range: Range<u64>) -> io::Result<()> {
    let patience = shared.patience.drain;
    let _permit = match timeout(shared.patience.probe, shared.bodies.acquire()).await {
        Ok(Ok(permit)) => permit,
        _ => return abort(shared, wire, Status::Busy).await,
    };
    let (blocks, mut queue) = mpsc::channel(MAX_BLOCKS);
    let encoding = tokio::task::spawn_blocking(move || {
        let mut out = Blocks { block: Vec::new(), blocks };
        source.encode(range, &mut out).and_then(|()| io::Write::flush(&mut out))
    });
    while let Some(block) = queue.recv().await {
        timeout(patience, wire.send_raw(&block)).await??;
        shared.bytes_out.fetch_add((block.len() - PREFIX) as u64, Relaxed);
    }
    match encoding.await? {
        Ok(()) => timeout(patience, wire.close()).await?,
        Err(error) => {
            tracing::warn!(overlay = shared.name, "a content could not be read: {error}");
            let gone = matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::NotFound);
            abort(shared, wire, if gone { Status::NotFound } else { Status::Failed }).await
        }
    }
}

/// A block of length 0, and why nothing more comes.
async fn abort(shared: &Shared, mut wire: Wire, status: Status) -> io::Result<()> {
    let told = async {
        wire.send_raw(&[0; PREFIX]).await?;
        wire.send(&Abort { status: status.into() }).await?;
        wire.close().await
    };
    timeout(shared.patience.drain, told).await?
}

/// Gathers what is written into blocks, each behind its length.
struct Blocks {
    block: Vec<u8>,
    blocks: mpsc::Sender<Vec<u8>>,
}

impl io::Write for Blocks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.block.is_empty() {
            self.block.reserve_exact(PREFIX + BLOCK_BYTES);
            self.block.extend([0; PREFIX]);
        }
        let count = bytes.len().min(PREFIX + BLOCK_BYTES - self.block.len());
        self.block.extend_from_slice(&bytes[..count]);
        if self.block.len() == PREFIX + BLOCK_BYTES {
            self.flush()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        let mut block = std::mem::take(&mut self.block);
        let length = (block.len() - PREFIX) as u32;
        block[..PREFIX].copy_from_slice(&length.to_be_bytes());
        self.blocks.blocking_send(block).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
