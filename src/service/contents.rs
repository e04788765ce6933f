//! The bytes and the record of any content, wherever they are: here, partly here, or with a peer.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use futures::{StreamExt, stream};

use crate::{
    model::{ByteStream, Content, ContentId, Fault, FaultKind, Journey, Outcome, Payload, Piece, Time},
    overlay::{Fetch, Located, Overlays},
    store::Store,
};

/// Sources that are tried, one after the other, before a stream is given up.
const MAX_SOURCES: usize = 8;

/// Reads contents from the store and, where they are not here, from the overlays.
#[derive(Clone)]
pub struct Contents {
    store: Arc<Store>,
    overlays: Arc<Overlays>,
}

impl Contents {
    /// Reads from these.
    pub fn new(store: Arc<Store>, overlays: Arc<Overlays>) -> Self {
        Self { store, overlays }
    }

    /// What is known of a content.
    ///
    /// # Errors
    /// NotFound when neither this node nor anybody it can ask has it.
    pub async fn describe(&self, id: &ContentId) -> Outcome<Content> {
        match self.store.get(id).await? {
            Some(content) => Ok(Content::clone(&content)),
            None => self.overlays.locate(id, &[], &self.overlays.begin()).await.map(remote_content),
        }
    }

    /// The record of a content and the bytes of a range of it, verified before they are handed out. A range that
    /// reaches beyond the end is cut there.
    ///
    /// # Errors
    /// NotFound or Unavailable when nobody delivers.
    pub async fn open(&self, id: &ContentId, range: Range<u64>) -> Outcome<(Content, Payload)> {
        if let Some(content) = self.store.get(id).await?
            && let Some(reader) = self.store.reader(id).await?
        {
            let range = clip(range, content.size);
            let payload = Payload::Stream { size: Some(range.end - range.start), stream: reader.stream(range) };
            return Ok((Content::clone(&content), payload));
        }
        let journey = self.overlays.begin();
        let (located, first) = tokio::try_join!(
            self.overlays.locate(id, &[], &journey),
            self.overlays.fetch(id, range.clone(), &[], &[], &journey),
        )?;
        let mut content = remote_content(located);
        // What the source of the bytes says is what the bytes are verified against.
        content.size = first.size;
        let range = clip(range, first.size);
        let size = range.end - range.start;
        let delivery = Delivery {
            overlays: self.overlays.clone(),
            id: id.clone(),
            journey,
            size: first.size,
            rest: range,
            failed: Vec::new(),
            current: Some(first),
        };
        Ok((content, Payload::Stream { size: Some(size), stream: delivery.into_stream() }))
    }
}

fn clip(range: Range<u64>, size: u64) -> Range<u64> {
    let start = range.start.min(size);
    start..range.end.clamp(start, size)
}

fn remote_content(located: Located) -> Content {
    let Located { hit, providers } = located;
    Content {
        content_id: hit.content_id,
        name: hit.name,
        size: hit.size,
        media_type: hit.media_type,
        description: hit.description,
        tags: hit.tags,
        published: hit.modified.unwrap_or_else(Time::now),
        overlays: vec![hit.overlay],
        providers,
        local: false,
        aliases: Vec::new(),
    }
}

/// Bytes on their way from a source, and from the next one when it fails.
struct Delivery {
    overlays: Arc<Overlays>,
    id: ContentId,
    journey: Journey,
    size: u64,
    rest: Range<u64>,
    failed: Vec<String>,
    current: Option<Fetch>,
}

impl Delivery {
    fn into_stream(self) -> ByteStream {
        stream::try_unfold(self, |mut delivery| async move {
            let next = delivery.next().await?;
            Ok(next.map(|bytes| (bytes, delivery)))
        })
        .boxed()
    }

    /// The next bytes, or none when the range is delivered.
    async fn next(&mut self) -> Outcome<Option<Bytes>> {
        while !self.rest.is_empty() {
            let fetch = match &mut self.current {
                Some(fetch) => fetch,
                None => {
                    let (id, rest) = (&self.id, self.rest.clone());
                    let fetch = self.overlays.fetch(id, rest, &[], &self.failed, &self.journey).await?;
                    self.current.insert(fetch)
                }
            };
            let fault = match fetch.pieces.next().await {
                Some(Ok(piece)) if fetch.size == self.size => match self.take(piece) {
                    Some(bytes) => return Ok(Some(bytes)),
                    None => continue,
                },
                Some(Ok(_)) => Fault::unavailable(format!("{} states another size", fetch.source)),
                Some(Err(fault)) => fault,
                None => Fault::unavailable(format!("{} stopped before the end", fetch.source)),
            };
            self.give_up_source(fault)?;
        }
        Ok(None)
    }

    /// The wanted bytes of a piece, which begins at a chunk group and may reach beyond the range.
    fn take(&mut self, piece: Piece) -> Option<Bytes> {
        let end = (piece.offset + piece.data.len() as u64).min(self.rest.end);
        if piece.offset > self.rest.start || end <= self.rest.start {
            return None;
        }
        let within = |position: u64| usize::try_from(position - piece.offset).unwrap_or(usize::MAX);
        let bytes = piece.data.slice(within(self.rest.start)..within(end));
        self.rest.start = end;
        Some(bytes)
    }

    fn give_up_source(&mut self, fault: Fault) -> Outcome<()> {
        let source = self.current.take().map(|fetch| fetch.source);
        tracing::debug!(id = %self.id, ?source, "{fault}");
        self.failed.extend(source);
        if self.failed.len() >= MAX_SOURCES || fault.kind == FaultKind::Internal {
            return Err(fault);
        }
        Ok(())
    }
}
