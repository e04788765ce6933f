//! The peers that are connected and speak this overlay, as everybody but the event loop sees them.
//!
//! The event loop writes here, the handles read; a search on an overlay without peers costs one look.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use libp2p::PeerId;
use tokio::sync::Semaphore;

use crate::model::{Peer, Time};

/// Streams that this node has open to one peer; more wait. Below what yamux (512) and QUIC (256) allow a connection.
const MAX_STREAMS_OUT: usize = 64;

/// One connected peer.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub agent: String,
    pub gateway: bool,
    pub addresses: Vec<String>,
    pub since: Time,
    pub round_trip: Option<Duration>,
    /// Permits for streams to it.
    pub streams: Arc<Semaphore>,
}

impl Member {
    /// A peer that has just said who it is.
    pub fn new(agent: String, gateway: bool, addresses: Vec<String>) -> Self {
        let streams = Arc::new(Semaphore::new(MAX_STREAMS_OUT));
        Self { agent, gateway, addresses, since: Time::now(), round_trip: None, streams }
    }
}

/// All peers that this node knows of at present.
#[derive(Debug, Default)]
pub(super) struct Members {
    connected: HashMap<PeerId, Member>,
    blocked: HashSet<PeerId>,
}

impl Members {
    /// A peer has said who it is, for the first time or again.
    pub fn join(&mut self, peer: PeerId, member: Member) {
        match self.connected.get_mut(&peer) {
            Some(known) => {
                (known.agent, known.gateway) = (member.agent, member.gateway);
                known.addresses = member.addresses;
            }
            None => drop(self.connected.insert(peer, member)),
        }
    }

    /// The last connection to a peer has ended; false when it was no member.
    pub fn leave(&mut self, peer: &PeerId) -> bool {
        self.connected.remove(peer).is_some()
    }

    /// A ping came back.
    pub fn measured(&mut self, peer: &PeerId, round_trip: Duration) {
        if let Some(member) = self.connected.get_mut(peer) {
            member.round_trip = Some(round_trip);
        }
    }

    /// A peer is refused from now on, or no longer.
    pub fn block(&mut self, peer: PeerId, blocked: bool) {
        if blocked {
            self.blocked.insert(peer);
        } else {
            self.blocked.remove(&peer);
        }
    }

    /// How many are connected.
    pub fn count(&self) -> usize {
        self.connected.len()
    }

    /// Whether this peer is connected.
    pub fn has(&self, peer: &PeerId) -> bool {
        self.connected.contains_key(peer)
    }

    /// The permits for streams to a peer, when it is connected.
    pub fn streams_to(&self, peer: &PeerId) -> Option<Arc<Semaphore>> {
        self.connected.get(peer).map(|member| member.streams.clone())
    }

    /// At most so many connected peers, the nearest first when there are more.
    pub fn nearest(&self, most: usize) -> Vec<PeerId> {
        let mut peers: Vec<_> = self.connected.iter().collect();
        if peers.len() > most {
            peers.sort_by_key(|(_, member)| member.round_trip.unwrap_or(Duration::MAX));
        }
        peers.into_iter().take(most).map(|(peer, _)| *peer).collect()
    }

    /// The record of one connected peer.
    pub fn record(&self, peer: &PeerId, overlay: &str) -> Option<Peer> {
        let member = self.connected.get(peer)?;
        Some(Peer {
            addresses: member.addresses.clone(),
            agent: Some(member.agent.clone()),
            round_trip_ms: member.round_trip.map(|time| time.as_secs_f64() * 1000.0),
            connected: true,
            since: Some(member.since),
            gateway: member.gateway,
            blocked: self.blocked.contains(peer),
            ..unknown(peer, overlay)
        })
    }

    /// The records of all peers: the connected ones and the blocked ones, in the order of their ids.
    pub fn records(&self, overlay: &str) -> Vec<Peer> {
        let blocked = self.blocked.iter().filter(|peer| !self.has(peer));
        let blocked = blocked.map(|peer| Peer { blocked: true, ..unknown(peer, overlay) });
        let connected = self.connected.keys().filter_map(|peer| self.record(peer, overlay));
        let mut all: Vec<_> = connected.chain(blocked).collect();
        all.sort_by(|one, other| one.peer_id.cmp(&other.peer_id));
        all
    }
}

fn unknown(peer: &PeerId, overlay: &str) -> Peer {
    Peer {
        peer_id: peer.to_string(),
        overlay: overlay.to_owned(),
        alias: None,
        addresses: Vec::new(),
        agent: None,
        round_trip_ms: None,
        connected: false,
        since: None,
        trusted: false,
        blocked: false,
        gateway: false,
    }
}
