//! All overlays of the node as one: who is asked, in which order, and how what they find is merged and ranked.

use std::{ops::Range, sync::Arc};

use futures::{
    FutureExt, StreamExt,
    future::{BoxFuture, select_ok},
    stream::{BoxStream, SelectAll},
};
use tokio::time::{Instant, timeout_at};

use super::{Capabilities, Fetch, Found, Located, Overlay};
use crate::{
    model::{Content, ContentId, Fault, FaultKind, Hit, Journey, Outcome, OverlayAnswer, OverlayOutcome, Query},
    overlay::merge::Merged,
    store::Store,
};

/// The overlays of this node, in the order of the configuration, and what the node itself holds.
pub struct Overlays {
    /// This node's peer id.
    origin: String,
    store: Arc<Store>,
    all: Vec<Arc<dyn Overlay>>,
}

impl Overlays {
    /// The set of these overlays over the store of the node with that peer id.
    pub fn new(origin: impl Into<String>, store: Arc<Store>, all: Vec<Arc<dyn Overlay>>) -> Self {
        Self { origin: origin.into(), store, all }
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

    /// Asks this node and the named overlays, or all; those that the journey has been in are left out.
    ///
    /// # Errors
    /// InvalidRequest for an unknown overlay; one that refuses to ask is told in the outcomes.
    pub async fn search(&self, query: Arc<Query>, names: &[String], journey: &Journey) -> Outcome<Search> {
        let (chosen, journey) = self.asked(names, journey)?;
        let mut search = Search::new(query.limit);
        for overlay in &chosen {
            search.ask(overlay, &query, &journey).await;
        }
        let offered = self.store.search(&query).await?;
        let local = offered.iter().filter_map(|(score, content)| local_hit(*score, content, &chosen)).collect();
        search.merged.add(local);
        Ok(search)
    }

    /// Finds out who has a content: the first answer of the named overlays, or of all.
    ///
    /// # Errors
    /// The most telling fault of those asked.
    pub async fn locate(&self, id: &ContentId, names: &[String], journey: &Journey) -> Outcome<Located> {
        let ask = |overlay: &Arc<dyn Overlay>, journey: Journey| {
            let (overlay, id) = (overlay.clone(), id.clone());
            async move { overlay.locate(&id, &journey).await }.boxed()
        };
        self.first(id, names, journey, ask).await
    }

    /// Fetches a range from the first overlay that delivers it; `avoid` names sources that failed before.
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
        let ask = |overlay: &Arc<dyn Overlay>, journey: Journey| {
            let (overlay, id, range, avoid) = (overlay.clone(), id.clone(), range.clone(), avoid.to_vec());
            async move { overlay.fetch(&id, range, &avoid, &journey).await }.boxed()
        };
        self.first(id, names, journey, ask).await
    }

    /// The named overlays, or all, that the journey has not been in, and the journey as they see it: with all of them on
    /// its path, so that no gateway between two of them asks one on behalf of the other.
    fn asked(&self, names: &[String], journey: &Journey) -> Outcome<(Vec<&Arc<dyn Overlay>>, Journey)> {
        let mut chosen = self.select(names)?;
        chosen.retain(|overlay| journey.path.is_empty() || !journey.has_been_in(&overlay.id()));
        let journey = journey.asked_in(chosen.iter().map(|overlay| overlay.id()));
        Ok((chosen, journey))
    }

    async fn first<T: Send + 'static>(
        &self,
        id: &ContentId,
        names: &[String],
        journey: &Journey,
        ask: impl Fn(&Arc<dyn Overlay>, Journey) -> BoxFuture<'static, Outcome<T>>,
    ) -> Outcome<T> {
        let (chosen, journey) = self.asked(names, journey)?;
        let able = chosen.into_iter().filter(|overlay| overlay.capabilities().fetch);
        // The faults are kept, so that one overlay's "not of my kind" does not hide another's "try again".
        let faults = Faults::default();
        let asked: Vec<_> = able.map(|overlay| faults.watch(ask(overlay, journey.clone()))).collect();
        if asked.is_empty() {
            return Err(no_overlay(id));
        }
        match select_ok(asked).await {
            Ok((found, _)) => Ok(found),
            Err(()) => Err(faults.most_telling().unwrap_or_else(|| no_overlay(id))),
        }
    }
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
fn local_hit(score: f64, content: &Content, chosen: &[&Arc<dyn Overlay>]) -> Option<Hit> {
    let overlay =
        chosen.iter().map(|overlay| overlay.name()).find(|name| content.overlays.iter().any(|o| o == name))?;
    Some(content.as_hit(overlay, score))
}

/// A search that is under way: hits so far, and what is yet to come.
pub struct Search {
    merged: Merged,
    coming: SelectAll<BoxStream<'static, (usize, Option<Found>)>>,
    outcomes: Vec<OverlayOutcome>,
}

impl Search {
    fn new(limit: usize) -> Self {
        Self { merged: Merged::new(limit), coming: SelectAll::new(), outcomes: Vec::new() }
    }

    async fn ask(&mut self, overlay: &Arc<dyn Overlay>, query: &Arc<Query>, journey: &Journey) {
        let place = self.outcomes.len();
        let outcome = if !matches!(overlay.capabilities(), Capabilities { search: true, .. }) {
            OverlayAnswer::Unsupported
        } else {
            match overlay.search(query.clone(), journey).await {
                Ok(found) => {
                    // The end of the stream is an event too: it turns "timed out" into "answered".
                    let end = futures::stream::once(std::future::ready((place, None)));
                    self.coming.push(found.map(move |found| (place, Some(found))).chain(end).boxed());
                    OverlayAnswer::Timedout
                }
                Err(fault) => {
                    tracing::debug!(overlay = overlay.name(), "{fault}");
                    OverlayAnswer::Refused
                }
            }
        };
        self.outcomes.push(OverlayOutcome { overlay: overlay.name().to_owned(), outcome, hits: 0 });
    }

    /// Takes in what comes next; false when nothing more will come, or not before the deadline.
    pub async fn advance(&mut self, deadline: Instant) -> bool {
        let Ok(Some((place, found))) = timeout_at(deadline, self.coming.next()).await else { return false };
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
