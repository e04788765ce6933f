//! The one task that owns the swarm. Everybody else sends it commands and reads what it shares.
//!
//! It never waits for anything but the swarm, a command or the next tick: whatever takes time runs in a task of its
//! own, and an answer is sent when the event that it waits for comes.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{FutureExt, StreamExt};
use libp2p::{
    Multiaddr, PeerId, Swarm,
    core::transport::ListenerId,
    kad::{ProviderRecord, QueryId, RecordKey, store::RecordStore},
    swarm::SwarmEvent,
};
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval, timeout},
};

use super::{
    announce::Announcements,
    bootstrap::Bootstrap,
    config::NativeError,
    dialling::{Dials, innermost},
    links::Links,
    records_file::Snapshot,
    shared::{Command, Shared},
    streams::Open,
    swarm::Behaviour,
    upkeep::{TICK, write_records},
};
use crate::model::{Fault, Outcome};

/// Walks for providers that run at the same time.
const MAX_WALKS: usize = 128;
/// How long a listener may take to come up.
const LISTEN: Duration = Duration::from_secs(10);
/// How long connections may take to close when the node stops.
const FAREWELL: Duration = Duration::from_secs(2);

/// The task's state.
pub(super) struct EventLoop {
    pub(super) swarm: Swarm<Behaviour>,
    pub(super) shared: Arc<Shared>,
    pub(super) bootstrap: Bootstrap,
    pub(super) announcements: Announcements,
    pub(super) dials: Dials,
    pub(super) links: Links,
    /// Walks for providers, and who wants to know.
    pub(super) walks: HashMap<QueryId, mpsc::Sender<PeerId>>,
    listeners: Vec<ListenerId>,
    commands: mpsc::Receiver<Command>,
    pub(super) records_path: PathBuf,
    pub(super) ticks: u32,
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
            dials: Dials::default(),
            links: Links::default(),
            walks: HashMap::new(),
            listeners: Vec::new(),
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

    /// Closes the listeners and the connections, and keeps what others stored here.
    async fn leave(mut self) {
        let snapshot = Snapshot::of(self.swarm.behaviour_mut().kad.store_mut());
        let path = std::mem::take(&mut self.records_path);
        let written = tokio::task::spawn_blocking(move || write_records(&snapshot, &path));
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
