//! All overlays of the node as one: who is asked, in which order, and how what they find is merged and ranked.

use std::{
    ops::Range,
    sync::{Arc, OnceLock},
};

use futures::{
    FutureExt, StreamExt,
    future::{BoxFuture, select_ok},
    stream::{BoxStream, SelectAll},
};
use tokio::time::{Instant, timeout_at};

use super::{Doors, Fetch, Found, Located, Offer, Overlay, seen::Seen};
use crate::{
    model::{
        Content, ContentId, Fault, FaultKind, Hit, Journey, Outcome, OverlayAnswer, OverlayKind, OverlayOutcome, Query,
    },
    overlay::{learn::recheck, merge::Merged},
    store::Store,
};

/// The overlays of this node, in the order of the configuration, and what the node itself holds.
pub struct Overlays {
    /// This node's peer id.
    origin: String,
    store: Arc<Store>,
    all: Vec<Arc<dyn Overlay>>,
    doors: OnceLock<Arc<dyn Doors>>,
    seen: Seen,
}

impl Overlays {
    /// The set of these overlays over the store of the node with that peer id.
    pub fn new(origin: impl Into<String>, store: Arc<Store>, all: Vec<Arc<dyn Overlay>>) -> Self {
        Self { origin: origin.into(), store, all, doors: OnceLock::new(), seen: Seen::default() }
    }

    /// Has bridges decide what gateways reach that ask over HTTP; once, when the bridges are there.
    pub fn open(&self, doors: Arc<dyn Doors>) {
        let _ = self.doors.set(doors);
    }

    /// The overlay through which a question of another node comes that was asked over HTTP, and what is offered there:
    /// the last on its path, where that is an overlay of this node from which bridges begin.
    pub fn door(&self, journey: &Journey) -> Option<Door<'_>> {
        let (doors, last) = (self.doors.get()?, journey.path.last()?);
        let overlay = self.all.iter().find(|overlay| overlay.id() == *last)?.name();
        Some(Door { overlay, offer: doors.offer(overlay)? })
    }

    /// The journey of a question that begins here.
    pub fn begin(&self) -> Journey {
        Journey::begin(&self.origin)
    }

    /// Each overlay, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Overlay>> {
        self.all.iter()
    }

    /// The overlays of these names, or all when none is named.
    ///
    /// # Errors
    /// InvalidRequest that names an overlay which this node does not have.
    pub fn select(&self, names: &[String]) -> Outcome<Vec<&Arc<dyn Overlay>>> {
        if names.is_empty() {
            return Ok(self.all.iter().collect());
        }
        names.iter().map(|name| self.named(name)).collect()
    }

    /// The overlay of that name.
    ///
    /// # Errors
    /// InvalidRequest when there is none; the message lists those that there are.
    pub fn named(&self, name: &str) -> Outcome<&Arc<dyn Overlay>> {
        self.all.iter().find(|overlay| overlay.name() == name).ok_or_else(|| {
            let known: Vec<_> = self.all.iter().map(|overlay| overlay.name()).collect();
            Fault::invalid(format!("overlays: there is no overlay {name:?}; this node has {}", known.join(", ")))
        })
    }

    /// The names of the overlays that content is published in: those named, or all that can.
    ///
    /// # Errors
    /// InvalidRequest for an unknown name, Unsupported for an overlay that cannot publish.
    pub fn publishing(&self, names: &[String]) -> Outcome<Vec<String>> {
        let chosen = self.select(names)?;
        if !names.is_empty()
            && let Some(mute) = chosen.iter().find(|overlay| !overlay.capabilities().publish)
        {
            return Err(Fault::unsupported(format!("overlay {} cannot publish content", mute.name())));
        }
        let publishing = chosen.into_iter().filter(|overlay| overlay.capabilities().publish);
        Ok(publishing.map(|overlay| overlay.name().to_owned()).collect())
    }

    /// Asks this node and the named overlays, or all; those that the journey has been in are left out. What comes
    /// through a [door](Self::door) is answered with what is offered there.
    ///
    /// # Errors
    /// InvalidRequest for an unknown overlay; one that refuses to ask is told in the outcomes.
    pub async fn search(&self, query: Arc<Query>, names: &[String], journey: &Journey) -> Outcome<Search> {
        let mut search = Search::new(self, query.limit);
        if let Some(Door { overlay, offer }) = self.door(journey) {
            search.follow(overlay, offer.search(query, journey).await);
            return Ok(search);
        }
        let mut chosen = self.asked(names, journey)?;
        if !journey.path.is_empty() {
            chosen.retain(|(overlay, _)| self.seen.is_first(journey, &overlay.id()));
        }
        for (overlay, journey) in &chosen {
            search.ask(overlay, &query, journey).await;
        }
        let offered = self.store.search(&query).await?;
        let local = offered.iter().filter_map(|(score, content)| local_hit(*score, content, &chosen)).collect();
        search.merged.add(local);
        Ok(search)
    }

    /// Finds out who has a content: the first answer of the named overlays, or of all. Through a [door](Self::door) it
    /// is what is offered there.
    ///
    /// # Errors
    /// The most telling fault of those asked.
    pub async fn locate(&self, id: &ContentId, names: &[String], journey: &Journey) -> Outcome<Located> {
        if let Some(Door { offer, .. }) = self.door(journey) {
            let hit = offer.describe(id, journey).await?.ok_or_else(|| not_offered(id))?;
            return Ok(Located { providers: hit.providers, hit });
        }
        let ask = |overlay: &Arc<dyn Overlay>, journey: Journey| {
            let (overlay, id) = (overlay.clone(), id.clone());
            async move { overlay.locate(&id, &journey).await }.boxed()
        };
        let located = self.first(id, names, journey, ask).await?;
        if self.home_of(id).is_none() {
            recheck(&self.store, [&located.hit]).await?;
        }
        Ok(located)
    }

    /// Fetches a range from the first overlay that delivers it, or what a [door](Self::door) offers of further away;
    /// `avoid` names sources that failed before.
    ///
    /// # Errors
    /// The most telling fault of those asked.
    pub async fn fetch(
        &self,
        id: &ContentId,
        range: Range<u64>,
        names: &[String],
        avoid: &[String],
        journey: &Journey,
    ) -> Outcome<Fetch> {
        if let Some(Door { offer, .. }) = self.door(journey) {
            return offer.bring(id, range, journey).await?.ok_or_else(|| not_offered(id));
        }
        let ask = |overlay: &Arc<dyn Overlay>, journey: Journey| {
            let (overlay, id, range, avoid) = (overlay.clone(), id.clone(), range.clone(), avoid.to_vec());
            async move { overlay.fetch(&id, range, &avoid, &journey).await }.boxed()
        };
        self.first(id, names, journey, ask).await
    }

    /// The named overlays, or all, that the journey has not been in, and the journey as each sees it: with all of them on
    /// its path, so that no gateway between two of them asks one on behalf of the other. A question that comes from a
    /// gateway goes on to the next one as if it crossed a bridge.
    fn asked(&self, names: &[String], journey: &Journey) -> Outcome<Vec<(&Arc<dyn Overlay>, Journey)>> {
        let chosen = self.select(names)?;
        if journey.path.is_empty() {
            let journey = journey.asked_in(chosen.iter().map(|overlay| overlay.id()));
            return Ok(chosen.into_iter().map(|overlay| (overlay, journey.clone())).collect());
        }
        let cost = |overlay: &Arc<dyn Overlay>| u8::from(overlay.status().kind == OverlayKind::Gateway);
        let going =
            |overlay: &&Arc<dyn Overlay>| !journey.has_been_in(&overlay.id()) && journey.hop_limit >= cost(overlay);
        let chosen: Vec<_> = chosen.into_iter().filter(going).collect();
        let onward = journey.asked_in(chosen.iter().map(|overlay| overlay.id()));
        let narrowed =
            |overlay| Journey { hop_limit: onward.hop_limit.saturating_sub(cost(overlay)), ..onward.clone() };
        Ok(chosen.into_iter().map(|overlay| (overlay, narrowed(overlay))).collect())
    }

    /// The catalogue of this node that an id is an entry of. Nobody else is believed about it, since the bytes of an entry
    /// cannot be proved by its id.
    fn home_of(&self, id: &ContentId) -> Option<&Arc<dyn Overlay>> {
        let ContentId::Catalogue { overlay: name, .. } = id else { return None };
        self.all.iter().find(|overlay| overlay.name() == name && is_catalogue(overlay))
    }

    async fn first<T: Send + 'static>(
        &self,
        id: &ContentId,
        names: &[String],
        journey: &Journey,
        ask: impl Fn(&Arc<dyn Overlay>, Journey) -> BoxFuture<'static, Outcome<T>>,
    ) -> Outcome<T> {
        let chosen = self.asked(names, journey)?;
        let home = self.home_of(id);
        let is_home = |overlay: &Arc<dyn Overlay>| home.is_none_or(|home| Arc::ptr_eq(home, overlay));
        let able = chosen.into_iter().filter(|(overlay, _)| overlay.capabilities().fetch && is_home(overlay));
        // The faults are kept, so that one overlay's "not of my kind" does not hide another's "try again".
        let faults = Faults::default();
        let asked: Vec<_> = able.map(|(overlay, journey)| faults.watch(ask(overlay, journey))).collect();
        if asked.is_empty() {
            return Err(if journey.path.is_empty() { no_overlay(id) } else { not_offered(id) });
        }
        match select_ok(asked).await {
            Ok((found, _)) => Ok(found),
            Err(()) => Err(faults.most_telling().unwrap_or_else(|| no_overlay(id))),
        }
    }
}

/// Where a gateway comes in that asks over HTTP.
pub struct Door<'a> {
    /// The name of the overlay that it is here.
    pub overlay: &'a str,
    /// What is offered there.
    pub offer: Arc<dyn Offer>,
}

/// The faults of overlays that were asked at once.
#[derive(Default, Clone)]
struct Faults(Arc<std::sync::Mutex<Vec<Fault>>>);

impl Faults {
    fn watch<T: Send + 'static>(&self, answer: BoxFuture<'static, Outcome<T>>) -> BoxFuture<'static, Result<T, ()>> {
        let faults = self.clone();
        let note = move |fault| faults.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(fault);
        answer.map(move |outcome| outcome.map_err(note)).boxed()
    }

    fn most_telling(&self) -> Option<Fault> {
        let telling = |fault: &Fault| match fault.kind {
            FaultKind::Unsupported => 0,
            FaultKind::NotFound => 1,
            _ => 2,
        };
        let mut faults = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        faults.drain(..).max_by_key(telling).filter(|fault| fault.kind != FaultKind::Unsupported)
    }
}

fn not_offered(id: &ContentId) -> Fault {
    Fault::not_found(format!("nobody here has content {id} at present"))
}

fn is_catalogue(overlay: &Arc<dyn Overlay>) -> bool {
    overlay.status().kind == OverlayKind::Catalog
}

fn no_overlay(id: &ContentId) -> Fault {
    let kind = match id {
        ContentId::Native(_) => "native",
        ContentId::Ipfs(_) => "ipfs",
        ContentId::Torrent { .. } => "bittorrent",
        ContentId::Catalogue { .. } => "catalog",
    };
    Fault::unsupported(format!("no overlay of this node can fetch {id}; add one of kind {kind:?} to its configuration"))
}

/// The hit that a content of this node is, in the first of the overlays asked that it is published in.
fn local_hit(score: f64, content: &Content, chosen: &[(&Arc<dyn Overlay>, Journey)]) -> Option<Hit> {
    let mut names = chosen.iter().map(|(overlay, _)| overlay.name());
    let overlay = names.find(|name| content.overlays.iter().any(|o| o == name))?;
    Some(content.as_hit(overlay, score))
}

/// What is known of foreign ids, for hits to be held against.
struct Aliases {
    store: Arc<Store>,
    /// This node's own catalogues. Of their entries only they are believed, and they see to that themselves.
    catalogues: Vec<String>,
}

impl Aliases {
    /// Forgets what is known of foreign contents that hits show otherwise now.
    async fn recheck(&self, hits: &[Hit]) {
        let is_own = |hit: &&Hit| match &hit.content_id {
            ContentId::Catalogue { overlay, .. } => self.catalogues.contains(overlay),
            _ => false,
        };
        if let Err(fault) = recheck(&self.store, hits.iter().filter(|hit| !is_own(hit))).await {
            tracing::warn!("what is known of foreign ids could not be held against hits: {fault}");
        }
    }
}

/// A search that is under way: hits so far, and what is yet to come.
pub struct Search {
    aliases: Aliases,
    merged: Merged,
    coming: SelectAll<BoxStream<'static, (usize, Option<Found>)>>,
    outcomes: Vec<OverlayOutcome>,
}

impl Search {
    fn new(overlays: &Overlays, limit: usize) -> Self {
        let own = overlays.all.iter().filter(|overlay| is_catalogue(overlay));
        let catalogues = own.map(|overlay| overlay.name().to_owned()).collect();
        let aliases = Aliases { store: overlays.store.clone(), catalogues };
        Self { aliases, merged: Merged::new(limit), coming: SelectAll::new(), outcomes: Vec::new() }
    }

    async fn ask(&mut self, overlay: &Arc<dyn Overlay>, query: &Arc<Query>, journey: &Journey) {
        if overlay.capabilities().search {
            return self.follow(overlay.name(), overlay.search(query.clone(), journey).await);
        }
        let outcome = OverlayAnswer::Unsupported;
        self.outcomes.push(OverlayOutcome { overlay: overlay.name().to_owned(), outcome, hits: 0 });
    }

    /// Takes in what an overlay finds, under its name.
    fn follow(&mut self, overlay: &str, found: Outcome<BoxStream<'static, Found>>) {
        let place = self.outcomes.len();
        let outcome = match found {
            Ok(found) => {
                // The end of the stream is an event too: it turns "timed out" into "answered".
                let end = futures::stream::once(std::future::ready((place, None)));
                self.coming.push(found.map(move |found| (place, Some(found))).chain(end).boxed());
                OverlayAnswer::Timedout
            }
            Err(fault) => {
                tracing::debug!(overlay, "{fault}");
                OverlayAnswer::Refused
            }
        };
        self.outcomes.push(OverlayOutcome { overlay: overlay.to_owned(), outcome, hits: 0 });
    }

    /// Takes in what comes next; false when nothing more will come, or not before the deadline.
    pub async fn advance(&mut self, deadline: Instant) -> bool {
        let Ok(Some((place, found))) = timeout_at(deadline, self.coming.next()).await else { return false };
        if let Some(Found::Page(hits)) = &found {
            self.aliases.recheck(hits).await;
        }
        let outcome = &mut self.outcomes[place];
        match found {
            Some(Found::Page(hits)) => {
                outcome.hits = outcome.hits.saturating_add(u32::try_from(hits.len()).unwrap_or(u32::MAX));
                self.merged.add(hits);
            }
            Some(Found::Missing) => outcome.outcome = OverlayAnswer::Refused,
            // A source that was missing keeps the overlay from counting as answered.
            None if outcome.outcome == OverlayAnswer::Timedout => outcome.outcome = OverlayAnswer::Answered,
            None => outcome.outcome = OverlayAnswer::Timedout,
        }
        true
    }

    /// The hits so far, in the order in which they came.
    pub fn hits(&self) -> &[Arc<Hit>] {
        self.merged.hits()
    }

    /// The hits, best first, and what each overlay gave.
    pub fn finish(self) -> (Vec<Arc<Hit>>, Vec<OverlayOutcome>) {
        (self.merged.ranked(), self.outcomes)
    }

    /// Whether everybody who was asked has answered.
    pub fn is_complete(&self) -> bool {
        let answered = [OverlayAnswer::Answered, OverlayAnswer::Unsupported];
        self.outcomes.iter().all(|outcome| answered.contains(&outcome.outcome))
    }
}
