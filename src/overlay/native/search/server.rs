//! The answering side: hits of this node's own index at once, then those that come from beyond its bridges.

use std::{io, sync::Arc};

use futures::{FutureExt, StreamExt, stream::BoxStream};
use prost::Message;
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};

use super::{
    super::{
        hits::{MAX_HIT, WireHit},
        shared::Shared,
        wire::Wire,
    },
    messages::{MAX_PAGE, MAX_REQUEST, Page, Request, SHARES, Status},
};
use crate::{
    model::{FaultKind, Hit},
    overlay::Found,
};

/// Bytes of hits after which a page is sent; one more hit still fits.
const FULL_PAGE: usize = 64 << 10;
const _: () = assert!(FULL_PAGE + 2 * MAX_HIT < MAX_PAGE);

/// Answers the query that the stream brings.
pub(in super::super) async fn serve(shared: &Shared, mut wire: Wire, of_peer: &Semaphore) -> io::Result<()> {
    let patience = shared.patience.search;
    let deadline = Instant::now() + patience;
    let request: Request = timeout_at(deadline, wire.receive(MAX_REQUEST)).await??;
    let last = match timeout_at(deadline, begin(shared, request, of_peer)).await.unwrap_or(Err(Status::Busy)) {
        Ok(answer) => answer.send(&mut wire, deadline).await?,
        Err(status) => Page { done: true, status: status.into(), ..Page::default() },
    };
    let end = async {
        wire.send(&last).await?;
        wire.close().await
    };
    timeout_at(Instant::now() + patience, end).await?
}

/// Hits as they come.
struct Answer {
    /// What this node has itself.
    first: Option<Found>,
    found: BoxStream<'static, Found>,
    hits_left: usize,
}

/// The places under the bounds on searches are held until this node's own hits are there; those from further away cost
/// nothing here but waiting, and have a bound of their own.
async fn begin(shared: &Shared, request: Request, of_peer: &Semaphore) -> Result<Answer, Status> {
    let (query, journey) = request.into_query(&shared.id).map_err(|_| Status::Invalid)?;
    let _one_of_the_peers = of_peer.acquire().await.map_err(|_| Status::Busy)?;
    let _one_of_all = shared.searches.acquire().await.map_err(|_| Status::Busy)?;
    let limit = query.limit;
    let found = shared.offer.search(Arc::new(query), &journey).await;
    let mut found = found.map_err(|fault| match fault.kind {
        FaultKind::InvalidRequest => Status::Invalid,
        FaultKind::LimitExceeded | FaultKind::Unavailable | FaultKind::Timeout => Status::Busy,
        _ => Status::Failed,
    })?;
    let mut first = found.next().await;
    if let Some(Found::Page(hits)) = &mut first {
        hits.truncate(limit);
    }
    Ok(Answer { first, found, hits_left: limit * SHARES })
}

impl Answer {
    /// Sends pages until nothing more comes, the deadline has passed or the asker went away; returns the last page.
    async fn send(mut self, wire: &mut Wire, deadline: Instant) -> io::Result<Page> {
        let (mut missing, mut last) = (false, Page::default());
        let mut next = self.first.take();
        loop {
            match next {
                None => return Ok(Page { done: true, missing, ..last }),
                Some(Found::Missing) => missing = true,
                Some(Found::Page(mut hits)) => {
                    hits.truncate(self.hits_left);
                    self.hits_left -= hits.len();
                    let mut pages = pages(&hits);
                    last = pages.pop().unwrap_or_default();
                    for page in &pages {
                        timeout_at(deadline, wire.send(page)).await??;
                    }
                }
            }
            // What is here goes out before anything is waited for; where nothing more comes it is the last page.
            next = match self.found.next().now_or_never() {
                Some(next) => next,
                None => {
                    flush(wire, &mut last, deadline).await?;
                    self.wait(wire, &mut missing, deadline).await?
                }
            };
            if next.is_some() {
                flush(wire, &mut last, deadline).await?;
            }
        }
    }

    async fn wait(&mut self, wire: &mut Wire, missing: &mut bool, deadline: Instant) -> io::Result<Option<Found>> {
        tokio::select! {
            next = timeout_at(deadline, self.found.next()) => Ok(next.unwrap_or_else(|_| {
                *missing = true;
                None
            })),
            () = wire.gone() => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

/// Sends a page that is not the last, unless it is empty.
async fn flush(wire: &mut Wire, page: &mut Page, deadline: Instant) -> io::Result<()> {
    let page = std::mem::take(page);
    if page.hits.is_empty() { Ok(()) } else { timeout_at(deadline, wire.send(&page)).await? }
}

/// The hits in pages that each fit a message; none is empty.
fn pages(hits: &[Hit]) -> Vec<Page> {
    let mut pages: Vec<Page> = Vec::new();
    let mut filled = FULL_PAGE;
    for hit in hits.iter().map(WireHit::of) {
        let size = hit.encoded_len();
        if filled + size > FULL_PAGE {
            pages.push(Page::default());
            filled = 0;
        }
        filled += size;
        if let Some(page) = pages.last_mut() {
            page.hits.push(hit);
        }
    }
    pages
}
