//! The peers that are connected, and how many of their streams are served at once.
//!
//! A stream gets a place among its peer's own and one among all, so neither one peer nor all of them together can have
//! this node work on more than it chose to.

use std::{collections::HashMap, sync::Arc};

use libp2p::PeerId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Streams of peers that are served at the same time; further ones are reset.
const MAX_STREAMS_IN: usize = 1024;
/// Streams of one peer that are served at the same time; further ones are reset.
const MAX_STREAMS_IN_A_PEER: usize = 128;
/// Searches that one peer may have worked on at the same time; further ones wait, so that others get their turn.
const MAX_SEARCHES_A_PEER: usize = 16;

/// What is known of each connected peer, whether it has said who it is or not.
pub(super) struct Links {
    peers: HashMap<PeerId, Link>,
    /// Permits for the streams of all peers.
    slots: Arc<Semaphore>,
}

/// What the connection to a peer allows.
struct Link {
    /// Permits for the streams that the peer may open here.
    slots: Arc<Semaphore>,
    /// Permits for the searches that are worked on for it.
    searches: Arc<Semaphore>,
    /// The peer was reached over loopback, so its loopback addresses mean the same machine.
    same_machine: bool,
}

/// The right to have one stream served, given back when it is dropped.
pub(super) struct Place {
    /// Permits for the searches that are worked on for the peer.
    pub searches: Arc<Semaphore>,
    _permits: (OwnedSemaphorePermit, OwnedSemaphorePermit),
}

impl Default for Links {
    fn default() -> Self {
        Self { peers: HashMap::new(), slots: Arc::new(Semaphore::new(MAX_STREAMS_IN)) }
    }
}

impl Links {
    /// A connection to a peer was set up: it may open streams from now on.
    pub fn admit(&mut self, peer: PeerId, same_machine: bool) {
        let link = || Link {
            slots: Arc::new(Semaphore::new(MAX_STREAMS_IN_A_PEER)),
            searches: Arc::new(Semaphore::new(MAX_SEARCHES_A_PEER)),
            same_machine,
        };
        self.peers.entry(peer).or_insert_with(link).same_machine |= same_machine;
    }

    /// The last connection to a peer was closed.
    pub fn remove(&mut self, peer: &PeerId) {
        self.peers.remove(peer);
    }

    /// Whether a peer was reached over loopback.
    pub fn is_same_machine(&self, peer: &PeerId) -> bool {
        self.peers.get(peer).is_some_and(|link| link.same_machine)
    }

    /// A place for a stream of that peer, unless too many are being served.
    pub fn take_place(&self, peer: &PeerId) -> Option<Place> {
        let link = self.peers.get(peer)?;
        let slot = link.slots.clone().try_acquire_owned().ok()?;
        let place = self.slots.clone().try_acquire_owned().ok()?;
        Some(Place { searches: link.searches.clone(), _permits: (slot, place) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_peer_cannot_take_the_places_of_the_others() {
        let (greedy, modest) = (PeerId::random(), PeerId::random());
        let mut links = Links::default();
        assert!(links.take_place(&greedy).is_none(), "it is not connected");
        links.admit(greedy, false);
        links.admit(modest, false);
        let places: Vec<_> = std::iter::from_fn(|| links.take_place(&greedy)).collect();
        assert_eq!(places.len(), MAX_STREAMS_IN_A_PEER);
        assert!(links.take_place(&modest).is_some());
        // A second connection gives no second helping.
        links.admit(greedy, true);
        assert!(links.take_place(&greedy).is_none() && links.is_same_machine(&greedy));
        drop(places);
        assert!(links.take_place(&greedy).is_some());
        links.remove(&greedy);
        assert!(links.take_place(&greedy).is_none() && !links.is_same_machine(&greedy));
    }

    #[test]
    fn all_peers_together_have_a_bound() {
        let mut links = Links::default();
        let peers: Vec<_> =
            std::iter::repeat_with(PeerId::random).take(MAX_STREAMS_IN / MAX_STREAMS_IN_A_PEER + 1).collect();
        peers.iter().for_each(|peer| links.admit(*peer, false));
        let places = peers.iter().flat_map(|peer| std::iter::from_fn(|| links.take_place(peer))).collect::<Vec<_>>();
        assert_eq!(places.len(), MAX_STREAMS_IN);
    }
}
