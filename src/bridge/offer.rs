//! What this node offers to the peers of an overlay: its own contents at once, then what lies beyond its bridges.

use std::{ops::Range, sync::Arc};

use async_trait::async_trait;
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};

use super::{Bridges, search::Seen};
use crate::{
    model::{ContentId, Hit, Journey, Outcome, Query},
    overlay::{Doors, Fetch, Found, LocalOffer, Offer, Source},
};

/// What is offered to gateways that ask over HTTP: the same as to the peers of the overlay that such a gateway is here,
/// where a bridge begins there. One that is paused, or refused, lets nothing pass, and still decides.
pub struct BridgeDoors(Arc<Bridges>);

impl BridgeDoors {
    /// The doors of these bridges.
    pub fn new(bridges: Arc<Bridges>) -> Self {
        Self(bridges)
    }
}

impl Doors for BridgeDoors {
    fn offer(&self, overlay: &str) -> Option<Arc<dyn Offer>> {
        let offer = || Arc::new(BridgeOffer::new(self.0.clone(), overlay)) as Arc<dyn Offer>;
        self.0.has_bridge_from(overlay).then(offer)
    }
}

/// The offer in one overlay.
pub struct BridgeOffer {
    bridges: Arc<Bridges>,
    overlay: String,
    local: LocalOffer,
}

impl BridgeOffer {
    /// The offer in the overlay of that name.
    pub fn new(bridges: Arc<Bridges>, overlay: impl Into<String>) -> Self {
        let overlay = overlay.into();
        let local = LocalOffer::new(bridges.store.clone(), &*overlay);
        Self { bridges, overlay, local }
    }
}

#[async_trait]
impl Offer for BridgeOffer {
    async fn search(&self, query: Arc<Query>, journey: &Journey) -> Outcome<BoxStream<'static, Found>> {
        let local = self.local.search(query.clone(), journey).await?;
        let ways = self.bridges.ways_from(&self.overlay);
        if ways.is_empty() {
            return Ok(local);
        }
        let seen = Seen::default();
        let noted = seen.clone();
        let local = local.inspect(move |found| {
            if let Found::Page(hits) = found {
                for hit in hits {
                    noted.is_news(hit);
                }
            }
        });
        let beyond = ways.into_iter().filter_map(|way| self.bridges.forward(way, &query, journey, &seen));
        Ok(local.chain(stream::select_all(beyond.collect::<Vec<_>>())).boxed())
    }

    async fn describe(&self, id: &ContentId, journey: &Journey) -> Outcome<Option<Hit>> {
        match self.local.describe(id, journey).await? {
            Some(hit) => Ok(Some(hit)),
            None => self.bridges.describe(&self.overlay, id, journey).await,
        }
    }

    async fn open(&self, id: &ContentId) -> Outcome<Option<Arc<dyn Source>>> {
        self.local.open(id).await
    }

    async fn bring(&self, id: &ContentId, range: Range<u64>, journey: &Journey) -> Outcome<Option<Fetch>> {
        self.bridges.bring(&self.overlay, id, range, journey).await
    }
}
