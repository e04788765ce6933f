//! Who has a content: the connected peers are asked at once, while the DHT is walked for providers further away.

use std::{collections::HashSet, ops::Range, sync::Arc};

use futures::{
    StreamExt,
    future::{self, Either},
    stream::{self, BoxStream},
};
use libp2p::{PeerId, kad::RecordKey};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until},
};
use tokio_stream::wrappers::ReceiverStream;

use super::{
    super::shared::{Command, Shared},
    client::{Wanted, ask},
    messages::{Header, Kind},
};
use crate::{
    model::{ContentId, Fault, Journey, Outcome},
    overlay::{Located, stranger::bare_hit},
};

/// Connected peers that are asked at once; of more, the nearest. In a small overlay that is everybody.
const MAX_ASKED: usize = 64;
/// Providers of the DHT that are asked at the same time.
const MAX_PROVIDERS: usize = 16;
/// How much longer slower peers are waited for once one has described a content.
const GRACE: std::time::Duration = std::time::Duration::from_millis(100);
/// The multihash prefix of a BLAKE3-256 digest: code and length.
const MULTIHASH_PREFIX: [u8; 2] = [0x1e, 32];

/// The key of a content in the DHT: the multihash of its BLAKE3 hash.
pub(in super::super) fn record_key(hash: &[u8; 32]) -> RecordKey {
    RecordKey::from([&MULTIHASH_PREFIX[..], hash].concat())
}

pub(super) fn nobody(shared: &Shared, id: &ContentId) -> Fault {
    Fault::not_found(format!("nobody in overlay {} has content {id} at present", shared.name))
}

/// The peers that say they have some of the range, as they answer, except those in `skip`.
pub(super) fn sources(
    shared: &Arc<Shared>,
    id: &ContentId,
    kind: Kind,
    range: Range<u64>,
    skip: Vec<PeerId>,
    journey: &Journey,
) -> BoxStream<'static, (PeerId, Header)> {
    let connected = shared.members().nearest(MAX_ASKED);
    if connected.is_empty() {
        return stream::empty().boxed();
    }
    let skip: HashSet<_> = skip.into_iter().collect();
    let asked: HashSet<_> = connected.iter().copied().collect();
    let further = providers(shared.clone(), id).filter(move |peer| future::ready(!asked.contains(peer)));
    let deadline = sleep_until(Instant::now() + shared.patience.connect);
    let (shared, request) =
        (shared.clone(), Arc::new(Wanted { kind, id: id.clone(), range, journey: journey.clone() }));
    let probe = move |peer: PeerId| {
        let (shared, wanted) = (shared.clone(), request.clone());
        let is_asked = !skip.contains(&peer) && !shared.is_distrusted(&peer, &wanted.id);
        async move {
            if !is_asked {
                return None;
            }
            let (_, header) = ask(&shared, peer, &wanted).await.ok()?;
            Some((peer, header))
        }
    };
    let direct = stream::iter(connected).map(probe.clone()).buffer_unordered(MAX_ASKED);
    let further = further.map(probe).buffer_unordered(MAX_PROVIDERS);
    stream::select(direct, further).filter_map(future::ready).take_until(deadline).boxed()
}

/// Providers by the DHT, each once it is connected; it knows native contents only.
fn providers(shared: Arc<Shared>, id: &ContentId) -> BoxStream<'static, PeerId> {
    let Some(hash) = id.hash() else { return stream::empty().boxed() };
    let walk = async move {
        let (found, providers) = mpsc::channel(MAX_PROVIDERS);
        let command = Command::Providers { key: record_key(hash.as_bytes()), found };
        match shared.command(command).await {
            Ok(()) => ReceiverStream::new(providers).left_stream(),
            Err(_) => stream::empty().right_stream(),
        }
    };
    stream::once(walk).flatten().boxed()
}

/// What the overlay knows of a content.
pub(in super::super) async fn locate(shared: &Arc<Shared>, id: &ContentId, journey: &Journey) -> Outcome<Located> {
    let mut answers = sources(shared, id, Kind::Describe, 0..u64::MAX, Vec::new(), journey);
    let mut deadline = Either::Left(future::pending());
    let (mut best, mut size, mut providers) = (None, None, 0);
    loop {
        let next = tokio::select! {
            next = answers.next() => next,
            () = &mut deadline => None,
        };
        let Some((peer, header)) = next else { break };
        shared.learn_source(id, peer);
        providers += 1;
        size = size.or(Some(header.size));
        let described = header.hit.and_then(|hit| hit.into_hit(&shared.name));
        let described = described.filter(|hit| hit.content_id == *id);
        if best.is_none() && described.is_some() {
            best = described;
            deadline = Either::Right(Box::pin(sleep(GRACE)));
        }
    }
    let bare = || size.map(|size| bare_hit(id, size, &shared.name));
    let mut hit = best.or_else(bare).ok_or_else(|| nobody(shared, id))?;
    hit.providers = providers;
    Ok(Located { hit, providers })
}
