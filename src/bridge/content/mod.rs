//! Contents that cross: whether they may, who has them, and where their bytes come from.
//!
//! The rules look at what is said of a content each time, whether its bytes come from a peer, from this node or from the
//! cache. What is denied is to the near side as if it were not there.

mod ancestry;
mod passage;

use std::{ops::Range, sync::Arc, time::Duration};

use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::time::timeout;

use self::passage::{Current, Passage};
use super::{Bridges, live::Way, rules::Held};
use crate::{
    model::{ContentId, Fault, FaultKind, Hit, Journey, Outcome, Time},
    overlay::{Fetch, LocalOffer, Offer, Overlay, learning},
    store::{BlobReader, GROUP},
};

impl Bridges {
    /// The record of a content that lies beyond a bridge, as peers of that overlay see it.
    pub(super) async fn describe(
        self: &Arc<Self>,
        near: &str,
        id: &ContentId,
        journey: &Journey,
    ) -> Outcome<Option<Hit>> {
        let ask = |way: Way| -> BoxFuture<'_, Outcome<Option<Hit>>> {
            Box::pin(async move {
                let Some((far, onward)) = self.beyond(&way, journey)? else { return Ok(None) };
                let hit = self.look_up(&way, &far, id, &onward).await?;
                Ok(self.passes(&way, &hit).then(|| as_seen_from_near(&way, hit)))
            })
        };
        first(self.ways_from(near), ask).await
    }

    /// Brings a range of a content from beyond a bridge.
    pub(super) async fn bring(
        self: &Arc<Self>,
        near: &str,
        id: &ContentId,
        range: Range<u64>,
        journey: &Journey,
    ) -> Outcome<Option<Fetch>> {
        // Where the content was seen before nobody else has to be asked.
        let known = |way: &Way| self.labels.of(way.far(), id).is_some() || self.cache.record(id, way.far()).is_some();
        let (likely, others): (Vec<Way>, Vec<Way>) = self.ways_from(near).into_iter().partition(known);
        let ask = |way: Way| -> BoxFuture<'_, Outcome<Option<Fetch>>> {
            let range = range.clone();
            Box::pin(async move { self.bring_over(way, id, range, journey).await })
        };
        match first(likely, ask).await {
            Ok(Some(fetch)) => Ok(Some(fetch)),
            Ok(None) => first(others, ask).await,
            Err(fault) => first(others, ask).await.and_then(|found| found.map(Some).ok_or(fault)),
        }
    }

    async fn bring_over(
        self: &Arc<Self>,
        way: Way,
        id: &ContentId,
        range: Range<u64>,
        journey: &Journey,
    ) -> Outcome<Option<Fetch>> {
        let Some((far, onward)) = self.beyond(&way, journey)? else { return Ok(None) };
        // Where pieces begin is where groups do.
        let wanted = range.start;
        let range = range.start / GROUP * GROUP..range.end;
        let permit = self.passages.clone().try_acquire_owned();
        let permit = permit.map_err(|_| Fault::new(FaultKind::LimitExceeded, "too many contents are crossing"))?;
        let Some((hit, size, first)) = self.begin(&way, &far, id, &range, &onward).await? else { return Ok(None) };
        let range = if wanted < size { range.start..range.end.min(size) } else { size..size };
        if way.daily().left(way.settings().bytes_per_day, Time::now()) == 0 && !range.is_empty() {
            return Err(self.day_is_over(&way, &hit));
        }
        let (source, is_whole, shown) = (first.source.clone(), range == (0..size), hit.clone());
        let passage = Passage::new(self.clone(), (way, far), (hit, size), range, onward, first, permit).await;
        let fetch = Fetch { size, source, pieces: passage.into_pieces() };
        // A foreign content that crosses whole tells its native id.
        Ok(Some(if is_whole { learning(&self.store, &shown, fetch).await } else { fetch }))
    }

    /// What is said of the content, its size, and where its bytes come from at first; none when it may not cross.
    async fn begin(
        &self,
        way: &Way,
        far: &Arc<dyn Overlay>,
        id: &ContentId,
        range: &Range<u64>,
        onward: &Journey,
    ) -> Outcome<Option<(Hit, u64, Current)>> {
        if let Some((hit, reader)) = self.published_here(way, id, onward).await? {
            let current = Current::here(&reader, range.clone());
            return Ok(self.passes(way, &hit).then(|| (hit, reader.size(), current)));
        }
        let known = self.labels.of(way.far(), id).or_else(|| self.cache.record(id, way.far()));
        if known.as_ref().is_some_and(|hit| !self.passes(way, hit)) {
            return Ok(None);
        }
        if let Some(hit) = &known
            && let Some(kept) = self.cache.read(id, way.far(), range.clone()).await
        {
            let hit = Hit { size: kept.size, ..hit.clone() };
            let size = kept.size;
            return Ok(self.passes(way, &hit).then(|| (hit, size, Current::cached(kept))));
        }
        let fetch = in_time(far, self.patience.begin, far.fetch(id, range.clone(), &[], onward));
        let (hit, fetch) = match known {
            Some(hit) => (hit, fetch.await?),
            // Both at once, so that the bytes are not later than they have to be.
            None => tokio::try_join!(self.look_up(way, far, id, onward), fetch)?,
        };
        // What the bytes are proved against counts, and not what was said before.
        let hit = Hit { size: fetch.size, ..hit };
        Ok(self.passes(way, &hit).then(|| (hit, fetch.size, Current::of(fetch, range.start))))
    }

    /// The overlay beyond, and the journey there; none when the question has been there or may not go so far.
    fn beyond(&self, way: &Way, journey: &Journey) -> Outcome<Option<(Arc<dyn Overlay>, Journey)>> {
        let far = self.overlay(way.far())?;
        let onward = journey.crossing(way.hop_limit(), &far.id());
        Ok(onward.filter(|_| far.capabilities().fetch).map(|onward| (far, onward)))
    }

    /// What the far side says of a content: this node, a hit that crossed before, the cache, or the peers there.
    pub(super) async fn look_up(
        &self,
        way: &Way,
        far: &Arc<dyn Overlay>,
        id: &ContentId,
        onward: &Journey,
    ) -> Outcome<Hit> {
        if let Some(hit) = LocalOffer::new(self.store.clone(), way.far()).describe(id, onward).await? {
            return Ok(hit);
        }
        if let Some(hit) = self.labels.of(way.far(), id).or_else(|| self.cache.record(id, way.far())) {
            return Ok(hit);
        }
        let permit = self.lookups.try_acquire();
        let _permit =
            permit.map_err(|_| Fault::new(FaultKind::LimitExceeded, "too many contents are being looked for"))?;
        let located = in_time(far, self.patience.begin, far.locate(id, onward)).await?;
        let hit = Hit { content_id: id.clone(), ..located.hit };
        if way.settings().hold_back(&hit).is_none() {
            self.labels.learn(way.far(), &hit);
        }
        Ok(hit)
    }

    /// A content that this node itself publishes in the far overlay.
    async fn published_here(
        &self,
        way: &Way,
        id: &ContentId,
        onward: &Journey,
    ) -> Outcome<Option<(Hit, Arc<BlobReader>)>> {
        let hit = LocalOffer::new(self.store.clone(), way.far()).describe(id, onward).await?;
        let Some(hit) = hit else { return Ok(None) };
        let reader = self.store.reader(id).await?.filter(|reader| reader.partial().is_none());
        Ok(reader.map(|reader| (hit, reader)))
    }

    /// Whether the rules let a content pass; it is told of when they do not.
    fn passes(&self, way: &Way, hit: &Hit) -> bool {
        match way.settings().hold_back(hit) {
            Some(held) => {
                self.refused_content(way, &held, hit);
                false
            }
            None => way.bridge.is_open(),
        }
    }

    /// The fault when the bytes of the day are used up.
    fn day_is_over(&self, way: &Way, hit: &Hit) -> Fault {
        let held = used_up(way);
        self.refused_content(way, &held, hit);
        Fault::new(FaultKind::LimitExceeded, format!("bridge {}: {}", way.bridge.id, held.reason))
    }
}

/// Why nothing more crosses today.
pub(super) fn used_up(way: &Way) -> Held {
    let limit = way.settings().bytes_per_day.unwrap_or_default();
    Held::new("bytes_per_day", format!("bytes_per_day is {limit}, and that is used up until 00:00 UTC"))
}

fn as_seen_from_near(way: &Way, mut hit: Hit) -> Hit {
    hit.via.insert(0, way.bridge.id.clone());
    hit.overlay = way.near().to_owned();
    hit
}

async fn in_time<T>(
    far: &Arc<dyn Overlay>,
    patience: Duration,
    answer: impl Future<Output = Outcome<T>>,
) -> Outcome<T> {
    let late = |_| Fault::unavailable(format!("overlay {} did not answer within {patience:?}", far.name()));
    timeout(patience, answer).await.map_err(late)?
}

/// The first that is found beyond these bridges, all of them asked at once; none when nobody has it or it may not cross.
///
/// # Errors
/// When nothing is found and somebody could not be asked.
async fn first<'a, T>(ways: Vec<Way>, ask: impl Fn(Way) -> BoxFuture<'a, Outcome<Option<T>>>) -> Outcome<Option<T>> {
    let mut asked: FuturesUnordered<_> = ways.into_iter().map(ask).collect();
    let mut failed = None;
    while let Some(answer) = asked.next().await {
        match answer {
            Ok(Some(found)) => return Ok(Some(found)),
            Ok(None) => {}
            Err(fault) if matches!(fault.kind, FaultKind::NotFound | FaultKind::Unsupported | FaultKind::Denied) => {}
            Err(fault) => failed = Some(fault),
        }
    }
    failed.map_or(Ok(None), Err)
}
