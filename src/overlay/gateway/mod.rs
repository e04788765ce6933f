//! Another Peergate node that is reached over HTTP only, as an overlay: what it finds and fetches for its callers is what
//! this overlay finds and fetches.
//!
//! Nobody has to reach this node for that, so it works from behind a firewall. Questions carry their journey in a header,
//! and this node stands on its path as the overlay that it is for others, so that two gateways which name each other never
//! send a question back.

mod asking;
mod fetching;
mod identity;
mod messages;
mod proof;
mod unproved;

#[cfg(test)]
mod tests;

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures::stream::BoxStream;
use tokio::{sync::Semaphore, task::JoinHandle};

pub use identity::Neighbours;

use self::{identity::Identity, unproved::Unproved};
use super::{
    Capabilities, Fetch, Found, Located, Overlay,
    remote::{Address, Health, Patience, Remote},
};
use crate::{
    model::{ContentId, Fault, Journey, Outcome, Overlay as OverlayRecord, OverlayKind, OverlayState, Peer, Query},
    store::Store,
};

/// How long a question waits for the first probe, from the start of the node on.
const SETTLE: Duration = Duration::from_secs(3);
/// How long a record of a content is waited for.
const DESCRIBE: Duration = Duration::from_secs(15);

/// A far gateway.
pub struct Gateway {
    far: Arc<Far>,
    watch: JoinHandle<()>,
}

/// What is known of a far gateway, and the way to it.
struct Far {
    name: String,
    remote: Arc<Remote>,
    health: Arc<Health>,
    identity: Identity,
    unproved: Unproved,
    searches: Arc<Semaphore>,
    bytes_in: AtomicU64,
}

impl Gateway {
    /// The gateway at that address as the overlay of that name of the node with the peer id `own`. It is not waited for.
    ///
    /// # Errors
    /// What the TLS library says.
    pub fn start(
        name: &str,
        address: Address,
        patience: Patience,
        own: &str,
        neighbours: Arc<Neighbours>,
        store: Arc<Store>,
    ) -> Result<Self, reqwest::Error> {
        let identity = Identity::new(name, address.url().as_str(), own, neighbours);
        let remote = Remote::new(name, address, patience)?;
        let far = Arc::new(Far {
            name: name.to_owned(),
            health: Arc::new(Health::new(remote.place())),
            remote: Arc::new(remote),
            identity,
            unproved: Unproved::new(store),
            searches: Arc::new(Semaphore::new(asking::MAX_SEARCHES)),
            bytes_in: AtomicU64::new(0),
        });
        let watched = far.clone();
        let watch = tokio::spawn(async move { watched.health.watch(|| watched.probe()).await });
        Ok(Self { far, watch })
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

impl Far {
    /// Whether the far side may be asked now.
    ///
    /// # Errors
    /// Unavailable, at once, while it is down.
    async fn admit(&self) -> Outcome<()> {
        self.health.settle(SETTLE).await;
        self.health.admit()
    }

    /// The journey as the far side is told it, as the value of the header; none when its path is full and it ends here.
    /// This node stands last on it, wherever it stood before: by the last id the far side knows who asks.
    fn told(&self, journey: &Journey) -> Option<String> {
        let (far, own) = (self.identity.id(), self.identity.own().to_owned());
        let mut told = journey.asked_in([far.clone()]);
        told.path.retain(|id| *id != own);
        let told = told.has_been_in(&far).then(|| told.asked_in([own.clone()]))?;
        told.has_been_in(&own).then(|| told.to_header())
    }

    fn ended(&self, id: &ContentId) -> Fault {
        Fault::not_found(format!("overlay {}: the question for {id} has been in as many overlays as it may", self.name))
    }

    fn unsupported(&self, what: &str) -> Fault {
        let place = self.remote.place();
        Fault::unsupported(format!("{place} is another gateway, in which nothing can be {what} from here"))
    }
}

#[async_trait]
impl Overlay for Gateway {
    fn name(&self) -> &str {
        &self.far.name
    }

    fn id(&self) -> String {
        self.far.identity.id()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { search: true, fetch: true, publish: false, peers: false }
    }

    fn status(&self) -> OverlayRecord {
        let (state, detail) = self.far.health.state();
        let detail = detail.or_else(|| self.far.identity.describe().filter(|_| state == OverlayState::Up));
        let Capabilities { search, fetch, publish, .. } = self.capabilities();
        OverlayRecord {
            name: self.far.name.clone(),
            kind: OverlayKind::Gateway,
            state,
            peers: 0,
            bytes_in: self.far.bytes_in.load(Relaxed),
            bytes_out: 0,
            can_search: search,
            can_fetch: fetch,
            can_publish: publish,
            detail,
        }
    }

    fn addresses(&self) -> Vec<String> {
        Vec::new()
    }

    async fn search(&self, query: Arc<Query>, journey: &Journey) -> Outcome<BoxStream<'static, Found>> {
        self.far.health.admit()?;
        Ok(asking::search(self.far.clone(), query, journey.clone()))
    }

    async fn locate(&self, id: &ContentId, journey: &Journey) -> Outcome<Located> {
        self.far.admit().await?;
        asking::locate(&self.far, id, journey).await
    }

    async fn fetch(&self, id: &ContentId, range: Range<u64>, avoid: &[String], journey: &Journey) -> Outcome<Fetch> {
        self.far.admit().await?;
        let source = self.far.identity.id();
        if avoid.contains(&source) {
            let place = self.far.remote.place();
            return Err(Fault::unavailable(format!("{place} failed to deliver {id} and is not asked again")));
        }
        fetching::fetch(&self.far, id, range, source, journey).await
    }

    async fn publish(&self, _: &[ContentId]) -> Outcome<()> {
        Err(self.far.unsupported("published"))
    }

    async fn withdraw(&self, _: &ContentId) -> Outcome<()> {
        Err(self.far.unsupported("withdrawn"))
    }

    async fn peers(&self) -> Vec<Peer> {
        Vec::new()
    }

    async fn connect(&self, _: &str) -> Outcome<Peer> {
        Err(self.far.unsupported("dialled"))
    }

    async fn disconnect(&self, _: &str) -> Outcome<bool> {
        Err(self.far.unsupported("disconnected"))
    }

    async fn block(&self, _: &str, _: bool) -> Outcome<()> {
        Err(self.far.unsupported("blocked"))
    }

    async fn stop(&self) {
        self.watch.abort();
        self.far.health.stop();
    }
}
