//! What the event loop, the handle and the serving tasks have in common: the command channel, the peers, the counters.

use std::{
    collections::VecDeque,
    fmt,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use libp2p::{Multiaddr, PeerId, StreamProtocol, kad::RecordKey};
use lru::LruCache;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, broadcast, mpsc, oneshot},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    config::{Patience, Protocols},
    peers::Members,
    streams::Reply,
    wire::Wire,
};
use crate::{
    model::{ContentId, Fault, Outcome, Peer},
    overlay::Offer,
};

/// Contents whose sources are remembered.
const MAX_KNOWN: NonZeroUsize = NonZeroUsize::new(65_536).unwrap();
/// Sources that are remembered for one content.
const MAX_SOURCES: usize = 8;
/// Peers remembered for bad bytes, one content each.
const MAX_LIARS: NonZeroUsize = NonZeroUsize::new(4096).unwrap();
/// Contents that are sent to peers at the same time; each takes a thread while it is read.
const MAX_BODIES: usize = 64;
/// Searches of peers that are answered at the same time.
const MAX_SEARCHES: usize = 64;

/// Peers that came or went and that a slow listener was not told of yet; the oldest are lost to it.
const MAX_CHANGES: usize = 256;

/// What is asked of the event loop.
pub(super) enum Command {
    Open {
        peer: PeerId,
        protocol: StreamProtocol,
        reply: Reply,
    },
    Dial {
        address: Multiaddr,
        reply: oneshot::Sender<Outcome<PeerId>>,
    },
    Disconnect {
        peer: PeerId,
        reply: oneshot::Sender<bool>,
    },
    Block {
        peer: PeerId,
        blocked: bool,
        reply: oneshot::Sender<()>,
    },
    Publish {
        keys: Vec<RecordKey>,
        reply: oneshot::Sender<Outcome<()>>,
    },
    Withdraw {
        key: RecordKey,
        reply: oneshot::Sender<()>,
    },
    /// Providers by the DHT, each once it is connected; the channel closes when the walk has ended.
    Providers {
        key: RecordKey,
        found: mpsc::Sender<PeerId>,
    },
    Stop {
        reply: oneshot::Sender<()>,
    },
}

/// The part that all tasks of one overlay share.
pub(super) struct Shared {
    pub name: String,
    /// What names the overlay on every node.
    pub id: String,
    pub local: PeerId,
    pub protocols: Protocols,
    pub patience: Patience,
    pub offer: Arc<dyn Offer>,
    pub bytes_in: AtomicU64,
    pub bytes_out: AtomicU64,
    /// Times that a peer sent bytes which do not belong to the content asked for.
    pub lies: AtomicU64,
    /// Provider records that are kept for others.
    pub kept: AtomicU64,
    pub stopped: AtomicBool,
    /// Cancelled when the last handle is dropped.
    pub unused: CancellationToken,
    pub bodies: Semaphore,
    pub searches: Semaphore,
    /// Peers as they join and leave.
    pub peer_changes: broadcast::Sender<Peer>,
    commands: mpsc::Sender<Command>,
    members: RwLock<Members>,
    addresses: RwLock<Vec<String>>,
    known: Mutex<LruCache<ContentId, VecDeque<PeerId>>>,
    liars: Mutex<LruCache<(PeerId, ContentId), ()>>,
}

/// A stream to a peer, and the permit that bounds how many there are.
pub(super) struct Conversation {
    pub wire: Wire,
    _permit: OwnedSemaphorePermit,
}

/// Why a peer could not be asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreachable {
    #[error("peer {0} is not connected")]
    NotConnected(PeerId),
    #[error("peer {0} did not open a stream: {1}")]
    Refused(PeerId, String),
    #[error("peer {0} did not open a stream in {1:?}")]
    Slow(PeerId, Duration),
}

impl Shared {
    pub fn new(
        (name, id): (String, String),
        local: PeerId,
        protocols: Protocols,
        patience: Patience,
        offer: Arc<dyn Offer>,
        commands: mpsc::Sender<Command>,
    ) -> Self {
        Self {
            name,
            id,
            local,
            protocols,
            patience,
            offer,
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            lies: AtomicU64::new(0),
            kept: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            unused: CancellationToken::new(),
            bodies: Semaphore::new(MAX_BODIES),
            searches: Semaphore::new(MAX_SEARCHES),
            peer_changes: broadcast::Sender::new(MAX_CHANGES),
            commands,
            members: RwLock::default(),
            addresses: RwLock::default(),
            known: Mutex::new(LruCache::new(MAX_KNOWN)),
            liars: Mutex::new(LruCache::new(MAX_LIARS)),
        }
    }

    /// Hands a command to the event loop.
    ///
    /// # Errors
    /// Unavailable when the overlay has stopped.
    pub async fn command(&self, command: Command) -> Outcome<()> {
        self.commands.send(command).await.map_err(|_| self.has_stopped())
    }

    /// Hands a command to the event loop and waits for its answer.
    pub async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Outcome<T> {
        let (reply, answer) = oneshot::channel();
        self.command(command(reply)).await?;
        answer.await.map_err(|_| self.has_stopped())
    }

    fn has_stopped(&self) -> Fault {
        Fault::unavailable(format!("overlay {} has stopped", self.name))
    }

    /// Opens a stream to a connected peer.
    pub async fn open(&self, peer: PeerId, protocol: &StreamProtocol) -> Result<Conversation, Unreachable> {
        let patience = self.patience.probe;
        let opened = timeout(patience, self.open_in_time(peer, protocol)).await;
        opened.unwrap_or(Err(Unreachable::Slow(peer, patience)))
    }

    async fn open_in_time(&self, peer: PeerId, protocol: &StreamProtocol) -> Result<Conversation, Unreachable> {
        let gone = || Unreachable::NotConnected(peer);
        let streams = self.members().streams_to(&peer).ok_or_else(gone)?;
        let _permit = streams.acquire_owned().await.map_err(|_| gone())?;
        let (reply, answer) = oneshot::channel();
        let command = Command::Open { peer, protocol: protocol.clone(), reply };
        self.commands.send(command).await.map_err(|_| gone())?;
        let stream = answer.await.map_err(|_| gone())?.map_err(|reason| Unreachable::Refused(peer, reason))?;
        Ok(Conversation { wire: Wire::new(stream), _permit })
    }

    pub fn members(&self) -> RwLockReadGuard<'_, Members> {
        self.members.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn members_mut(&self) -> RwLockWriteGuard<'_, Members> {
        self.members.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn addresses(&self) -> Vec<String> {
        self.addresses.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set_addresses(&self, addresses: Vec<String>) {
        *self.addresses.write().unwrap_or_else(PoisonError::into_inner) = addresses;
    }

    /// Remembers that a peer has a content, so that it is asked first.
    pub fn learn_source(&self, id: &ContentId, peer: PeerId) {
        let mut known = lock(&self.known);
        let sources = known.get_or_insert_mut_ref(id, VecDeque::new);
        if sources.front() == Some(&peer) {
            return;
        }
        sources.retain(|source| *source != peer);
        sources.push_front(peer);
        sources.truncate(MAX_SOURCES);
    }

    /// Forgets that a peer had a content.
    pub fn forget_source(&self, id: &ContentId, peer: &PeerId) {
        if let Some(sources) = lock(&self.known).get_mut(id) {
            sources.retain(|source| source != peer);
        }
    }

    /// Peers that had the content when they were asked last, latest first.
    pub fn known_sources(&self, id: &ContentId) -> Vec<PeerId> {
        lock(&self.known).get(id).map(|sources| sources.iter().copied().collect()).unwrap_or_default()
    }

    /// Remembers that a peer sent bytes that do not belong to the content, so that it is not asked for it again.
    pub fn distrust(&self, peer: PeerId, id: &ContentId) {
        lock(&self.liars).put((peer, id.clone()), ());
        self.forget_source(id, &peer);
        self.lies.fetch_add(1, Relaxed);
    }

    /// Whether a peer has sent bad bytes for this content before.
    pub fn is_distrusted(&self, peer: &PeerId, id: &ContentId) -> bool {
        lock(&self.liars).contains(&(*peer, id.clone()))
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "overlay {} as {}", self.name, self.local)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
