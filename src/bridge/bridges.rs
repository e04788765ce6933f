//! All bridges of this node: those that the configuration holds and those that callers made, in this order.
//!
//! A change is written before it is answered; what was counted is written behind (`keeper.rs`).

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, Weak},
};

use tokio::{sync::Semaphore, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    cache::Cache,
    guard::Guard,
    keeper,
    labels::Known,
    live::{Bridge, Way},
    patience::Patience,
    rules::Settings,
};
use crate::{
    model::{Bridge as BridgeRecord, Fault, Outcome},
    overlay::{Overlay, Overlays},
    store::{BridgeRow, Store},
};

/// Bridges of one node.
const MAX_BRIDGES: usize = 256;
/// Queries that are being asked beyond bridges at one time.
const MAX_QUERIES: usize = 1_024;
/// Contents that are being looked for beyond bridges at one time.
const MAX_LOOKUPS: usize = 256;
/// Contents that are crossing at one time.
const MAX_PASSAGES: usize = 256;

/// What all bridges of a node have in common.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The folder that holds what was forwarded.
    pub folder: PathBuf,
    /// Bytes that the cache keeps at most; 0 keeps nothing.
    pub cache_bytes: u64,
    /// How long far sides are waited for.
    pub patience: Patience,
}

/// The bridges of this node.
pub struct Bridges {
    pub(super) store: Arc<Store>,
    pub(super) guard: Guard,
    pub(super) labels: Known,
    pub(super) cache: Arc<Cache>,
    pub(super) queries: Arc<Semaphore>,
    pub(super) lookups: Semaphore,
    pub(super) passages: Arc<Semaphore>,
    pub(super) patience: Patience,
    /// Set once they have started, since they offer what lies beyond these bridges.
    overlays: OnceLock<Weak<Overlays>>,
    all: RwLock<Vec<Arc<Bridge>>>,
    /// Held while one is made, changed or removed.
    pub(super) change: tokio::sync::Mutex<()>,
    stop: CancellationToken,
    keeper: Mutex<Option<JoinHandle<()>>>,
}

impl Bridges {
    /// The bridges of the configuration and those that were made before, with what is remembered of them. They let nothing
    /// through before [`Bridges::join`].
    ///
    /// # Errors
    /// Internal when the catalogue or the folder cannot be read.
    pub async fn restore(
        store: Arc<Store>,
        peer_id: &str,
        configured: Vec<Settings>,
        policy: Policy,
    ) -> Outcome<Arc<Self>> {
        let rows = store.bridges().await?;
        let guard = Guard::open(&policy.folder).map_err(Fault::internal)?;
        let bridges = Arc::new(Self {
            guard,
            labels: Known::default(),
            cache: Cache::open(store.clone(), policy.cache_bytes).await?,
            queries: Arc::new(Semaphore::new(MAX_QUERIES)),
            lookups: Semaphore::new(MAX_LOOKUPS),
            passages: Arc::new(Semaphore::new(MAX_PASSAGES)),
            patience: policy.patience,
            overlays: OnceLock::new(),
            all: RwLock::new(restored(peer_id, configured, rows)),
            change: tokio::sync::Mutex::default(),
            stop: CancellationToken::new(),
            keeper: Mutex::default(),
            store,
        });
        let keeper = tokio::spawn(keeper::run(Arc::downgrade(&bridges), bridges.stop.clone()));
        *bridges.keeper.lock().unwrap_or_else(PoisonError::into_inner) = Some(keeper);
        Ok(bridges)
    }

    /// Joins these overlays from now on.
    pub fn join(&self, overlays: &Arc<Overlays>) {
        // Only the first ones count; the node has no others.
        let _ = self.overlays.set(Arc::downgrade(overlays));
    }

    /// Every bridge, those of the configuration first.
    pub fn list(&self) -> Vec<BridgeRecord> {
        self.all().iter().map(|bridge| self.record(bridge)).collect()
    }

    /// Makes a bridge; when this returns it would survive a crash.
    ///
    /// # Errors
    /// NotFound for an overlay that this node does not have, InvalidRequest that names another field, Conflict when there
    /// are too many bridges.
    pub async fn create(&self, settings: Settings) -> Outcome<BridgeRecord> {
        settings.check()?;
        let overlays = self.overlays()?;
        for (field, name) in [("from", &settings.from), ("to", &settings.to)] {
            find(&overlays, name).map_err(|reason| Fault::not_found(format!("{field}: {reason}")))?;
        }
        let _turn = self.change.lock().await;
        if self.all().len() >= MAX_BRIDGES {
            return Err(Fault::conflict(format!(
                "this node has {MAX_BRIDGES} bridges, which is the limit; remove one"
            )));
        }
        let id = Uuid::new_v4().simple().to_string();
        let bridge = Arc::new(Bridge::new(id, settings, false, &BridgeRow::default()));
        self.store.save_bridges(&[bridge.row()]).await?;
        self.all.write().unwrap_or_else(PoisonError::into_inner).push(bridge.clone());
        Ok(self.record(&bridge))
    }

    /// Pauses a bridge or lets it go on, now and after a restart.
    ///
    /// # Errors
    /// NotFound for an unknown id.
    pub async fn pause(&self, id: &str, paused: bool) -> Outcome<BridgeRecord> {
        let _turn = self.change.lock().await;
        let bridge = self.named(id)?;
        self.store.save_bridges(&[BridgeRow { paused, ..bridge.row() }]).await?;
        bridge.set_paused(paused);
        Ok(self.record(&bridge))
    }

    /// Removes a bridge that a caller made, and ends what is crossing it.
    ///
    /// # Errors
    /// NotFound for an unknown id, Conflict for a bridge of the configuration.
    pub async fn remove(&self, id: &str) -> Outcome<()> {
        let _turn = self.change.lock().await;
        let bridge = self.named(id)?;
        if bridge.is_configured {
            return Err(Fault::conflict(format!(
                "bridge {id} stands in the configuration and would be back after a restart; take its [[bridge]] out of \
                 the file, or stop it with bridge.pause"
            )));
        }
        self.store.remove_bridge(id).await?;
        bridge.remove();
        self.all.write().unwrap_or_else(PoisonError::into_inner).retain(|other| other.id != id);
        Ok(())
    }

    /// Writes down what was counted and ends.
    pub async fn stop(&self) {
        self.cache.settle().await;
        self.stop.cancel();
        let keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(keeper) = keeper
            && let Err(error) = keeper.await
        {
            tracing::error!(%error, "what bridges have counted was not written down");
        }
    }

    /// The ways by which peers of an overlay find what lies elsewhere, as far as they are open.
    pub(super) fn ways_from(&self, near: &str) -> Vec<Way> {
        let open = self.all().into_iter().filter(|bridge| bridge.is_open());
        let of_near = open.flat_map(|bridge| bridge.ways().collect::<Vec<_>>()).filter(|way| way.near() == near);
        of_near.filter(|way| self.obstacle(&way.bridge).is_none()).collect()
    }

    /// Whether a bridge begins at the overlay of that name, open or not.
    pub(super) fn has_bridge_from(&self, near: &str) -> bool {
        self.all().iter().any(|bridge| bridge.ways().any(|way| way.near() == near))
    }

    /// The overlay of that name.
    pub(super) fn overlay(&self, name: &str) -> Outcome<Arc<dyn Overlay>> {
        Ok(self.overlays()?.named(name)?.clone())
    }

    pub(super) fn overlays(&self) -> Outcome<Arc<Overlays>> {
        let overlays = self.overlays.get().and_then(Weak::upgrade);
        overlays.ok_or_else(|| Fault::unavailable("the node's overlays are not up"))
    }

    pub(super) fn all(&self) -> Vec<Arc<Bridge>> {
        self.all.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn named(&self, id: &str) -> Outcome<Arc<Bridge>> {
        let found = self.all().into_iter().find(|bridge| bridge.id == id);
        found.ok_or_else(|| Fault::not_found(format!("there is no bridge {id:?}; bridge.list shows them")))
    }
}

/// The overlay of that name, or a clause that says which there are.
pub(super) fn find<'a>(overlays: &'a Overlays, name: &str) -> Result<&'a Arc<dyn Overlay>, String> {
    overlays.iter().find(|overlay| overlay.name() == name).ok_or_else(|| {
        let known: Vec<_> = overlays.iter().map(|overlay| overlay.name()).collect();
        format!("there is no overlay {name:?}; this node has {}", known.join(", "))
    })
}

fn restored(peer_id: &str, configured: Vec<Settings>, mut rows: Vec<BridgeRow>) -> Vec<Arc<Bridge>> {
    let mut all: Vec<Arc<Bridge>> = Vec::new();
    for settings in configured {
        let alike =
            all.iter().filter(|bridge| (&bridge.settings.from, &bridge.settings.to) == (&settings.from, &settings.to));
        let id = configured_id(peer_id, &settings, alike.count());
        let row = rows.iter().position(|row| row.id == id).map(|at| rows.swap_remove(at)).unwrap_or_default();
        all.push(Arc::new(Bridge::new(id, settings, true, &row)));
    }
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    for row in rows {
        // Without settings it stood in the configuration; what was counted is kept in case it comes back.
        let Some(settings) = &row.settings else { continue };
        match serde_json::from_str(settings) {
            Ok(settings) => all.push(Arc::new(Bridge::new(row.id.clone(), settings, false, &row))),
            Err(error) => tracing::warn!(bridge = row.id, %error, "the bridge is of another version and left alone"),
        }
    }
    all
}

/// The same after each restart, and another one on each node.
fn configured_id(peer_id: &str, settings: &Settings, alike: usize) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("peergate configured bridge");
    for part in [peer_id, &settings.from, &settings.to] {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    hasher.update(&(alike as u64).to_le_bytes());
    hasher.finalize().to_hex()[..32].to_owned()
}
