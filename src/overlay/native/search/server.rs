//! The answering side: hits from this node's own index.

use std::io;

use prost::Message;
use tokio::{sync::Semaphore, time::timeout};

use super::{
    super::{
        hits::{MAX_HIT, WireHit},
        shared::Shared,
        wire::Wire,
    },
    messages::{MAX_PAGE, MAX_REQUEST, Page, Request, Status},
};
use crate::model::{FaultKind, Hit};

/// Bytes of hits after which a page is sent; one more hit still fits.
const FULL_PAGE: usize = 64 << 10;
const _: () = assert!(FULL_PAGE + 2 * MAX_HIT < MAX_PAGE);

/// Answers the query that the stream brings.
pub(in super::super) async fn serve(shared: &Shared, mut wire: Wire, of_peer: &Semaphore) -> io::Result<()> {
    let patience = shared.patience.search;
    let request: Request = timeout(patience, wire.receive(MAX_REQUEST)).await??;
    let pages = match timeout(patience, hits(shared, request, of_peer)).await.unwrap_or(Err(Status::Busy)) {
        Ok(hits) => pages(hits),
        Err(status) => vec![Page { hits: Vec::new(), done: true, status: status.into() }],
    };
    let answer = async {
        for page in &pages {
            wire.send(page).await?;
        }
        wire.close().await
    };
    timeout(patience, answer).await?
}

async fn hits(shared: &Shared, request: Request, of_peer: &Semaphore) -> Result<Vec<Hit>, Status> {
    let query = request.into_query().map_err(|_| Status::Invalid)?;
    let _one_of_the_peers = of_peer.acquire().await.map_err(|_| Status::Busy)?;
    let _one_of_all = shared.searches.acquire().await.map_err(|_| Status::Busy)?;
    let mut hits = shared.offer.search(&query).await.map_err(|fault| match fault.kind {
        FaultKind::InvalidRequest => Status::Invalid,
        FaultKind::LimitExceeded | FaultKind::Unavailable | FaultKind::Timeout => Status::Busy,
        _ => Status::Failed,
    })?;
    hits.truncate(query.limit);
    Ok(hits)
}

/// The hits in pages that each fit a message; there is always a last one.
fn pages(hits: Vec<Hit>) -> Vec<Page> {
    let mut pages = vec![Page::default()];
    let mut filled = 0;
    for hit in hits.iter().map(WireHit::of) {
        let size = hit.encoded_len();
        if filled + size > FULL_PAGE && filled > 0 {
            pages.push(Page::default());
            filled = 0;
        }
        filled += size;
        if let Some(page) = pages.last_mut() {
            page.hits.push(hit);
        }
    }
    if let Some(last) = pages.last_mut() {
        last.done = true;
    }
    pages
}
