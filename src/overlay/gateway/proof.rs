//! A content that proves itself: `GET /content/{contentId}` as a bao stream (docs/protocols.md), which every group of is
//! proved as it comes.

use std::{
    ops::Range,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use bytes::{Buf, BytesMut};
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};
use tokio_stream::wrappers::ReceiverStream;

use super::Far;
use crate::{
    model::{ByteStream, ContentId, Fault, FaultKind, Outcome, Piece},
    overlay::{
        Fetch,
        bao::{decode::Decoder, whole_groups},
        remote::{Answer, Terms},
        stranger::MAX_CONTENT,
    },
};

/// The media type of the stream.
const BAO: &str = "application/vnd.peergate.bao";
/// How problems are told by who knows the resource.
const PROBLEM: &str = "application/problem+json";
/// How long the stream may take to begin: the far side may have to look for the content itself.
const BEGIN: Duration = Duration::from_secs(30);
/// Bytes of the size in front of the stream.
const SIZE: usize = 8;
/// Batches of proved pieces that wait for the consumer, each of what one read brought.
const MAX_BATCHES: usize = 4;

/// The range as it is proved, or none where the far side does not offer that.
pub(super) async fn fetch(
    far: &Arc<Far>,
    id: &ContentId,
    hash: [u8; 32],
    range: &Range<u64>,
    source: &str,
    journey: &str,
) -> Outcome<Option<Fetch>> {
    let terms = Terms { within: BEGIN, journey: Some(journey) };
    let deadline = Instant::now() + BEGIN;
    let (start, end) = (range.start.to_string(), range.end.to_string());
    let query = [("start", start.as_str()), ("end", end.as_str())];
    let path = ["content", &id.to_string()];
    let answer = far.health.note(far.remote.get(&path, &query, BAO, &terms).await)?;
    if !is_offered(far, id, &answer)? {
        return Ok(None);
    }
    let mut body = answer.body;
    let mut bytes = BytesMut::new();
    while bytes.len() < SIZE {
        let late = |_| Fault::timeout(format!("{}: {id} does not begin to come", far.remote.place()));
        let part = timeout_at(deadline, body.next()).await.map_err(late)?;
        let cut = || Fault::unavailable(format!("{}: the stream of {id} ended before it began", far.remote.place()));
        bytes.extend_from_slice(&part.ok_or_else(cut)??);
    }
    let size = bytes.get_u64_le();
    if size > MAX_CONTENT || (size == 0 && hash != *blake3::hash(b"").as_bytes()) {
        let place = far.remote.place();
        return Err(Fault::unavailable(format!("{place} says that {id} has {size} bytes, which cannot be")));
    }
    let wanted = whole_groups(range.clone(), size);
    let decoder = Decoder::new(hash, size, &wanted);
    let coming = Coming { far: far.clone(), id: id.clone(), body, bytes, decoder };
    Ok(Some(Fetch { size, source: source.to_owned(), pieces: coming.pieces() }))
}

/// Whether the answer is a content that proves itself. An older version answers something else, or nothing.
///
/// # Errors
/// That the far side knows the resource, and does not have the content.
fn is_offered(far: &Far, id: &ContentId, answer: &Answer) -> Outcome<bool> {
    let kind = answer.content_type().split(';').next().unwrap_or_default().trim();
    if answer.status.is_success() {
        return Ok(kind.eq_ignore_ascii_case(BAO));
    }
    let status = answer.status.as_u16();
    let told = FaultKind::ALL.into_iter().find(|known| known.status() == status);
    match told {
        Some(told @ (FaultKind::NotFound | FaultKind::Unavailable | FaultKind::Denied | FaultKind::LimitExceeded))
            if kind.eq_ignore_ascii_case(PROBLEM) =>
        {
            Err(Fault::new(told, format!("{}: content {id}: HTTP {status}", far.remote.place())))
        }
        _ => Ok(false),
    }
}

/// A stream on its way.
struct Coming {
    far: Arc<Far>,
    id: ContentId,
    body: ByteStream,
    bytes: BytesMut,
    decoder: Decoder,
}

type Batch = Outcome<Vec<Piece>>;

impl Coming {
    /// The proved pieces, in order; dropping the stream ends the transfer. A task of its own proves the next ones while the
    /// last ones are used.
    fn pieces(self) -> BoxStream<'static, Outcome<Piece>> {
        let (batches, queue) = mpsc::channel(MAX_BATCHES);
        tokio::spawn(self.run(batches));
        let each = |batch: Batch| match batch {
            Ok(pieces) => stream::iter(pieces.into_iter().map(Ok)).left_stream(),
            Err(fault) => stream::iter([Err(fault)]).right_stream(),
        };
        ReceiverStream::new(queue).flat_map(each).boxed()
    }

    async fn run(mut self, batches: mpsc::Sender<Batch>) {
        while !self.decoder.is_complete() {
            let batch = tokio::select! {
                batch = self.next() => batch,
                () = batches.closed() => return,
            };
            let failed = batch.is_err();
            if batches.send(batch).await.is_err() || failed {
                return;
            }
        }
    }

    /// The next proved pieces.
    async fn next(&mut self) -> Batch {
        let mut pieces = Vec::new();
        loop {
            let proved = self.decoder.decode(&mut self.bytes, &mut pieces);
            proved.map_err(|_| self.forged())?;
            if !pieces.is_empty() || self.decoder.is_complete() {
                let count: usize = pieces.iter().map(|piece| piece.data.len()).sum();
                self.far.bytes_in.fetch_add(count as u64, Relaxed);
                return Ok(pieces);
            }
            let part = self.body.next().await.ok_or_else(|| self.cut())??;
            self.bytes.extend_from_slice(&part);
        }
    }

    fn forged(&self) -> Fault {
        let (place, id) = (self.far.remote.place(), &self.id);
        tracing::warn!(overlay = self.far.name, content = %id, "the far gateway sent bytes of something else");
        Fault::unavailable(format!("{place} sent bytes that do not belong to content {id}; none were kept"))
    }

    fn cut(&self) -> Fault {
        Fault::unavailable(format!("{}: the stream of {} ended before its range", self.far.remote.place(), self.id))
    }
}
