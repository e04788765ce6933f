//! The peers that an overlay stays connected to: dialled at once, and again for as long as they are away.
//!
//! The pause grows with the time that a peer has been away, so that one which starts a second later is found a moment
//! after it is up, and one which has gone for good costs a dial every half a minute.

use std::time::{Duration, Instant};

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol, swarm::ConnectionId};

/// Shortest pause between two attempts.
const SHORTEST: Duration = Duration::from_millis(250);
/// Longest pause between two attempts.
const LONGEST: Duration = Duration::from_secs(30);

/// The addresses of the configuration and where each stands.
pub(super) struct Bootstrap {
    entries: Vec<Entry>,
}

struct Entry {
    address: Multiaddr,
    /// Known from the address, or once it was reached.
    peer: Option<PeerId>,
    state: State,
}

enum State {
    Away { since: Instant, next: Instant },
    Dialling { since: Instant, connection: ConnectionId },
    Connected,
}

impl Bootstrap {
    /// All of them away, and due. One list may serve all nodes, so this node's own address is passed over.
    pub fn new(addresses: Vec<Multiaddr>, local: PeerId, now: Instant) -> Self {
        let entry = |address: Multiaddr| {
            let peer = peer_of(&address);
            Entry { address, peer, state: State::Away { since: now, next: now } }
        };
        let others = addresses.into_iter().filter(|address| peer_of(address) != Some(local));
        Self { entries: others.map(entry).collect() }
    }

    /// The addresses that it is time to dial, with their places for [`Bootstrap::dialling`].
    pub fn due(&self, now: Instant) -> Vec<(usize, Multiaddr)> {
        let is_due = |entry: &Entry| matches!(entry.state, State::Away { next, .. } if next <= now);
        let all = self.entries.iter().enumerate();
        all.filter(|(_, entry)| is_due(entry)).map(|(at, entry)| (at, entry.address.clone())).collect()
    }

    /// The address at this place is being dialled over this connection.
    pub fn dialling(&mut self, at: usize, connection: ConnectionId) {
        if let Some(entry) = self.entries.get_mut(at)
            && let State::Away { since, .. } = entry.state
        {
            entry.state = State::Dialling { since, connection };
        }
    }

    /// A peer is connected, whoever dialled.
    pub fn connected(&mut self, peer: PeerId, connection: ConnectionId) {
        for entry in &mut self.entries {
            let dialled = matches!(entry.state, State::Dialling { connection: ours, .. } if ours == connection);
            if dialled || entry.peer == Some(peer) {
                entry.peer = Some(peer);
                entry.state = State::Connected;
            }
        }
    }

    /// A dial did not succeed.
    pub fn failed(&mut self, connection: ConnectionId, now: Instant) {
        for entry in &mut self.entries {
            if let State::Dialling { since, connection: ours } = entry.state
                && ours == connection
            {
                entry.state = State::Away { since, next: now + pause(now - since) };
            }
        }
    }

    /// A peer turned out to be of another network: it may change, but there is no hurry.
    pub fn refused(&mut self, peer: PeerId, now: Instant) {
        for entry in self.entries.iter_mut().filter(|entry| entry.peer == Some(peer)) {
            entry.state = State::Away { since: now, next: now + LONGEST };
        }
    }

    /// The last connection to a peer has ended.
    pub fn gone(&mut self, peer: PeerId, now: Instant) {
        for entry in &mut self.entries {
            if entry.peer == Some(peer) && matches!(entry.state, State::Connected) {
                entry.state = State::Away { since: now, next: now + SHORTEST };
            }
        }
    }
}

fn pause(away: Duration) -> Duration {
    (away / 10).clamp(SHORTEST, LONGEST)
}

/// The peer that an address names at its end.
pub(super) fn peer_of(address: &Multiaddr) -> Option<PeerId> {
    match address.iter().last() {
        Some(Protocol::P2p(peer)) => Some(peer),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_grows_with_the_time_a_peer_is_away_and_starts_anew_when_it_was_here() {
        let start = Instant::now();
        let mut bootstrap = Bootstrap::new(vec!["/ip4/127.0.0.1/tcp/1".parse().unwrap()], PeerId::random(), start);
        let mut now = start;
        let mut attempts = 0;
        while now < start + Duration::from_secs(60) {
            for (at, _) in bootstrap.due(now) {
                let connection = ConnectionId::new_unchecked(attempts);
                bootstrap.dialling(at, connection);
                assert!(bootstrap.due(now).is_empty(), "not dialled twice at once");
                bootstrap.failed(connection, now);
                attempts += 1;
            }
            now += Duration::from_millis(50);
        }
        assert!((20..60).contains(&attempts), "{attempts}");

        let (peer, connection) = (PeerId::random(), ConnectionId::new_unchecked(1000));
        now += LONGEST;
        bootstrap.dialling(bootstrap.due(now)[0].0, connection);
        bootstrap.connected(peer, connection);
        assert!(bootstrap.due(now + LONGEST).is_empty());
        bootstrap.gone(peer, now);
        assert_eq!(bootstrap.due(now + SHORTEST).len(), 1);
        bootstrap.refused(peer, now);
        bootstrap.gone(peer, now);
        assert!(bootstrap.due(now + SHORTEST).is_empty() && bootstrap.due(now + LONGEST).len() == 1);
    }
}
