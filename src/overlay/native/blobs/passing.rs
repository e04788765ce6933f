//! A content from further away, sent on while it comes.
//!
//! Its pieces have been proved already and carry the tree's nodes in the order of the stream, so they are put behind one
//! another as they are. Nothing is hashed a second time, and no more lies in memory than one block and what the
//! fetch itself holds.

use std::{
    io,
    ops::Range,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use futures::{FutureExt, StreamExt};
use tokio::time::timeout;

use super::{
    super::{
        shared::Shared,
        wire::{Wire, invalid},
    },
    block::Block,
    messages::{End, Status},
    server::abort,
};
use crate::{
    model::{ContentId, Outcome, Piece},
    overlay::Fetch,
};

/// Sends the range, which holds whole groups.
pub(super) async fn send(
    shared: &Arc<Shared>,
    mut wire: Wire,
    id: &ContentId,
    fetch: Fetch,
    range: Range<u64>,
) -> io::Result<()> {
    let Ok(Ok(_permit)) = timeout(shared.patience.probe, shared.bodies.acquire()).await else {
        return abort(shared, wire, Status::Busy).await;
    };
    let is_whole = range == (0..fetch.size);
    let mut hasher = (id.hash().is_none() && is_whole).then(blake3::Hasher::new);
    let Fetch { source, mut pieces, .. } = fetch;
    let (mut position, mut block) = (range.start, Block::default());
    while position < range.end {
        let next = match pieces.next().now_or_never() {
            Some(next) => next,
            None => {
                // Before anything is waited for, what has come goes out.
                flush(shared, &mut wire, &mut block).await?;
                tokio::select! {
                    next = pieces.next() => next,
                    () = wire.gone() => return Err(io::ErrorKind::BrokenPipe.into()),
                }
            }
        };
        let Piece { data, parents, .. } = match in_order(next, position..range.end) {
            Ok(piece) => piece,
            Err(why) => {
                flush(shared, &mut wire, &mut block).await?;
                abort(shared, wire, Status::Failed).await?;
                return Err(invalid(format!("content {id} from {source}: {why}")));
            }
        };
        position += data.len() as u64;
        if let Some(hasher) = &mut hasher {
            hasher.update(&data);
        }
        for half in parents.iter().flat_map(|parent| &parent.pair) {
            put(shared, &mut wire, &mut block, half).await?;
        }
        put(shared, &mut wire, &mut block, &data).await?;
    }
    flush(shared, &mut wire, &mut block).await?;
    let end = async {
        if id.hash().is_none() {
            let hash = hasher.map(|hasher| hasher.finalize().as_bytes().to_vec()).unwrap_or_default();
            wire.send_raw(&Block::LAST).await?;
            wire.send(&End { status: Status::Ok.into(), hash }).await?;
        }
        wire.close().await
    };
    timeout(shared.patience.drain, end).await?
}

/// The piece that the range left begins with.
fn in_order(next: Option<Outcome<Piece>>, left: Range<u64>) -> Result<Piece, String> {
    match next {
        Some(Ok(piece)) if piece.offset == left.start && piece.data.len() as u64 <= left.end - left.start => Ok(piece),
        Some(Ok(_)) => Err("its pieces are out of order".to_owned()),
        Some(Err(fault)) => Err(fault.message),
        None => Err("it stopped before the end".to_owned()),
    }
}

async fn put(shared: &Shared, wire: &mut Wire, block: &mut Block, mut bytes: &[u8]) -> io::Result<()> {
    loop {
        bytes = &bytes[block.take(bytes)..];
        if bytes.is_empty() {
            return Ok(());
        }
        flush(shared, wire, block).await?;
    }
}

async fn flush(shared: &Shared, wire: &mut Wire, block: &mut Block) -> io::Result<()> {
    let Some(bytes) = block.sealed() else { return Ok(()) };
    timeout(shared.patience.drain, wire.send_all(bytes)).await??;
    shared.bytes_out.fetch_add(block.clear() as u64, Relaxed);
    Ok(())
}
