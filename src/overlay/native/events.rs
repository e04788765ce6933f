//! What the event loop does with each event of the swarm.

use std::{sync::atomic::Ordering::Relaxed, time::Instant};

use libp2p::{
    Multiaddr, PeerId, identify, kad, mdns,
    multiaddr::Protocol,
    ping,
    swarm::{ConnectionId, DialError, SwarmEvent, dial_opts::DialOpts},
};
use tokio::sync::mpsc;

use super::{
    bootstrap::peer_of,
    dialling::undialled,
    event_loop::EventLoop,
    peers::Member,
    swarm::{BehaviourEvent, GATEWAY},
};
use crate::{
    model::{Fault, Outcome, Peer},
    overlay::stranger::harmless,
};

/// Addresses of one peer that are looked at.
const MAX_ADDRESSES: usize = 16;
/// Longest agent that is kept, in bytes.
const MAX_AGENT: usize = 128;
/// Peers in the routing table up to which a newcomer is told of everything: each of them holds each record.
const SMALL_NETWORK: usize = 20;
/// Connected peers beyond which those that mDNS finds are not dialled.
const MAX_FROM_MDNS: usize = 128;

impl EventLoop {
    pub(super) fn on_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour(event),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.links.admit(peer_id, is_loopback(endpoint.get_remote_address()));
                self.on_connected(peer_id, connection_id);
            }
            SwarmEvent::ConnectionClosed { peer_id, num_established: 0, .. } => self.on_gone(peer_id),
            SwarmEvent::OutgoingConnectionError { connection_id, peer_id, error } => {
                self.on_dial_failed(connection_id, peer_id, &error);
            }
            SwarmEvent::NewListenAddr { .. } | SwarmEvent::ExpiredListenAddr { .. } => self.share_addresses(),
            SwarmEvent::ListenerClosed { reason, .. } => {
                tracing::warn!(overlay = self.shared.name, ?reason, "a listener has closed");
                self.share_addresses();
            }
            SwarmEvent::ListenerError { error, .. } => tracing::warn!(overlay = self.shared.name, "listener: {error}"),
            _ => {}
        }
    }

    fn on_behaviour(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Identify(identify::Event::Received { peer_id, info, .. }) => {
                self.on_identified(peer_id, info);
            }
            BehaviourEvent::Ping(ping::Event { peer, result: Ok(time), .. }) => {
                self.shared.members_mut().measured(&peer, time);
            }
            BehaviourEvent::Kad(kad::Event::OutboundQueryProgressed { id, result, step, .. }) => {
                self.on_walk(id, result, step.last);
            }
            BehaviourEvent::Kad(kad::Event::InboundRequest { request: kad::InboundRequest::AddProvider { .. } }) => {
                let kept = self.swarm.behaviour_mut().kad.store_mut().count();
                self.shared.kept.store(kept as u64, Relaxed);
            }
            BehaviourEvent::Mdns(mdns::Event::Discovered(found)) => self.on_found_nearby(found),
            BehaviourEvent::Streams(inbound) => self.on_inbound(inbound),
            _ => {}
        }
    }

    fn on_connected(&mut self, peer: PeerId, connection: ConnectionId) {
        self.bootstrap.connected(peer, connection);
        let Some(reply) = self.dials.named.remove(&connection) else { return };
        if self.shared.members().has(&peer) {
            let _ = reply.send(Ok(peer));
        } else {
            let waiting = self.dials.joining.entry(peer).or_default();
            // Who gave up waiting leaves room for the next.
            waiting.retain(|reply| !reply.is_closed());
            waiting.push(reply);
        }
    }

    fn on_gone(&mut self, peer: PeerId) {
        self.bootstrap.gone(peer, Instant::now());
        self.links.remove(&peer);
        self.dials.wanted.remove(&peer);
        let left = self.shared.members().record(&peer, &self.shared.name);
        if self.shared.members_mut().leave(&peer) {
            tracing::info!(overlay = self.shared.name, %peer, "peer left");
            self.tell(left.map(|peer| Peer { connected: false, since: None, ..peer }));
        }
        let lost = format!("peer {peer} closed the connection before it said what it speaks");
        self.answer_joining(peer, &Err(Fault::unavailable(lost)));
    }

    fn on_dial_failed(&mut self, connection: ConnectionId, peer: Option<PeerId>, error: &DialError) {
        self.bootstrap.failed(connection, Instant::now());
        if let Some(reply) = self.dials.named.remove(&connection) {
            let _ = reply.send(Err(undialled(error)));
        }
        if let Some(peer) = peer.filter(|peer| !self.swarm.is_connected(peer)) {
            self.dials.wanted.remove(&peer);
        }
    }

    fn answer_joining(&mut self, peer: PeerId, answer: &Outcome<PeerId>) {
        for reply in self.dials.joining.remove(&peer).into_iter().flatten() {
            let _ = reply.send(answer.clone());
        }
    }

    fn on_identified(&mut self, peer: PeerId, info: identify::Info) {
        if info.protocol_version != self.shared.protocols.overlay {
            let spoken = harmless(&info.protocol_version, MAX_AGENT);
            tracing::debug!(overlay = self.shared.name, %peer, spoken, "peer of another network");
            let other = format!("peer {peer} speaks {spoken:?} and is no peer of overlay {}", self.shared.name);
            self.answer_joining(peer, &Err(Fault::unavailable(other)));
            self.bootstrap.refused(peer, Instant::now());
            let _ = self.swarm.disconnect_peer_id(peer);
            return;
        }
        let addresses = self.reachable(peer, info.listen_addrs);
        for address in &addresses {
            self.swarm.behaviour_mut().kad.add_address(&peer, address.clone());
        }
        let agent = harmless(&info.agent_version, MAX_AGENT);
        let gateway = agent.ends_with(GATEWAY);
        let texts = addresses.iter().map(|address| with_peer(address, peer)).collect();
        let is_new = !self.shared.members().has(&peer);
        self.shared.members_mut().join(peer, Member::new(agent, gateway, texts));
        if is_new {
            self.on_joined(peer);
        }
    }

    fn on_joined(&mut self, peer: PeerId) {
        tracing::info!(overlay = self.shared.name, %peer, "peer joined");
        self.tell(self.shared.members().record(&peer, &self.shared.name));
        self.answer_joining(peer, &Ok(peer));
        for found in self.dials.wanted.remove(&peer).into_iter().flatten() {
            let _ = found.try_send(peer);
        }
        let kad = &mut self.swarm.behaviour_mut().kad;
        let known: usize = kad.kbuckets().map(|bucket| bucket.num_entries()).sum();
        if known <= SMALL_NETWORK {
            self.announcements.again(kad.store_mut().own());
        }
    }

    /// Tells who listens of a peer that came or went.
    fn tell(&self, peer: Option<Peer>) {
        if let Some(peer) = peer {
            // Without listeners there is nobody to tell.
            let _ = self.shared.peer_changes.send(peer);
        }
    }

    /// The addresses of a peer that may be worth a dial: loopback ones are another machine's own, unless the peer is
    /// connected over loopback.
    fn reachable(&self, peer: PeerId, addresses: Vec<Multiaddr>) -> Vec<Multiaddr> {
        let same_machine = self.links.is_same_machine(&peer);
        let useful = |address: &Multiaddr| same_machine || !is_loopback(address);
        let bare = |mut address: Multiaddr| {
            if peer_of(&address) == Some(peer) {
                address.pop();
            }
            address
        };
        addresses.into_iter().take(MAX_ADDRESSES).filter(useful).map(bare).collect()
    }

    fn on_walk(&mut self, query: kad::QueryId, result: kad::QueryResult, last: bool) {
        match result {
            kad::QueryResult::GetProviders(Ok(kad::GetProvidersOk::FoundProviders { key, providers })) => {
                let Some(found) = self.walks.get(&query).cloned() else { return };
                for provider in providers {
                    self.want(&key, provider, mpsc::Sender::clone(&found));
                }
            }
            kad::QueryResult::StartProviding(_) => self.announcements.ended(&query),
            _ => {}
        }
        if last {
            self.walks.remove(&query);
        }
    }

    fn on_found_nearby(&mut self, found: Vec<(PeerId, Multiaddr)>) {
        for (peer, address) in found {
            if self.shared.members().count() >= MAX_FROM_MDNS {
                return;
            }
            // Refused when it is connected or being dialled already, which is as well.
            let _ = self.swarm.dial(DialOpts::peer_id(peer).addresses(vec![address]).build());
        }
    }

    pub(super) fn share_addresses(&mut self) {
        let local = self.shared.local;
        let mut addresses: Vec<_> = self.swarm.listeners().map(|address| with_peer(address, local)).collect();
        addresses.sort();
        self.shared.set_addresses(addresses);
    }
}

/// The address with the peer's id at its end, as others dial it.
fn with_peer(address: &Multiaddr, peer: PeerId) -> String {
    let address = address.clone();
    address.clone().with_p2p(peer).unwrap_or(address).to_string()
}

fn is_loopback(address: &Multiaddr) -> bool {
    address.iter().any(|part| match part {
        Protocol::Ip4(ip) => ip.is_loopback(),
        Protocol::Ip6(ip) => ip.is_loopback(),
        _ => false,
    })
}
