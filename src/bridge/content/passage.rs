//! One content on its way across a bridge: pieces from one source after the other, as if from a single one.
//!
//! A piece goes on as soon as it is here. When a source fails, the next one goes on where it stopped, and the near side does
//! not notice. That is for contents that their id proves; of others a second source could send something else.

use std::{ops::Range, sync::Arc};

use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use tokio::{sync::OwnedSemaphorePermit, time::timeout};

use super::{
    super::{
        Bridges,
        cache::{Keep, Kept},
        live::Way,
    },
    ancestry, in_time,
};
use crate::{
    model::{ContentId, Fault, FaultKind, Hit, Journey, Outcome, Piece, Time},
    overlay::{Fetch, Overlay},
    store::{BlobReader, GROUP},
};

/// How often a silent source is waited for again when nobody else has the content.
const MAX_STALLS: usize = 3;
/// Sources that are tried, one after the other.
const MAX_SOURCES: usize = 8;
/// How this node is called as a source.
const HERE: &str = "this node";
/// How the cache is called as a source.
const CACHE: &str = "the cache of this node";

/// Where bytes come from at present.
pub struct Current {
    /// Who delivers.
    pub source: String,
    pieces: BoxStream<'static, Outcome<Piece>>,
    /// Where it began.
    start: u64,
    /// Where it ends, if that is before the end of what is wanted.
    end: u64,
    /// Bytes of the whole content, as the source says.
    size: u64,
    is_cache: bool,
}

impl Current {
    /// A source in the far overlay.
    pub fn of(fetch: Fetch, start: u64) -> Self {
        let Fetch { size, source, pieces } = fetch;
        Self { source, pieces, start, end: u64::MAX, size, is_cache: false }
    }

    /// What this node has of it.
    pub fn here(reader: &Arc<BlobReader>, range: Range<u64>) -> Self {
        let (start, size) = (range.start, reader.size());
        let pieces = reader.pieces(range);
        Self { source: HERE.to_owned(), pieces, start, end: u64::MAX, size, is_cache: false }
    }

    /// What the cache has of it.
    pub fn cached(kept: Kept) -> Self {
        let Kept { size, range, pieces } = kept;
        Self { source: CACHE.to_owned(), pieces, start: range.start, end: range.end, size, is_cache: true }
    }
}

/// A content that crosses.
pub struct Passage {
    bridges: Arc<Bridges>,
    way: Way,
    far: Arc<dyn Overlay>,
    hit: Hit,
    size: u64,
    /// What is still to cross.
    rest: Range<u64>,
    start: u64,
    onward: Journey,
    current: Option<Current>,
    failed: Vec<String>,
    attempts: usize,
    /// How often the present source was silent.
    stalls: usize,
    keep: Option<Keep>,
    crossed: u64,
    /// Who delivered last.
    source: String,
    _permit: OwnedSemaphorePermit,
}

impl Passage {
    /// The passage of a range that begins with that source.
    pub async fn new(
        bridges: Arc<Bridges>,
        (way, far): (Way, Arc<dyn Overlay>),
        (hit, size): (Hit, u64),
        rest: Range<u64>,
        onward: Journey,
        first: Current,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        let (start, source) = (rest.start, first.source.clone());
        let mut passage = Self {
            bridges,
            way,
            far,
            hit,
            size,
            rest,
            start,
            onward,
            current: None,
            failed: Vec::new(),
            attempts: 0,
            stalls: 0,
            keep: None,
            crossed: 0,
            source,
            _permit: permit,
        };
        passage.take_up(first).await;
        passage
    }

    /// The pieces, as they come.
    pub fn into_pieces(self) -> BoxStream<'static, Outcome<Piece>> {
        stream::try_unfold(self, |mut passage| async move { Ok(passage.next().await?.map(|piece| (piece, passage))) })
            .boxed()
    }

    async fn next(&mut self) -> Outcome<Option<Piece>> {
        while !self.rest.is_empty() {
            if !self.way.bridge.is_open() {
                return Err(Fault::unavailable(format!("bridge {} was paused or removed", self.way.bridge.id)));
            }
            if self.current.is_none() {
                self.find_next().await?;
            }
            let Some(current) = &mut self.current else { continue };
            let piece = match timeout(self.bridges.patience.stall, current.pieces.next()).await {
                Ok(Some(Ok(piece))) => self.fitting(piece),
                Ok(Some(Err(fault))) => Err(fault),
                Ok(None) if self.rest.start >= current.end => {
                    self.current = None;
                    continue;
                }
                Ok(None) => Err(Fault::unavailable("it stopped before the end")),
                Err(_) => {
                    self.replace_silent().await?;
                    continue;
                }
            };
            match piece {
                Ok(Some(piece)) => return self.let_pass(piece).await.map(Some),
                Ok(None) => {}
                Err(fault) => self.give_up(fault).await?,
            }
        }
        Ok(None)
    }

    /// The piece if it is the next one, without what was sent before; none when it was sent whole.
    fn fitting(&self, mut piece: Piece) -> Outcome<Option<Piece>> {
        let Some(current) = &self.current else { return Ok(None) };
        if current.size != self.size {
            return Err(Fault::unavailable(format!("it states {} bytes instead of {}", current.size, self.size)));
        }
        let end = piece.offset.saturating_add(piece.data.len() as u64);
        if piece.offset > self.rest.start || end > self.size || piece.data.is_empty() {
            return Err(Fault::unavailable("its pieces are out of order"));
        }
        if end <= self.rest.start {
            return Ok(None);
        }
        let is_native = matches!(self.hit.content_id, ContentId::Native(_));
        if is_native && piece.offset != self.rest.start {
            return Err(Fault::unavailable("its pieces overlap"));
        }
        // Without the nodes nobody on the near side could prove the bytes.
        if is_native && self.rest.start == current.start && self.size > GROUP && piece.parents.is_empty() {
            return Err(Fault::unavailable("it sends no proof of its bytes"));
        }
        let sent = usize::try_from(self.rest.start - piece.offset).unwrap_or(usize::MAX);
        piece.data = piece.data.slice(sent.min(piece.data.len())..);
        piece.offset = self.rest.start;
        Ok(Some(piece))
    }

    async fn let_pass(&mut self, mut piece: Piece) -> Outcome<Piece> {
        let bytes = piece.data.len() as u64;
        if !self.way.daily().take(bytes, self.way.settings().bytes_per_day, Time::now()) {
            return Err(self.bridges.day_is_over(&self.way, &self.hit));
        }
        if let Some(keep) = &mut self.keep {
            keep.put(&piece).await;
        }
        if self.current.as_ref().is_some_and(|current| current.start > self.start) {
            ancestry::drop_sent(&mut piece.parents, self.current.as_ref().map_or(0, |current| current.start));
        }
        self.stalls = 0;
        self.rest.start += bytes;
        self.crossed += bytes;
        self.way.bridge.counters.bytes(bytes);
        Ok(piece)
    }

    async fn give_up(&mut self, fault: Fault) -> Outcome<()> {
        let Some(current) = self.current.take() else { return Err(fault) };
        tracing::debug!(content = %self.hit.content_id, source = current.source, "a source failed: {fault}");
        self.keep = None;
        if current.is_cache {
            self.bridges.cache.forget(&self.hit.content_id).await;
            return Ok(());
        }
        self.failed.push(current.source);
        self.attempts += 1;
        let is_provable = matches!(self.hit.content_id, ContentId::Native(_));
        if !is_provable || self.attempts >= MAX_SOURCES || fault.kind == FaultKind::Internal {
            return Err(fault);
        }
        Ok(())
    }

    /// Goes on with another source, or waits on where there is none.
    async fn replace_silent(&mut self) -> Outcome<()> {
        self.stalls += 1;
        let silent = Fault::unavailable(format!("it has sent nothing for {:?}", self.bridges.patience.stall));
        let Some(current) = self.current.take() else { return Err(silent) };
        let mut avoid = self.failed.clone();
        avoid.push(current.source.clone());
        let found = match self.hit.content_id {
            ContentId::Native(_) => self.ask_for_rest(&avoid).await.ok(),
            _ => None,
        };
        match found {
            Some(fetch) => {
                (self.failed, self.attempts) = (avoid, self.attempts + 1);
                self.take_up(Current::of(fetch, self.rest.start)).await;
            }
            None if self.stalls < MAX_STALLS => self.current = Some(current),
            None => return Err(silent),
        }
        Ok(())
    }

    /// Goes on with the next source, where the last one stopped.
    async fn find_next(&mut self) -> Outcome<()> {
        let avoid = self.failed.clone();
        let fetch = self.ask_for_rest(&avoid).await?;
        self.take_up(Current::of(fetch, self.rest.start)).await;
        Ok(())
    }

    async fn ask_for_rest(&mut self, avoid: &[String]) -> Outcome<Fetch> {
        let asked = self.far.fetch(&self.hit.content_id, self.rest.clone(), avoid, &self.onward);
        in_time(&self.far, self.bridges.patience.next, asked).await
    }

    async fn take_up(&mut self, current: Current) {
        self.source.clone_from(&current.source);
        let is_far = !current.is_cache && current.source != HERE;
        if is_far && current.size == self.size {
            self.keep = self.bridges.cache.keep(&self.hit, self.size, self.way.far()).await;
        }
        self.current = Some(current);
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        if self.crossed > 0 {
            self.bridges.crossed_content(&self.way, &self.onward, &self.hit, self.crossed, &self.source);
        }
    }
}
