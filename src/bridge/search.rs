//! A query that crosses: it is asked in the far overlay, and the hits that the rules let pass come back as they come.
//!
//! Nothing runs but while the stream is polled, and dropping it ends what is asked. What the far side does or does not do
//! costs the near side nothing but a [`Found::Missing`].

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, timeout_at},
};

use super::{Bridges, live::Way, rules::Held};
use crate::{
    model::{ContentId, Hit, Journey, Outcome, Query},
    overlay::{Found, LocalOffer, Offer, Overlay},
};

/// Hits that cross for each that is wanted: room for the near side to rank before its limit cuts.
const PER_WANTED: usize = 8;
/// Most hits of one query that cross.
const MAX_HITS: usize = 4_096;
/// Most bridges in a hit's `via`; one that has crossed more is dropped.
const MAX_VIA: usize = 16;

/// Contents that a query has brought already, and over how many bridges, so that each comes once however many ways lead to
/// it, or again when it turns out to lie nearer.
#[derive(Clone, Default)]
pub struct Seen(Arc<Mutex<HashMap<ContentId, usize>>>);

impl Seen {
    /// Whether the hit is the first one of its content, or lies nearer than those before.
    pub fn is_news(&self, hit: &Hit) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.get_mut(&hit.content_id) {
            Some(bridges) if *bridges <= hit.via.len() => false,
            Some(bridges) => {
                *bridges = hit.via.len();
                true
            }
            None => {
                seen.insert(hit.content_id.clone(), hit.via.len());
                true
            }
        }
    }
}

/// Whether a query may cross.
pub enum Admission {
    /// It may, and goes on with this journey.
    Onward(Journey),
    /// It has been there, or has gone far enough: nothing is missing.
    Needless(Held),
    /// A rule holds it back.
    Held(Held),
    /// The far side could not be asked at present.
    Over(Held),
}

impl Bridges {
    /// Whether a query with that journey may cross. `take` says that it does, so that it counts against the rate.
    pub(super) fn admission(
        &self,
        way: &Way,
        far: &dyn Overlay,
        query: &Query,
        journey: &Journey,
        take: bool,
    ) -> Admission {
        let Some(onward) = journey.crossing(way.hop_limit(), &far.id()) else {
            return Admission::Needless(match journey.has_been_in(&far.id()) {
                true => Held::new("path", "it has been asked there already"),
                false => Held::new("hopLimit", "it may cross no further bridge"),
            });
        };
        if let Some(held) = way.settings().hold_back_query(query) {
            return Admission::Held(held);
        }
        if !way.rate().is_none_or(|rate| rate.admits(std::time::Instant::now(), take)) {
            let rate = way.settings().rate.unwrap_or_default();
            return Admission::Over(Held::new("rate", format!("rate lets {rate} queries a second pass")));
        }
        Admission::Onward(onward)
    }

    /// The hits from beyond one bridge, if the query crosses it.
    pub(super) fn forward(
        self: &Arc<Self>,
        way: Way,
        query: &Arc<Query>,
        journey: &Journey,
        seen: &Seen,
    ) -> Option<BoxStream<'static, Found>> {
        let missing = || Some(stream::iter([Found::Missing]).boxed());
        let far = self.overlay(way.far()).ok()?;
        let onward = match self.admission(&way, far.as_ref(), query, journey, true) {
            Admission::Onward(onward) => onward,
            Admission::Needless(_) => return None,
            Admission::Held(held) => {
                self.refused_query(&way, &held, query);
                return None;
            }
            Admission::Over(held) => {
                self.refused_query(&way, &held, query);
                return missing();
            }
        };
        let Ok(permit) = self.queries.clone().try_acquire_owned() else {
            tracing::debug!(bridge = way.bridge.id, "too many queries are being asked beyond bridges");
            return missing();
        };
        if !self.guard.admit(journey, &far.id()) {
            return None;
        }
        way.bridge.counters.query();
        let crossing = Crossing {
            bridges: self.clone(),
            way,
            far,
            query: query.clone(),
            onward,
            deadline: Instant::now() + self.patience.search,
            seen: seen.clone(),
            hits: 0,
            hits_left: query.limit.saturating_mul(PER_WANTED).min(MAX_HITS),
            stage: Stage::Here,
            _permit: permit,
        };
        Some(stream::unfold(crossing, |mut crossing| async { Some((crossing.next().await?, crossing)) }).boxed())
    }
}

/// One query beyond one bridge.
struct Crossing {
    bridges: Arc<Bridges>,
    way: Way,
    far: Arc<dyn Overlay>,
    query: Arc<Query>,
    onward: Journey,
    deadline: Instant,
    seen: Seen,
    hits: u64,
    hits_left: usize,
    stage: Stage,
    _permit: OwnedSemaphorePermit,
}

enum Stage {
    /// What this node itself publishes there comes first.
    Here,
    ToAsk,
    Asking(BoxStream<'static, Found>),
    Over,
}

impl Crossing {
    async fn next(&mut self) -> Option<Found> {
        loop {
            let found = match timeout_at(self.deadline, self.advance()).await {
                Ok(Ok(found)) => found?,
                Ok(Err(fault)) => self.end(&fault.message),
                Err(_) => self.end("it did not answer in time"),
            };
            match found {
                Found::Page(hits) => {
                    let hits = self.let_pass(hits);
                    if !hits.is_empty() {
                        return Some(Found::Page(hits));
                    }
                    // Nothing is told of a page of which nothing passed; the runtime may look at others first.
                    tokio::task::coop::consume_budget().await;
                }
                Found::Missing => return Some(Found::Missing),
            }
        }
    }

    /// What comes next from there; none at the end.
    async fn advance(&mut self) -> Outcome<Option<Found>> {
        loop {
            match &mut self.stage {
                Stage::Here => {
                    self.stage = Stage::ToAsk;
                    let here = LocalOffer::new(self.bridges.store.clone(), self.way.far());
                    let page = here.search(self.query.clone(), &self.onward).await?.next().await;
                    if page.is_some() {
                        return Ok(page);
                    }
                }
                Stage::ToAsk if !self.far.capabilities().search => self.stage = Stage::Over,
                Stage::ToAsk => {
                    let found = self.far.search(self.query.clone(), &self.onward).await?;
                    self.stage = Stage::Asking(found);
                }
                Stage::Asking(found) => match found.next().await {
                    Some(found) => return Ok(Some(found)),
                    None => self.stage = Stage::Over,
                },
                Stage::Over => return Ok(None),
            }
        }
    }

    fn end(&mut self, why: &str) -> Found {
        tracing::debug!(bridge = self.way.bridge.id, overlay = self.way.far(), "no whole answer from beyond: {why}");
        self.stage = Stage::Over;
        Found::Missing
    }

    /// The hits that cross, as the near side sees them.
    fn let_pass(&mut self, hits: Vec<Hit>) -> Vec<Hit> {
        if !self.way.bridge.is_open() {
            self.stage = Stage::Over;
            return Vec::new();
        }
        let mut passing = Vec::new();
        for mut hit in hits {
            if hit.via.len() >= MAX_VIA {
                continue;
            }
            if self.hits_left == 0 {
                self.stage = Stage::Over;
                break;
            }
            if let Some(held) = self.way.settings().hold_back(&hit) {
                self.bridges.refused_content(&self.way, &held, &hit);
                continue;
            }
            self.bridges.labels.learn(self.way.far(), &hit);
            hit.via.insert(0, self.way.bridge.id.clone());
            if !self.seen.is_news(&hit) {
                continue;
            }
            hit.overlay = self.way.near().to_owned();
            self.hits_left -= 1;
            passing.push(hit);
        }
        self.hits += passing.len() as u64;
        self.way.bridge.counters.hits(passing.len() as u64);
        passing
    }
}

impl Drop for Crossing {
    fn drop(&mut self) {
        self.bridges.crossed_query(&self.way, &self.onward, &self.query, self.hits);
    }
}
