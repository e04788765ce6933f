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
    block::{Block, length_of},
    messages::{End, Header, Kind, MAX_REQUEST, Request, Status},
    passing, whole_groups,
};
use crate::{
    model::{ContentId, Fault},
    overlay::{Fetch, Source},
};

/// Blocks that wait for the stream.
const MAX_BLOCKS: usize = 4;

/// Answers the request that the stream brings.
pub(in super::super) async fn serve(shared: &Arc<Shared>, mut wire: Wire) -> io::Result<()> {
    let request: Request = timeout(shared.patience.probe, wire.receive(MAX_REQUEST)).await??;
    let patience = shared.patience.drain;
    let answered = tokio::select! {
        answered = timeout(patience, answer(shared, request)) => answered?,
        () = wire.gone() => return Err(io::ErrorKind::BrokenPipe.into()),
    };
    match answered {
        Err(status) => {
            let header = Header { status: status.into(), ..Header::default() };
            timeout(patience, wire.send(&header)).await??;
        }
        Ok(Answer { id, header, bytes }) => {
            timeout(patience, wire.send(&header)).await??;
            let range = header.start..header.end;
            match bytes {
                Bytes::Here(source) if !range.is_empty() => return send(shared, wire, source, range).await,
                Bytes::Passing(fetch) if !range.is_empty() => {
                    return passing::send(shared, wire, &id, fetch, range).await;
                }
                _ => {}
            }
        }
    }
    timeout(patience, wire.close()).await?
}

/// What is answered.
struct Answer {
    id: ContentId,
    header: Header,
    bytes: Bytes,
}

/// Where the body comes from.
enum Bytes {
    /// None was asked for.
    Unwanted,
    /// It lies here.
    Here(Arc<dyn Source>),
    /// It comes from further away.
    Passing(Fetch),
}

/// What is here is answered from here; only where nothing is, further away is asked.
async fn answer(shared: &Shared, request: Request) -> Result<Answer, Status> {
    let id = request.content_id().ok_or(Status::Invalid)?;
    let kind = Kind::try_from(request.kind).map_err(|_| Status::Invalid)?;
    let journey = request.journey.unwrap_or_default().into_journey(&shared.id).map_err(|_| Status::Invalid)?;
    let failed = |fault: Fault| {
        tracing::debug!(content = %id, "not offered: {fault}");
        Status::of(&fault)
    };
    let wanted = request.start..request.end;
    let here = shared.offer.open(&id).await.map_err(failed)?;
    if kind == Kind::Describe {
        let hit = shared.offer.describe(&id, &journey).await.map_err(failed)?;
        // A content that is on its way here has no record yet.
        let size = hit.as_ref().map(|hit| hit.size).or(here.map(|source| source.size())).ok_or(Status::NotFound)?;
        let header = header(size, whole_groups(wanted, size), hit.as_ref().map(WireHit::of));
        return Ok(Answer { id, header, bytes: Bytes::Unwanted });
    }
    if let Some(source) = here.filter(|source| can_send(source.as_ref(), &wanted)) {
        let size = source.size();
        let part = available(source.as_ref(), whole_groups(wanted, size));
        let bytes = if kind == Kind::Fetch { Bytes::Here(source) } else { Bytes::Unwanted };
        return Ok(Answer { id, header: header(size, part, None), bytes });
    }
    if kind == Kind::Fetch {
        // Rounded out here, since the pieces have to begin where the body does.
        let start = wanted.start / GROUP * GROUP;
        let fetch = shared.offer.bring(&id, start..wanted.end, &journey).await.map_err(failed)?;
        let fetch = fetch.ok_or(Status::NotFound)?;
        let part = whole_groups(wanted, fetch.size);
        return Ok(Answer { id, header: header(fetch.size, part, None), bytes: Bytes::Passing(fetch) });
    }
    let hit = shared.offer.describe(&id, &journey).await.map_err(failed)?.ok_or(Status::NotFound)?;
    let part = whole_groups(wanted, hit.size);
    Ok(Answer { id, header: header(hit.size, part, None), bytes: Bytes::Unwanted })
}

fn header(size: u64, part: Range<u64>, hit: Option<WireHit>) -> Header {
    Header { status: Status::Ok.into(), size, start: part.start, end: part.end, hit }
}

/// Whether a source has something of a range, or the range holds nothing of the content.
fn can_send(source: &dyn Source, wanted: &Range<u64>) -> bool {
    let whole = whole_groups(wanted.clone(), source.size());
    whole.is_empty() || !available(source, whole).is_empty()
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
        let mut out = Blocks { block: Block::default(), blocks };
        source.encode(range, &mut out).and_then(|()| io::Write::flush(&mut out))
    });
    while let Some(block) = queue.recv().await {
        timeout(patience, wire.send_raw(&block)).await??;
        shared.bytes_out.fetch_add(length_of(&block) as u64, Relaxed);
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
pub(super) async fn abort(shared: &Shared, mut wire: Wire, status: Status) -> io::Result<()> {
    let told = async {
        wire.send_raw(&Block::LAST).await?;
        wire.send(&End { status: status.into(), hash: Vec::new() }).await?;
        wire.close().await
    };
    timeout(shared.patience.drain, told).await?
}

/// Gathers what is written into blocks.
struct Blocks {
    block: Block,
    blocks: mpsc::Sender<Vec<u8>>,
}

impl io::Write for Blocks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.block.take(bytes);
        if self.block.is_full() {
            self.flush()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.block.take_sealed() {
            Some(block) => self.blocks.blocking_send(block).map_err(|_| io::ErrorKind::BrokenPipe.into()),
            None => Ok(()),
        }
    }
}
