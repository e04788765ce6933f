//! The bytes and the record of any content, wherever they are: here, partly here, or with a peer.

mod proof;

use std::{ops::Range, sync::Arc};

pub use proof::Proof;

use bytes::Bytes;
use futures::{StreamExt, stream};
use tokio::sync::Semaphore;

use super::foreign::{content_here, under};
use crate::{
    model::{ByteStream, Content, ContentId, Fault, FaultKind, Journey, Outcome, Payload, Piece, Time},
    overlay::{Door, Fetch, Learner, Located, Overlays},
    store::{BlobReader, Seen, Store},
};

/// Sources that are tried, one after the other, before a stream is given up.
const MAX_SOURCES: usize = 8;

/// Reads contents from the store and, where they are not here, from the overlays.
#[derive(Clone)]
pub struct Contents {
    store: Arc<Store>,
    overlays: Arc<Overlays>,
    /// Places for proofs.
    proofs: Arc<Semaphore>,
}

impl Contents {
    /// Reads from these.
    pub fn new(store: Arc<Store>, overlays: Arc<Overlays>) -> Self {
        Self { store, overlays, proofs: Arc::new(Semaphore::new(proof::MAX_PROOFS)) }
    }

    /// What is known of a content. `journey` is the way that the question has come, if it does not begin here.
    ///
    /// # Errors
    /// NotFound when neither this node nor anybody it can ask has it.
    pub async fn describe(&self, id: &ContentId, journey: Option<&Journey>) -> Outcome<Content> {
        let journey = self.journey(journey);
        let here = match self.overlays.door(&journey) {
            Some(_) => None,
            None => content_here(&self.store, &self.overlays, id, &journey).await?,
        };
        let content = match here {
            Some(content) => Content::clone(&content),
            None => remote_content(self.locate(id, &journey).await?),
        };
        under(&self.store, id, content).await
    }

    /// The record of a content and the bytes of a range of it, verified before they are handed out. A range that
    /// reaches beyond the end is cut there.
    ///
    /// # Errors
    /// NotFound or Unavailable when nobody delivers.
    pub async fn open(
        &self,
        id: &ContentId,
        range: Range<u64>,
        journey: Option<&Journey>,
    ) -> Outcome<(Content, Payload)> {
        let journey = self.journey(journey);
        if let Some((content, reader)) = self.here(id, &journey).await? {
            let range = clip(range, content.size);
            let payload = Payload::Stream { size: Some(range.end - range.start), stream: reader.stream(range) };
            return Ok((under(&self.store, id, Content::clone(&content)).await?, payload));
        }
        match self.bring(id, range.clone(), &journey).await {
            // What a foreign id cannot bring, the native one may.
            Err(fault) => match self.store.alias(id).await? {
                Some(alias) => {
                    let (content, payload) = self.bring(&alias.native(), range, &journey).await.map_err(|_| fault)?;
                    Ok((under(&self.store, id, content).await?, payload))
                }
                None => Err(fault),
            },
            brought => brought,
        }
    }

    /// Finds out who has a content, by its foreign id or by the native one that was learnt.
    async fn locate(&self, id: &ContentId, journey: &Journey) -> Outcome<Located> {
        match self.overlays.locate(id, &[], journey).await {
            Err(fault) => match self.store.alias(id).await? {
                Some(alias) => self.overlays.locate(&alias.native(), &[], journey).await.map_err(|_| fault),
                None => Err(fault),
            },
            located => located,
        }
    }

    /// A content from the overlays, by that id alone.
    async fn bring(&self, id: &ContentId, range: Range<u64>, journey: &Journey) -> Outcome<(Content, Payload)> {
        let (located, first) = tokio::try_join!(
            self.overlays.locate(id, &[], journey),
            self.overlays.fetch(id, range.clone(), &[], &[], journey),
        )?;
        let seen = Seen { id: id.clone(), size: first.size, modified: located.hit.modified };
        let mut content = remote_content(located);
        // What the source of the bytes says is what the bytes are verified against.
        content.size = first.size;
        let range = clip(range, first.size);
        let size = range.end - range.start;
        let mut delivery = self.delivery(id, journey.clone(), range.clone(), first);
        if range == (0..content.size) {
            delivery.learner = Learner::begin(&self.store, seen).await;
        }
        let content = under(&self.store, id, content).await?;
        Ok((content, Payload::Stream { size: Some(size), stream: delivery.into_stream() }))
    }

    fn journey(&self, journey: Option<&Journey>) -> Journey {
        journey.cloned().unwrap_or_else(|| self.overlays.begin())
    }

    /// The content, if all of it is here, and may be given to where the question comes from.
    async fn here(&self, id: &ContentId, journey: &Journey) -> Outcome<Option<(Arc<Content>, Arc<BlobReader>)>> {
        let content = match self.overlays.door(journey) {
            Some(Door { offer, .. }) if offer.open(id).await?.is_none() => None,
            Some(_) => self.store.get(id).await?,
            None => content_here(&self.store, &self.overlays, id, journey).await?,
        };
        let Some(content) = content else { return Ok(None) };
        Ok(self.store.reader(&content.content_id).await?.map(|reader| (content, reader)))
    }

    /// The rest of a content, from the source that was found first and from others when it fails.
    fn delivery(&self, id: &ContentId, journey: Journey, rest: Range<u64>, first: Fetch) -> Delivery {
        Delivery {
            overlays: self.overlays.clone(),
            id: id.clone(),
            journey,
            size: first.size,
            rest,
            failed: Vec::new(),
            current: Some(first),
            learner: None,
        }
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
    /// Of a foreign content that is delivered whole.
    learner: Option<Learner>,
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
        Ok(self.next_piece().await?.map(|(_, bytes)| bytes))
    }

    /// The next piece and the wanted bytes of it, or none when the range is delivered.
    async fn next_piece(&mut self) -> Outcome<Option<(Piece, Bytes)>> {
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
                Some(Ok(piece)) if fetch.size == self.size => match self.take(&piece) {
                    Some(bytes) => {
                        if let Some(learner) = &mut self.learner {
                            learner.take(self.rest.start - bytes.len() as u64, &bytes).await;
                        }
                        return Ok(Some((piece, bytes)));
                    }
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
    fn take(&mut self, piece: &Piece) -> Option<Bytes> {
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
