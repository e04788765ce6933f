//! The one task that owns the swarm. Everybody else sends it commands and reads what it shares.
//!
//! It never waits for anything but the swarm, a command or the next tick: whatever takes time runs in a task of its
//! own, and an answer is sent when the event that it waits for comes.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use futures::{FutureExt, StreamExt};
use libp2p::{
    Multiaddr, PeerId, Swarm,
    core::transport::ListenerId,
    kad::{ProviderRecord, QueryId, RecordKey, store::RecordStore},
    swarm::{ConnectionId, DialError, SwarmEvent, dial_opts::DialOpts},
};
use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    time::{MissedTickBehavior, interval, timeout},
};

use super::{
    announce::Announcements,
    bootstrap::{Bootstrap, peer_of},
    config::NativeError,
    records_file::{self, Snapshot},
    serve,
    shared::{Command, Shared},
    streams::{Inbound, Open},
    swarm::Behaviour,
};
use crate::model::{Fault, Outcome};

/// How often the loop looks at what is due.
const TICK: Duration = Duration::from_millis(100);
/// Ticks between two looks at the record store: expiry, and writing behind.
const TICKS_A_SWEEP: u32 = 600;
/// Streams of peers that are served at the same time; further ones are reset.
const MAX_STREAMS_IN: usize = 1024;
/// Streams of one peer that are served at the same time; further ones are reset.
const MAX_STREAMS_IN_A_PEER: usize = 128;
/// Peers that are dialled for others' sake at the same time.
const MAX_WANTED: usize = 256;
/// Walks for providers that run at the same time.
const MAX_WALKS: usize = 128;
/// Searches that one peer may have worked on at the same time; further ones wait, so that others get their turn.
const MAX_SEARCHES_A_PEER: usize = 16;
/// How long a listener may take to come up.
const LISTEN: Duration = Duration::from_secs(10);
/// How long connections may take to close when the node stops.
const FAREWELL: Duration = Duration::from_secs(2);

/// Answered once the peer at an address has said who it is.
pub(super) type Dialler = oneshot::Sender<Outcome<PeerId>>;

/// The task's state.
pub(super) struct EventLoop {
    pub(super) swarm: Swarm<Behaviour>,
    pub(super) shared: Arc<Shared>,
    pub(super) bootstrap: Bootstrap,
    pub(super) announcements: Announcements,
    /// Dials under way that somebody waits for.
    pub(super) dials: HashMap<ConnectionId, Dialler>,
    /// Peers that are connected but have not said who they are.
    pub(super) joining: HashMap<PeerId, Vec<Dialler>>,
    /// Walks for providers, and who wants to know.
    pub(super) walks: HashMap<QueryId, mpsc::Sender<PeerId>>,
    /// Providers being dialled, and who wants to know once they are connected.
    pub(super) wanted: HashMap<PeerId, Vec<mpsc::Sender<PeerId>>>,
    /// What is known of each connected peer, whether it has said who it is or not.
    pub(super) links: HashMap<PeerId, Link>,
    listeners: Vec<ListenerId>,
    all_slots: Arc<Semaphore>,
    commands: mpsc::Receiver<Command>,
    records_path: PathBuf,
    ticks: u32,
}

/// What the connection to a peer allows.
pub(super) struct Link {
    /// Permits for the streams that the peer may open here.
    slots: Arc<Semaphore>,
    /// Permits for the searches that are worked on for it.
    searches: Arc<Semaphore>,
    /// The peer was reached over loopback, so its loopback addresses mean the same machine.
    pub same_machine: bool,
}

impl EventLoop {
    pub fn new(
        swarm: Swarm<Behaviour>,
        shared: Arc<Shared>,
        bootstrap: Vec<Multiaddr>,
        commands: mpsc::Receiver<Command>,
        records_path: PathBuf,
    ) -> Self {
        let local = shared.local;
        Self {
            swarm,
            shared,
            bootstrap: Bootstrap::new(bootstrap, local, Instant::now()),
            announcements: Announcements::default(),
            dials: HashMap::new(),
            joining: HashMap::new(),
            walks: HashMap::new(),
            wanted: HashMap::new(),
            links: HashMap::new(),
            listeners: Vec::new(),
            all_slots: Arc::new(Semaphore::new(MAX_STREAMS_IN)),
            commands,
            records_path,
            ticks: 0,
        }
    }

    /// Runs until a handle asks it to stop, or none is left.
    pub async fn run(mut self) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let shared = self.shared.clone();
        let stopped = loop {
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_event(event),
                command = self.commands.recv() => match command {
                    Some(Command::Stop { reply }) => break Some(reply),
                    Some(command) => self.on_command(command),
                    None => break None,
                },
                _ = ticks.tick() => self.on_tick(),
                () = shared.unused.cancelled() => break None,
            }
        };
        self.leave().await;
        if let Some(reply) = stopped {
            let _ = reply.send(());
        }
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Open { peer, protocol, reply } => {
                self.swarm.behaviour_mut().streams.open(peer, Open { protocol, reply });
            }
            Command::Dial { address, reply } => self.dial_for(address, reply),
            Command::Disconnect { peer, reply } => {
                let _ = reply.send(self.swarm.disconnect_peer_id(peer).is_ok());
            }
            Command::Block { peer, blocked, reply } => {
                let list = &mut self.swarm.behaviour_mut().blocked;
                if blocked {
                    list.block_peer(peer)
                } else {
                    list.unblock_peer(peer)
                };
                self.shared.members_mut().block(peer, blocked);
                let _ = reply.send(());
            }
            Command::Publish { keys, reply } => {
                let _ = reply.send(self.publish(keys));
            }
            Command::Withdraw { key, reply } => {
                self.swarm.behaviour_mut().kad.stop_providing(&key);
                let _ = reply.send(());
            }
            Command::Providers { key, found } => {
                // Without a walk the channel closes at once: the connected peers are asked all the same.
                if self.walks.len() < MAX_WALKS {
                    let query = self.swarm.behaviour_mut().kad.get_providers(key);
                    self.walks.insert(query, found);
                }
            }
            Command::Stop { .. } => unreachable!("the loop itself takes this command"),
        }
    }

    fn publish(&mut self, keys: Vec<RecordKey>) -> Outcome<()> {
        for key in keys {
            let record = ProviderRecord::new(key.clone(), self.shared.local, Vec::new());
            // What is known here is told to whoever asks here, before the announcement's turn comes.
            let stored = self.swarm.behaviour_mut().kad.store_mut().add_provider(record);
            stored.map_err(|error| {
                Fault::unavailable(format!("overlay {} can announce no more contents: {error}", self.shared.name))
            })?;
            self.announcements.add(key);
        }
        Ok(())
    }

    fn dial_for(&mut self, address: Multiaddr, reply: Dialler) {
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
            Ok(()) => drop(self.dials.insert(connection, reply)),
            Err(error) => {
                let _ = reply.send(Err(undialled(&error)));
            }
        }
    }

    /// Dials a provider for somebody who waits for it; its addresses are in the running walk or in the record store.
    pub(super) fn want(&mut self, key: &RecordKey, peer: PeerId, found: mpsc::Sender<PeerId>) {
        if peer == self.shared.local || (self.wanted.len() >= MAX_WANTED && !self.wanted.contains_key(&peer)) {
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
            self.wanted.entry(peer).or_default().push(found);
        }
    }

    /// Serves a stream that a peer opened, unless too many are being served.
    pub(super) fn on_inbound(&mut self, inbound: Inbound) {
        let Some(link) = self.links.get(&inbound.peer) else { return };
        let permits = (link.slots.clone().try_acquire_owned(), self.all_slots.clone().try_acquire_owned());
        let (Ok(slot), Ok(place)) = permits else {
            tracing::debug!(peer = %inbound.peer, "too many streams at once, one was reset");
            return;
        };
        let (shared, searches) = (self.shared.clone(), link.searches.clone());
        tokio::spawn(async move {
            serve::stream(shared, inbound, searches).await;
            drop((slot, place));
        });
    }

    /// A connection to a peer was set up: it may open streams from now on.
    pub(super) fn admit(&mut self, peer: PeerId, same_machine: bool) {
        let link = || Link {
            slots: Arc::new(Semaphore::new(MAX_STREAMS_IN_A_PEER)),
            searches: Arc::new(Semaphore::new(MAX_SEARCHES_A_PEER)),
            same_machine,
        };
        self.links.entry(peer).or_insert_with(link).same_machine |= same_machine;
    }

    /// Begins to listen, and waits until every listener has at least one address.
    pub async fn listen(&mut self, addresses: &[Multiaddr]) -> Result<(), NativeError> {
        for address in addresses {
            let overlay = self.shared.name.clone();
            let fail =
                |reason: String| NativeError::Listen { overlay: overlay.clone(), address: address.to_string(), reason };
            let listener = self.swarm.listen_on(address.clone()).map_err(|error| fail(innermost(&error)))?;
            match timeout(LISTEN, self.listening(listener)).await {
                Ok(Ok(())) => self.listeners.push(listener),
                Ok(Err(reason)) => return Err(fail(reason)),
                Err(_) => return Err(fail(format!("no address in {LISTEN:?}"))),
            }
        }
        // A wildcard address becomes one for each interface, and they are known at once.
        while let Some(Some(event)) = self.swarm.next().now_or_never() {
            self.on_event(event);
        }
        self.share_addresses();
        Ok(())
    }

    async fn listening(&mut self, listener: ListenerId) -> Result<(), String> {
        loop {
            match self.swarm.select_next_some().await {
                SwarmEvent::NewListenAddr { listener_id, .. } if listener_id == listener => return Ok(()),
                SwarmEvent::ListenerClosed { listener_id, reason, .. } if listener_id == listener => {
                    let closed = || "the listener was closed".to_owned();
                    return Err(reason.err().map_or_else(closed, |error| innermost(&error)));
                }
                event => self.on_event(event),
            }
        }
    }

    fn on_tick(&mut self) {
        for (at, address) in self.bootstrap.due(Instant::now()) {
            let dial = DialOpts::unknown_peer_id().address(address).build();
            let connection = dial.connection_id();
            self.bootstrap.dialling(at, connection);
            if self.swarm.dial(dial).is_err() {
                self.bootstrap.failed(connection, Instant::now());
            }
        }
        for key in self.announcements.next() {
            let kad = &mut self.swarm.behaviour_mut().kad;
            // Withdrawn while it waited for its turn.
            if !kad.store_mut().is_own(&key) {
                continue;
            }
            if let Ok(query) = kad.start_providing(key) {
                self.announcements.started(query);
            }
        }
        let kad = &mut self.swarm.behaviour_mut().kad;
        self.walks.retain(|query, found| {
            if found.is_closed()
                && let Some(mut walk) = kad.query_mut(query)
            {
                walk.finish();
            }
            !found.is_closed()
        });
        self.ticks += 1;
        if self.ticks.is_multiple_of(TICKS_A_SWEEP) {
            self.sweep();
        }
    }

    fn sweep(&mut self) {
        let records = self.swarm.behaviour_mut().kad.store_mut();
        records.expire(Instant::now());
        self.shared.kept.store(records.count() as u64, Relaxed);
        if records.take_changed() {
            let (snapshot, path) = (Snapshot::of(records), self.records_path.clone());
            tokio::task::spawn_blocking(move || write(&snapshot, &path));
        }
        self.wanted.retain(|_, waiting| {
            waiting.retain(|found| !found.is_closed());
            !waiting.is_empty()
        });
    }

    /// Closes the listeners and the connections, and keeps what others stored here.
    async fn leave(mut self) {
        let snapshot = Snapshot::of(self.swarm.behaviour_mut().kad.store_mut());
        let path = std::mem::take(&mut self.records_path);
        let written = tokio::task::spawn_blocking(move || write(&snapshot, &path));
        let peers: Vec<_> = self.swarm.connected_peers().copied().collect();
        for peer in peers {
            let _ = self.swarm.disconnect_peer_id(peer);
        }
        for listener in std::mem::take(&mut self.listeners) {
            self.swarm.remove_listener(listener);
        }
        let closing = async {
            while self.swarm.connected_peers().next().is_some() {
                self.swarm.select_next_some().await;
            }
        };
        let _ = timeout(FAREWELL, closing).await;
        let _ = written.await;
    }
}

/// Writes what others stored here; a failure costs the network a little time after the next start, nothing more.
fn write(snapshot: &Snapshot, path: &std::path::Path) {
    if let Err(error) = snapshot.write(path) {
        tracing::warn!("provider records of others were not written to {}: {error}", path.display());
    }
}

/// Loads what others stored here before the last stop.
pub(super) fn load_records(path: &std::path::Path, records: &mut super::records::Records) {
    match records_file::load(path, records) {
        Ok(count) => tracing::debug!(count, "provider records loaded"),
        Err(error) => tracing::warn!("provider records in {} are of no use: {error}", path.display()),
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
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string().to_lowercase()
}
