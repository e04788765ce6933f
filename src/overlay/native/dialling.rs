//! Dials that somebody waits for: an address that a caller named, and providers that a walk through the DHT found.

use std::collections::HashMap;

use libp2p::{
    Multiaddr, PeerId,
    kad::{RecordKey, store::RecordStore},
    swarm::{ConnectionId, DialError, dial_opts::DialOpts},
};
use tokio::sync::{mpsc, oneshot};

use super::{bootstrap::peer_of, event_loop::EventLoop};
use crate::model::{Fault, Outcome};

/// Peers that are dialled for others' sake at the same time.
const MAX_WANTED: usize = 256;

/// Answered once the peer at an address has said who it is.
pub(super) type Dialler = oneshot::Sender<Outcome<PeerId>>;

/// Who waits for which peer.
#[derive(Default)]
pub(super) struct Dials {
    /// Dials under way to an address that a caller named.
    pub named: HashMap<ConnectionId, Dialler>,
    /// Peers that are connected but have not said who they are.
    pub joining: HashMap<PeerId, Vec<Dialler>>,
    /// Providers being dialled, and who wants to know once they are connected.
    pub wanted: HashMap<PeerId, Vec<mpsc::Sender<PeerId>>>,
}

impl Dials {
    /// Whether one more provider may be dialled.
    fn has_room_for(&self, provider: &PeerId) -> bool {
        self.wanted.len() < MAX_WANTED || self.wanted.contains_key(provider)
    }

    /// Forgets providers that nobody waits for any more.
    pub fn forget_unwanted(&mut self) {
        self.wanted.retain(|_, waiting| {
            waiting.retain(|found| !found.is_closed());
            !waiting.is_empty()
        });
    }
}

impl EventLoop {
    /// Dials an address and answers once the peer there has said who it is.
    pub(super) fn dial_for(&mut self, address: Multiaddr, reply: Dialler) {
        let named = peer_of(&address);
        if named == Some(self.shared.local) {
            let _ = reply.send(Err(undialled(&DialError::LocalPeerId { address })));
            return;
        }
        if let Some(peer) = named.filter(|peer| self.shared.members().has(peer)) {
            let _ = reply.send(Ok(peer));
            return;
        }
        let dial = DialOpts::unknown_peer_id().address(address).build();
        let connection = dial.connection_id();
        match self.swarm.dial(dial) {
            Ok(()) => drop(self.dials.named.insert(connection, reply)),
            Err(error) => {
                let _ = reply.send(Err(undialled(&error)));
            }
        }
    }

    /// Dials a provider for somebody who waits for it; its addresses are in the running walk or in the record store.
    pub(super) fn want(&mut self, key: &RecordKey, peer: PeerId, found: mpsc::Sender<PeerId>) {
        if peer == self.shared.local || !self.dials.has_room_for(&peer) {
            return;
        }
        if self.shared.members().has(&peer) {
            // The receiver takes as many as a walk may give; who reads none of them is not waited for.
            let _ = found.try_send(peer);
            return;
        }
        let stored = self.swarm.behaviour_mut().kad.store_mut().providers(key);
        let addresses = stored.into_iter().find(|record| record.provider == peer).map(|record| record.addresses);
        let dial = DialOpts::peer_id(peer).addresses(addresses.unwrap_or_default());
        let dialled = self.swarm.dial(dial.extend_addresses_through_behaviour().build());
        // A peer that is connected or being dialled already is wanted all the same: it will say who it is.
        if matches!(dialled, Ok(()) | Err(DialError::DialPeerConditionFalse(_))) {
            self.dials.wanted.entry(peer).or_default().push(found);
        }
    }
}

/// Why nobody was reached at an address.
pub(super) fn undialled(error: &DialError) -> Fault {
    match error {
        DialError::LocalPeerId { .. } => Fault::invalid("address is this node's own"),
        DialError::WrongPeerId { obtained, .. } => {
            Fault::unavailable(format!("another peer answers at that address: {obtained}"))
        }
        DialError::Denied { .. } => Fault::unavailable("the peer is blocked here, or no further connection is taken"),
        DialError::Transport(errors) => {
            let reason = errors.first().map_or_else(|| "no address".to_owned(), |(_, error)| innermost(error));
            Fault::unavailable(format!("nobody answers at that address: {reason}"))
        }
        other => Fault::unavailable(format!("the peer could not be dialled: {other}").to_lowercase()),
    }
}

/// The last of a chain of causes; the ones before it only say that something failed.
pub(super) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string().to_lowercase()
}

#[cfg(test)]
mod tests {
    use std::io;

    use libp2p::core::transport::TransportError;

    use super::*;
    use crate::model::FaultKind;

    #[test]
    fn a_failed_dial_says_what_was_at_the_bottom_of_it() {
        let address: Multiaddr = "/ip4/127.0.0.1/tcp/1".parse().unwrap();
        let own = undialled(&DialError::LocalPeerId { address: address.clone() });
        assert_eq!(own.kind, FaultKind::InvalidRequest);
        let other = PeerId::random();
        let wrong = undialled(&DialError::WrongPeerId { obtained: other, address: address.clone() });
        assert!(wrong.kind == FaultKind::Unavailable && wrong.message.contains(&other.to_string()), "{wrong}");
        let cause = io::Error::other(io::Error::from(io::ErrorKind::ConnectionRefused));
        let refused = undialled(&DialError::Transport(vec![(address, TransportError::Other(cause))]));
        assert_eq!(refused.message, "nobody answers at that address: connection refused");
    }

    #[test]
    fn providers_are_dialled_within_a_bound_and_forgotten_with_who_wanted_them() {
        let mut dials = Dials::default();
        let (stays, receiver) = mpsc::channel(1);
        let known = PeerId::random();
        dials.wanted.insert(known, vec![stays]);
        for _ in 1..MAX_WANTED {
            dials.wanted.insert(PeerId::random(), vec![mpsc::channel(1).0]);
        }
        assert!(!dials.has_room_for(&PeerId::random()) && dials.has_room_for(&known));
        dials.forget_unwanted();
        assert_eq!(dials.wanted.keys().collect::<Vec<_>>(), [&known]);
        drop(receiver);
        dials.forget_unwanted();
        assert!(dials.wanted.is_empty());
    }
}
