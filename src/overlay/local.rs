//! The local store as what this node offers to the peers of an overlay.
//!
//! A content is offered only in the overlays that it was published for; to anyone else it is as if it were not here.

use std::{io, ops::Range, sync::Arc};

use async_trait::async_trait;
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};

use super::{Found, Offer, Source};
use crate::{
    model::{Content, ContentId, Hit, Journey, Outcome, Query},
    store::{BlobReader, Store},
};

/// What the store offers in one overlay.
pub struct LocalOffer {
    store: Arc<Store>,
    overlay: String,
}

impl LocalOffer {
    /// The store's offer in the overlay of that name.
    pub fn new(store: Arc<Store>, overlay: impl Into<String>) -> Self {
        Self { store, overlay: overlay.into() }
    }

    fn hit(&self, content: &Content, score: f64) -> Hit {
        content.as_hit(&self.overlay, score)
    }

    async fn record(&self, id: &ContentId) -> Outcome<Option<Hit>> {
        let content = self.store.get(id).await?.filter(|content| content.overlays.contains(&self.overlay));
        Ok(content.map(|content| self.hit(&content, 0.0)))
    }
}

#[async_trait]
impl Offer for LocalOffer {
    async fn search(&self, query: Arc<Query>, _journey: &Journey) -> Outcome<BoxStream<'static, Found>> {
        let found = self.store.search_in(&query, Some(&self.overlay)).await?;
        let hits = found.iter().map(|(score, content)| self.hit(content, *score)).collect();
        Ok(stream::iter([Found::Page(hits)]).boxed())
    }

    async fn describe(&self, id: &ContentId, _journey: &Journey) -> Outcome<Option<Hit>> {
        self.record(id).await
    }

    async fn open(&self, id: &ContentId) -> Outcome<Option<Arc<dyn Source>>> {
        let Some(reader) = self.store.reader(id).await? else { return Ok(None) };
        let offered = match reader.partial() {
            Some(partial) => partial.is_shared_in(&self.overlay),
            None => self.record(id).await?.is_some(),
        };
        Ok(offered.then_some(reader as Arc<dyn Source>))
    }
}

impl Source for BlobReader {
    fn size(&self) -> u64 {
        self.size()
    }

    fn available(&self, range: Range<u64>) -> Range<u64> {
        self.available(range)
    }

    fn encode(&self, range: Range<u64>, out: &mut dyn io::Write) -> io::Result<()> {
        self.encode(range, out)
    }
}
