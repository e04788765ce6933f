//! Which rule decides, for a query or for a content id: for whoever wonders why something is not found.
//!
//! The far side is really asked, by a question of this node's own, so that each hit that is held back can be named. Nothing
//! is counted and nothing crosses.

use std::{collections::HashSet, sync::Arc, time::Duration};

use futures::{StreamExt, stream};
use tokio::time::{Instant, timeout_at};

use super::{Bridges, content::used_up, live::Way, rules::Held, search::Admission};
use crate::{
    model::{BridgeDecision, BridgeState, ContentId, FaultKind, Hit, Journey, Outcome, Query, Time},
    overlay::{Found, LocalOffer, Offer, Overlay},
};

/// How long the far sides are asked.
const PATIENCE: Duration = Duration::from_secs(3);
/// Hits that are looked at in each direction.
const MAX_HITS: usize = 200;
/// Directions that are asked at once.
const MAX_ASKED: usize = 16;
/// What decides where nothing holds anything back.
const NO_RULE: &str = "none";

impl Bridges {
    /// For each bridge and direction the decision for a query, and one for each hit that is held back; for a content id
    /// the decision for that content.
    ///
    /// # Errors
    /// InvalidRequest for a text that is neither.
    pub async fn explain(self: &Arc<Self>, text: &str) -> Outcome<Vec<BridgeDecision>> {
        let subject = match text.trim().parse::<ContentId>() {
            Ok(id) => Subject::Content(id),
            Err(_) => Subject::Query(Arc::new(Query::parse(text, MAX_HITS)?)),
        };
        let ways: Vec<Way> = self.all().iter().flat_map(|bridge| bridge.ways().collect::<Vec<_>>()).collect();
        let explained = stream::iter(ways).map(|way| self.explain_way(way, &subject)).buffered(MAX_ASKED);
        Ok(explained.collect::<Vec<_>>().await.into_iter().flatten().collect())
    }

    async fn explain_way(self: &Arc<Self>, way: Way, subject: &Subject) -> Vec<BridgeDecision> {
        let (state, reason) = self.state(&way.bridge);
        if state != BridgeState::Up {
            return vec![decision(&way, Some(Held::new(state.name(), reason.unwrap_or_default())), "nothing crosses")];
        }
        let (Ok(near), Ok(far)) = (self.overlay(way.near()), self.overlay(way.far())) else { return Vec::new() };
        if !near.capabilities().peers {
            // Nobody there could ask.
            return Vec::new();
        }
        let Ok(overlays) = self.overlays() else { return Vec::new() };
        let journey = overlays.begin().asked_in([near.id()]);
        match subject {
            Subject::Query(query) => self.explain_query(&way, &far, query, &journey).await,
            Subject::Content(id) => vec![self.explain_content(&way, &far, id, &journey).await],
        }
    }

    async fn explain_query(
        &self,
        way: &Way,
        far: &Arc<dyn Overlay>,
        query: &Arc<Query>,
        journey: &Journey,
    ) -> Vec<BridgeDecision> {
        let onward = match self.admission(way, far.as_ref(), query, journey, false) {
            Admission::Onward(onward) => onward,
            Admission::Needless(held) | Admission::Held(held) | Admission::Over(held) => {
                return vec![decision(way, Some(held), "the query is held back")];
            }
        };
        let mut decisions = vec![decision(way, None, "the query crosses")];
        if way.daily().left(way.settings().bytes_per_day, Time::now()) == 0 {
            decisions.push(decision(way, Some(used_up(way)), "no content crosses"));
        }
        let held = self.held_hits(way, far, query, &onward).await;
        let told = |(hit, held): (Hit, Held)| {
            decision(way, Some(held), &format!("{:?} ({}) is held back", hit.name, hit.content_id))
        };
        decisions.extend(held.into_iter().map(told));
        decisions
    }

    /// The hits that would be held back, each once, with the rule that does.
    async fn held_hits(
        &self,
        way: &Way,
        far: &Arc<dyn Overlay>,
        query: &Arc<Query>,
        onward: &Journey,
    ) -> Vec<(Hit, Held)> {
        let deadline = Instant::now() + PATIENCE;
        let here = LocalOffer::new(self.store.clone(), way.far());
        let asked = async {
            let here = here.search(query.clone(), onward).await.unwrap_or_else(|_| stream::empty().boxed());
            let there = match far.capabilities().search {
                true => far.search(query.clone(), onward).await.unwrap_or_else(|_| stream::empty().boxed()),
                false => stream::empty().boxed(),
            };
            here.chain(there)
        };
        let Ok(mut found) = timeout_at(deadline, asked).await else { return Vec::new() };
        let (mut seen, mut held) = (HashSet::new(), Vec::new());
        while let Ok(Some(page)) = timeout_at(deadline, found.next()).await {
            let Found::Page(hits) = page else { continue };
            for hit in hits {
                if held.len() >= MAX_HITS {
                    return held;
                }
                if let Some(rule) = way.settings().hold_back(&hit)
                    && seen.insert((hit.content_id.clone(), hit.name.clone()))
                {
                    held.push((hit, rule));
                }
            }
        }
        held
    }

    async fn explain_content(
        &self,
        way: &Way,
        far: &Arc<dyn Overlay>,
        id: &ContentId,
        journey: &Journey,
    ) -> BridgeDecision {
        let Some(onward) = journey.crossing(way.hop_limit(), &far.id()) else {
            return decision(way, Some(Held::new("hopLimit", "it may cross no further bridge")), "nothing crosses");
        };
        let hit = match self.look_up(way, far, id, &onward).await {
            Ok(hit) => hit,
            Err(fault) => {
                let what = format!("{id} was not found beyond");
                let rule = if fault.kind == FaultKind::NotFound { "absent" } else { "unavailable" };
                return decision(way, Some(Held::new(rule, fault.message)), &what);
            }
        };
        let name = format!("{:?} ({id})", hit.name);
        if let Some(held) = way.settings().hold_back(&hit) {
            return decision(way, Some(held), &format!("{name} is held back"));
        }
        match way.daily().left(way.settings().bytes_per_day, Time::now()) {
            0 if hit.size > 0 => decision(way, Some(used_up(way)), &format!("{name} does not cross today")),
            _ => decision(way, None, &format!("{name} crosses")),
        }
    }
}

enum Subject {
    Query(Arc<Query>),
    Content(ContentId),
}

fn decision(way: &Way, held: Option<Held>, what: &str) -> BridgeDecision {
    let bridge_id = way.bridge.id.clone();
    match held {
        Some(Held { rule, reason }) => {
            BridgeDecision { bridge_id, forwarded: false, rule, reason: format!("{way}: {what}: {reason}") }
        }
        None => {
            BridgeDecision { bridge_id, forwarded: true, rule: NO_RULE.to_owned(), reason: format!("{way}: {what}") }
        }
    }
}
