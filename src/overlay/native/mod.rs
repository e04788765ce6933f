//! Peergate's own overlay on libp2p, in reading order: what it is told, who it is, the swarm and its event loop, the
//! protocols.
//!
//! One task owns the swarm; [`Native`] is a handle on it that anybody may hold. Nothing outside this module knows
//! libp2p's types.

mod announce;
mod blobs;
mod bootstrap;
mod config;
mod dialling;
mod event_loop;
mod events;
mod hits;
mod identity;
mod journey;
mod links;
mod peers;
mod records;
mod records_file;
mod search;
mod serve;
mod shared;
mod streams;
mod swarm;
mod upkeep;
mod wire;

#[cfg(test)]
mod tests;

use std::{
    ops::Range,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use async_trait::async_trait;
use futures::stream::BoxStream;
use libp2p::PeerId;
use tokio::{
    sync::{broadcast, mpsc},
    time::timeout,
};

pub use config::{NativeConfig, NativeError, Patience, parse_network_key};
pub use identity::{Identity, IdentityError};

use self::{
    event_loop::EventLoop,
    records::{Records, Room},
    shared::{Command, Shared},
};
use super::{Capabilities, Fetch, Found, Located, Offer, Overlay};
use crate::model::{
    ContentId, Fault, Journey, Outcome, Overlay as OverlayRecord, OverlayKind, OverlayState, Peer, Query,
};

/// Commands that wait for the event loop; who sends more waits.
const MAX_COMMANDS: usize = 1024;

/// A handle on a native overlay.
#[derive(Debug)]
pub struct Native {
    shared: Arc<Shared>,
}

impl Native {
    /// Starts the overlay and returns when all of its listeners are up. It runs until [`Overlay::stop`], or until no
    /// handle is left.
    ///
    /// # Errors
    /// When the configuration is not valid, an address cannot be listened on, or the state folder cannot be used.
    pub async fn start(
        config: NativeConfig,
        identity: &Identity,
        offer: Arc<dyn Offer>,
    ) -> Result<Arc<Self>, NativeError> {
        let checked = config::check(&config)?;
        let key = identity.keypair();
        let local = key.public().to_peer_id();
        let mut records = Records::new(local, Room::default());
        let state = config.state_dir.clone();
        let failed = |error| NativeError::State { path: state.clone(), error };
        tokio::fs::create_dir_all(&state).await.map_err(failed)?;
        let records_path = records_file::path(&state);
        upkeep::load_records(&records_path, &mut records);

        let swarm = swarm::build(&config, &checked.protocols, key, records)?;
        let (commands, queue) = mpsc::channel(MAX_COMMANDS);
        let shared = Shared::new((config.name, checked.id), local, checked.protocols, config.patience, offer, commands);
        let shared = Arc::new(shared);
        let mut event_loop = EventLoop::new(swarm, shared.clone(), checked.bootstrap, queue, records_path);
        event_loop.listen(&checked.listen).await?;
        tokio::spawn(event_loop.run());
        Ok(Arc::new(Self { shared }))
    }

    /// How often a peer sent bytes that did not belong to the content asked for.
    pub fn lies(&self) -> u64 {
        self.shared.lies.load(Relaxed)
    }

    /// Provider records that this node keeps for others.
    pub fn kept_records(&self) -> u64 {
        self.shared.kept.load(Relaxed)
    }

    fn peer_id(&self, text: &str) -> Outcome<PeerId> {
        text.parse().map_err(|_| Fault::invalid(format!("peerId {:?} is no peer id, want 12D3Koo…", shown(text))))
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        self.shared.unused.cancel();
    }
}

#[async_trait]
impl Overlay for Native {
    fn name(&self) -> &str {
        &self.shared.name
    }

    fn id(&self) -> String {
        self.shared.id.clone()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { search: true, fetch: true, publish: true, peers: true }
    }

    fn status(&self) -> OverlayRecord {
        let stopped = self.shared.stopped.load(Relaxed);
        OverlayRecord {
            name: self.shared.name.clone(),
            kind: OverlayKind::Native,
            state: if stopped { OverlayState::Down } else { OverlayState::Up },
            peers: self.shared.members().count() as u32,
            bytes_in: self.shared.bytes_in.load(Relaxed),
            bytes_out: self.shared.bytes_out.load(Relaxed),
            can_search: true,
            can_fetch: true,
            can_publish: true,
            detail: stopped.then(|| "it was stopped".to_owned()),
        }
    }

    fn addresses(&self) -> Vec<String> {
        self.shared.addresses()
    }

    async fn search(&self, query: Arc<Query>, journey: &Journey) -> Outcome<BoxStream<'static, Found>> {
        Ok(search::ask_all(&self.shared, &query, journey))
    }

    async fn locate(&self, id: &ContentId, journey: &Journey) -> Outcome<Located> {
        blobs::locate(&self.shared, id, journey).await
    }

    async fn fetch(&self, id: &ContentId, range: Range<u64>, avoid: &[String], journey: &Journey) -> Outcome<Fetch> {
        blobs::fetch(&self.shared, id, range, avoid, journey).await
    }

    async fn publish(&self, ids: &[ContentId]) -> Outcome<()> {
        let keys = ids.iter().filter_map(ContentId::hash).map(|hash| blobs::record_key(hash.as_bytes())).collect();
        self.shared.ask(|reply| Command::Publish { keys, reply }).await?
    }

    async fn withdraw(&self, id: &ContentId) -> Outcome<()> {
        let Some(hash) = id.hash() else { return Ok(()) };
        let key = blobs::record_key(hash.as_bytes());
        self.shared.ask(|reply| Command::Withdraw { key, reply }).await
    }

    async fn peers(&self) -> Vec<Peer> {
        self.shared.members().records(&self.shared.name)
    }

    fn peer_changes(&self) -> Option<broadcast::Receiver<Peer>> {
        Some(self.shared.peer_changes.subscribe())
    }

    async fn connect(&self, address: &str) -> Outcome<Peer> {
        let malformed = |_| Fault::invalid(format!("address {:?} is no multiaddr", shown(address)));
        let address = address.parse().map_err(malformed)?;
        let patience = self.shared.patience.connect;
        let dialled = timeout(patience, self.shared.ask(|reply| Command::Dial { address, reply })).await;
        let peer = dialled.map_err(|_| Fault::timeout(format!("no peer answered in {patience:?}")))???;
        let record = self.shared.members().record(&peer, &self.shared.name);
        record.ok_or_else(|| Fault::unavailable(format!("peer {peer} has left again")))
    }

    async fn disconnect(&self, peer_id: &str) -> Outcome<bool> {
        let peer = self.peer_id(peer_id)?;
        self.shared.ask(|reply| Command::Disconnect { peer, reply }).await
    }

    async fn block(&self, peer_id: &str, blocked: bool) -> Outcome<()> {
        let peer = self.peer_id(peer_id)?;
        self.shared.ask(|reply| Command::Block { peer, blocked, reply }).await
    }

    async fn stop(&self) {
        self.shared.stopped.store(true, Relaxed);
        // An overlay that has stopped already has nothing more to close.
        let _ = self.shared.ask(|reply| Command::Stop { reply }).await;
    }
}

/// A caller's text as it is repeated in a message.
fn shown(text: &str) -> String {
    text.chars().take(100).collect()
}
