//! The asking side: one stream a peer, all at once, until everybody has answered or was given up.

use std::{io, sync::Arc};

use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use libp2p::PeerId;
use tokio::time::{Instant, timeout_at};

use super::{
    super::{
        hits::WireHit,
        shared::{Conversation, Shared},
        wire::invalid,
    },
    messages::{MAX_PAGE, Page, Request, SHARES, Status},
};
use crate::{
    model::{Hit, Journey, Query},
    overlay::Found,
};

/// Peers that are asked at once; of more, the nearest.
const MAX_FANOUT: usize = 256;

/// Asks all connected peers. Nothing runs but while the stream is polled, and dropping it resets the streams to the
/// peers that have not answered yet.
pub(in super::super) fn ask_all(shared: &Arc<Shared>, query: &Query, journey: &Journey) -> BoxStream<'static, Found> {
    let peers = shared.members().nearest(MAX_FANOUT);
    if peers.is_empty() {
        return stream::empty().boxed();
    }
    let request = Arc::new(Request::of(query, journey));
    let deadline = Instant::now() + shared.patience.search;
    let ask = |peer| ask(shared.clone(), peer, request.clone(), deadline);
    stream::select_all(peers.into_iter().map(ask)).boxed()
}

/// Where the conversation with one peer stands.
enum Stage {
    ToAsk(Arc<Request>),
    Answering {
        conversation: Conversation,
        hits_left: usize,
    },
    /// All was said, but for somebody whom the peer asked in turn.
    Lacking,
    Over,
}

fn ask(shared: Arc<Shared>, peer: PeerId, request: Arc<Request>, deadline: Instant) -> BoxStream<'static, Found> {
    let pages = stream::unfold(Stage::ToAsk(request), move |stage| {
        let shared = shared.clone();
        async move {
            match stage {
                Stage::Over => return None,
                Stage::Lacking => return Some((Found::Missing, Stage::Over)),
                Stage::ToAsk(_) | Stage::Answering { .. } => {}
            }
            let next = timeout_at(deadline, next_page(&shared, peer, stage)).await;
            let next = next.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
            Some(next.unwrap_or_else(|error| {
                tracing::debug!(overlay = shared.name, %peer, "no whole answer to a search: {error}");
                (Found::Missing, Stage::Over)
            }))
        }
    });
    pages.boxed()
}

async fn next_page(shared: &Shared, peer: PeerId, stage: Stage) -> io::Result<(Found, Stage)> {
    let (mut conversation, hits_left) = match stage {
        Stage::ToAsk(request) => {
            let opened = shared.open(peer, &shared.protocols.search).await;
            let mut conversation = opened.map_err(io::Error::other)?;
            conversation.wire.send(&*request).await?;
            (conversation, request.limit as usize * SHARES)
        }
        Stage::Answering { conversation, hits_left } => (conversation, hits_left),
        Stage::Lacking | Stage::Over => return Err(invalid("the conversation is over")),
    };
    let page: Page = conversation.wire.receive(MAX_PAGE).await?;
    if page.status() != Status::Ok {
        return Err(invalid(format!("the peer answers {:?}", page.status())));
    }
    if page.hits.len() > hits_left || (page.hits.is_empty() && !page.done) {
        return Err(invalid("the peer sends more than was asked for, or nothing"));
    }
    let hits_left = hits_left - page.hits.len();
    let hits: Vec<Hit> = page.hits.into_iter().filter_map(|hit| taken(shared, peer, hit)).collect();
    let stage = match (page.done, page.missing) {
        (true, true) => Stage::Lacking,
        (true, false) => Stage::Over,
        (false, _) => Stage::Answering { conversation, hits_left },
    };
    Ok((Found::Page(hits), stage))
}

/// A stranger's hit, made harmless; who has it is remembered for when it is fetched.
fn taken(shared: &Shared, peer: PeerId, hit: WireHit) -> Option<Hit> {
    let hit = hit.into_hit(&shared.name)?;
    shared.learn_source(&hit.content_id, peer);
    Some(hit)
}
