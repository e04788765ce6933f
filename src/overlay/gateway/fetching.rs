//! Bytes of a far gateway, and how each of them is proved before it is handed on.
//!
//! A content that proves itself comes as a bao stream, and is cut through. A far side that does not offer that delivers over
//! its binding, and what comes so is kept aside until its hash is known; only a content of another network, which nobody
//! can prove, is handed on as it comes.

use std::{ops::Range, sync::Arc, sync::atomic::Ordering::Relaxed};

use bytes::Bytes;
use futures::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};

use super::{
    Far, proof,
    unproved::{Delivered, deliver},
};
use crate::{
    model::{ContentId, Journey, Outcome, Piece},
    overlay::{
        Fetch,
        bao::{GROUP, whole_groups},
    },
};

/// Fetches a range, in the way that the far side offers.
pub(super) async fn fetch(
    far: &Arc<Far>,
    id: &ContentId,
    range: Range<u64>,
    source: String,
    journey: &Journey,
) -> Outcome<Fetch> {
    let journey = far.told(journey).ok_or_else(|| far.ended(id))?;
    let Some(hash) = id.hash() else { return foreign(far, id, range, source, &journey).await };
    if let Some(fetch) = proof::fetch(far, id, *hash.as_bytes(), &range, &source, &journey).await? {
        return Ok(fetch);
    }
    let aside = far.unproved.aside(far, id, *hash.as_bytes(), &journey).await?;
    let size = aside.size();
    let pieces = match whole_groups(range.clone(), size) {
        wanted if wanted.is_empty() => stream::empty().boxed(),
        wanted => aside.pieces(&wanted)?,
    };
    Ok(Fetch { size, source, pieces })
}

/// A content of another network, as it comes.
async fn foreign(far: &Arc<Far>, id: &ContentId, range: Range<u64>, source: String, journey: &str) -> Outcome<Fetch> {
    let start = range.start / GROUP * GROUP;
    let Delivered { size, bytes } = deliver(far, id, start..range.end, journey).await?;
    if range.start >= range.end.min(size) {
        return Ok(Fetch { size, source, pieces: stream::empty().boxed() });
    }
    let counted = far.clone();
    let pieces = bytes
        .try_filter(|data| std::future::ready(!data.is_empty()))
        .map_ok(move |data| stream::iter(split(data).map(Ok)))
        .try_flatten()
        .scan(start, move |offset, data: Outcome<Bytes>| {
            let piece = data.map(|data| {
                let piece = Piece { offset: *offset, data, parents: Vec::new() };
                *offset += piece.data.len() as u64;
                counted.bytes_in.fetch_add(piece.data.len() as u64, Relaxed);
                piece
            });
            std::future::ready(Some(piece))
        });
    let pieces: BoxStream<'static, Outcome<Piece>> = pieces.boxed();
    Ok(Fetch { size, source, pieces })
}

/// The bytes in runs that are no longer than a group.
fn split(mut data: Bytes) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        let length = data.len().min(GROUP as usize);
        (length > 0).then(|| data.split_to(length))
    })
}
