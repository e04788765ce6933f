//! Tells as events what other parts of the node only show: peers that come and go, the state of overlays, and how far
//! the shared folders are hashed.

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde::Serialize;
use tokio::{
    sync::{broadcast, watch},
    time::{MissedTickBehavior, interval, sleep},
};

use crate::{
    model::{Hashing, OverlayState, Peer, Topic},
    service::Services,
};

/// How often the overlays are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How often progress is told, at most.
const TELL: Duration = Duration::from_secs(1);

/// Begins to tell, for as long as the node runs.
pub fn watch(services: &Arc<Services>, library: watch::Receiver<Hashing>) {
    for overlay in services.overlays.iter() {
        if let Some(changes) = overlay.peer_changes() {
            tokio::spawn(peers(services.clone(), changes));
        }
    }
    tokio::spawn(overlays(services.clone()));
    tokio::spawn(hashing(services.clone(), library));
}

async fn peers(services: Arc<Services>, mut changes: broadcast::Receiver<Peer>) {
    loop {
        let peer = match changes.recv().await {
            Ok(peer) => peer,
            Err(broadcast::error::RecvError::Lagged(_)) => continue,
            Err(broadcast::error::RecvError::Closed) => return,
        };
        let topic = if peer.connected { Topic::PeerConnected } else { Topic::PeerDisconnected };
        let journal = services.store.journal();
        if journal.wants(topic) {
            let peer = services.peers.noted(peer).await;
            journal.tell(topic, &peer.peer_id, &peer);
        }
    }
}

async fn overlays(services: Arc<Services>) {
    let mut known: HashMap<String, OverlayState> = HashMap::new();
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        for overlay in services.overlays.iter() {
            let record = overlay.status();
            if known.insert(record.name.clone(), record.state).is_some_and(|before| before != record.state) {
                services.store.journal().tell(Topic::OverlayState, &record.name, &record);
            }
        }
    }
}

/// The record of `library.progress`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Progress {
    busy: bool,
    files_done: u64,
    files_total: u64,
    bytes_done: u64,
    bytes_total: u64,
}

async fn hashing(services: Arc<Services>, mut library: watch::Receiver<Hashing>) {
    // An error means that the library has stopped.
    while library.changed().await.is_ok() {
        let Hashing { busy, files_done, files_total, bytes_done, bytes_total, .. } = *library.borrow_and_update();
        let record = Progress { busy, files_done, files_total, bytes_done, bytes_total };
        services.store.journal().tell(Topic::LibraryProgress, "library", &record);
        sleep(TELL).await;
    }
}
