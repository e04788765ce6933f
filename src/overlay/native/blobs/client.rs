//! The fetching side: finds a source that has the range and lets its bytes flow.

use std::{io, ops::Range, sync::Arc};

use futures::StreamExt;
use libp2p::PeerId;
use tokio::time::timeout;

use super::{
    super::{
        shared::{Conversation, Shared},
        wire::invalid,
    },
    GROUP,
    body::Body,
    find,
    messages::{Header, Kind, MAX_HEADER, Request, Status},
    whole_groups,
};
use crate::{
    model::{ContentId, Fault, Journey, Outcome},
    overlay::{Fetch, stranger::MAX_CONTENT},
};

/// Sources from memory that are tried before everybody is asked.
const MAX_FROM_MEMORY: usize = 3;

/// What is asked of a peer.
pub(super) struct Wanted {
    pub kind: Kind,
    pub id: ContentId,
    pub range: Range<u64>,
    pub journey: Journey,
}

/// Fetches the groups that a range touches from the first source that sends them: sources that are known first, then
/// whoever says that it has the content.
pub(in super::super) async fn fetch(
    shared: &Arc<Shared>,
    id: &ContentId,
    range: Range<u64>,
    avoid: &[String],
    journey: &Journey,
) -> Outcome<Fetch> {
    if range.start > range.end {
        return Err(Fault::invalid(format!("range ends at {} before it begins at {}", range.end, range.start)));
    }
    let mut tried: Vec<PeerId> = avoid.iter().filter_map(|peer| peer.parse().ok()).collect();
    let mut failure = None;
    let wanted = Wanted { kind: Kind::Fetch, id: id.clone(), range, journey: journey.clone() };
    let mut known = shared.known_sources(id);
    known.retain(|peer| !tried.contains(peer) && !shared.is_distrusted(peer, id) && shared.members().has(peer));
    for peer in known.into_iter().take(MAX_FROM_MEMORY) {
        tried.push(peer);
        match begin(shared, peer, &wanted).await {
            Ok(fetch) => return Ok(fetch),
            Err(fault) => failure = Some(fault),
        }
    }
    let mut sources = find::sources(shared, id, Kind::Have, wanted.range.clone(), tried, journey);
    while let Some((peer, _)) = sources.next().await {
        match begin(shared, peer, &wanted).await {
            Ok(fetch) => return Ok(fetch),
            Err(fault) => failure = Some(fault),
        }
    }
    Err(failure.unwrap_or_else(|| find::nobody(shared, id)))
}

async fn begin(shared: &Arc<Shared>, peer: PeerId, wanted: &Wanted) -> Outcome<Fetch> {
    let id = &wanted.id;
    let asked = ask(shared, peer, wanted).await;
    let (conversation, header) = asked.map_err(|error| {
        shared.forget_source(id, &peer);
        match error.kind() {
            io::ErrorKind::NotFound => Fault::unavailable(format!("source {peer} no longer has content {id}")),
            _ => Fault::unavailable(format!("source {peer} does not send content {id}: {error}")),
        }
    })?;
    let whole = whole_groups(wanted.range.clone(), header.size);
    shared.learn_source(id, peer);
    let body = Body {
        shared: shared.clone(),
        peer,
        id: id.clone(),
        size: header.size,
        range: header.start..header.end,
        wanted_end: whole.end,
    };
    Ok(Fetch { size: header.size, source: peer.to_string(), pieces: body.pieces(conversation) })
}

/// Asks one peer and takes in its header, checked.
///
/// # Errors
/// `NotFound` when it has nothing of what is wanted.
pub(super) async fn ask(shared: &Shared, peer: PeerId, wanted: &Wanted) -> io::Result<(Conversation, Header)> {
    let Wanted { kind, id, range, journey } = wanted;
    let mut conversation = shared.open(peer, &shared.protocols.blobs).await.map_err(io::Error::other)?;
    let request = Request::of(*kind, id, range, journey);
    let answer = async {
        conversation.wire.send(&request).await?;
        conversation.wire.receive::<Header>(MAX_HEADER).await
    };
    let header = timeout(shared.patience.probe, answer).await??;
    match header.status() {
        Status::Ok => {}
        Status::NotFound => return Err(io::ErrorKind::NotFound.into()),
        status => return Err(io::Error::other(format!("it reports {status:?}").to_lowercase())),
    }
    if let Err(error) = check(&header, *kind, id, range) {
        if error.kind() == io::ErrorKind::InvalidData {
            shared.distrust(peer, id);
        }
        return Err(error);
    }
    Ok((conversation, header))
}

fn check(header: &Header, kind: Kind, id: &ContentId, range: &Range<u64>) -> io::Result<()> {
    let Header { size, start, end, .. } = *header;
    if size > MAX_CONTENT {
        return Err(invalid(format!("it says that the content has {size} bytes, the limit is {MAX_CONTENT}")));
    }
    if size == 0 && id.hash().is_some_and(|hash| blake3::hash(b"") != hash) {
        return Err(invalid("it says that the content is empty, which its hash denies"));
    }
    let wanted = whole_groups(range.clone(), size);
    if kind == Kind::Describe || wanted.is_empty() {
        return Ok(());
    }
    if start >= end {
        return Err(io::Error::new(io::ErrorKind::NotFound, "it has nothing of that range"));
    }
    let is_whole = end == size || end.is_multiple_of(GROUP);
    if start != wanted.start || end > wanted.end || !is_whole {
        return Err(invalid(format!("it offers bytes {start} to {end} where {wanted:?} are wanted")));
    }
    Ok(())
}
