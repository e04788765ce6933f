//! All bridges of this node: those that the configuration holds and those that callers made, in this order.
//!
//! Whether a bridge can work is looked at anew with each question, since what it needs comes and goes: a far gateway's id
//! is known only once it was reached, and a bridge that another one was in the way of is free once that is removed.

use std::{
    path::Path,
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
    rules::Settings,
};
use crate::{
    model::{Bridge as BridgeRecord, BridgeState, Fault, Outcome},
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

/// The bridges of this node.
pub struct Bridges {
    pub(super) store: Arc<Store>,
    pub(super) guard: Guard,
    pub(super) labels: Known,
    pub(super) cache: Arc<Cache>,
    pub(super) queries: Arc<Semaphore>,
    pub(super) lookups: Semaphore,
    pub(super) passages: Arc<Semaphore>,
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
    /// through before [`Bridges::join`]. `folder` holds what was forwarded; the cache keeps at most `cache_bytes`.
    ///
    /// # Errors
    /// Internal when the catalogue or the folder cannot be read.
    pub async fn restore(
        store: Arc<Store>,
        peer_id: &str,
        configured: Vec<Settings>,
        folder: &Path,
        cache_bytes: u64,
    ) -> Outcome<Arc<Self>> {
        let rows = store.bridges().await?;
        let guard = Guard::open(folder).map_err(Fault::internal)?;
        let bridges = Arc::new(Self {
            guard,
            labels: Known::default(),
            cache: Cache::open(store.clone(), cache_bytes).await?,
            queries: Arc::new(Semaphore::new(MAX_QUERIES)),
            lookups: Semaphore::new(MAX_LOOKUPS),
            passages: Arc::new(Semaphore::new(MAX_PASSAGES)),
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
    /// InvalidRequest that names the field, Conflict when there are too many.
    pub async fn create(&self, settings: Settings) -> Outcome<BridgeRecord> {
        settings.check()?;
        let overlays = self.overlays()?;
        for (field, name) in [("from", &settings.from), ("to", &settings.to)] {
            overlays.named(name).map_err(|fault| Fault::invalid(format!("{field}: {}", fault.message)))?;
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

    /// How a bridge is, and why.
    pub(super) fn state(&self, bridge: &Arc<Bridge>) -> (BridgeState, Option<String>) {
        match self.obstacle(bridge) {
            Some(reason) => (BridgeState::Refused, Some(reason)),
            None if bridge.is_paused() => {
                (BridgeState::Paused, Some("a caller has paused it; bridge.resume lets it go on".to_owned()))
            }
            None => (BridgeState::Up, None),
        }
    }

    /// Why a bridge cannot work, if it cannot.
    fn obstacle(&self, bridge: &Arc<Bridge>) -> Option<String> {
        let Settings { from, to, .. } = &bridge.settings;
        if from == to {
            return Some(format!("from and to are the same overlay, {from}"));
        }
        let overlays = match self.overlays() {
            Ok(overlays) => overlays,
            Err(fault) => return Some(fault.message),
        };
        let (from, to) = match (overlays.named(from), overlays.named(to)) {
            (Ok(from), Ok(to)) => (from, to),
            (Err(fault), _) => return Some(format!("from: {}", fault.message)),
            (_, Err(fault)) => return Some(format!("to: {}", fault.message)),
        };
        if from.id() == to.id() {
            let names = (from.name(), to.name());
            return Some(format!("{} and {} are one and the same network, {}", names.0, names.1, to.id()));
        }
        if !bridge.ways().any(|way| is_of_use(if way.far() == to.name() { to } else { from })) {
            return Some(format!("overlay {} can neither be searched nor fetched from", to.name()));
        }
        let twin = self.twin(bridge)?;
        Some(format!("bridge {} joins the same overlays in the same direction; keep one of them", twin.id))
    }

    /// An earlier bridge with the same direction.
    fn twin(&self, bridge: &Arc<Bridge>) -> Option<Arc<Bridge>> {
        let earlier = self.all().into_iter().take_while(|other| other.id != bridge.id);
        let ends = |bridge: &Arc<Bridge>| -> Vec<(String, String)> {
            bridge.ways().map(|way| (way.near().to_owned(), way.far().to_owned())).collect()
        };
        let ours = ends(bridge);
        earlier.into_iter().find(|other| ends(other).iter().any(|way| ours.contains(way)))
    }

    fn record(&self, bridge: &Arc<Bridge>) -> BridgeRecord {
        let (state, reason) = self.state(bridge);
        let (settings, counted) = (&bridge.settings, bridge.counters.now());
        BridgeRecord {
            bridge_id: bridge.id.clone(),
            from: settings.from.clone(),
            to: settings.to.clone(),
            bidirectional: settings.bidirectional,
            hop_limit: settings.hop_limit,
            allow: settings.allow.iter().map(ToString::to_string).collect(),
            deny: settings.deny.iter().map(ToString::to_string).collect(),
            max_size: settings.max_size,
            state,
            reason,
            queries_forwarded: counted.queries,
            hits_returned: counted.hits,
            bytes_relayed: counted.bytes,
            refusals: counted.refusals,
        }
    }
}

fn is_of_use(overlay: &Arc<dyn Overlay>) -> bool {
    let capabilities = overlay.capabilities();
    capabilities.search || capabilities.fetch
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
