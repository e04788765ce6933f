//! The suite of all overlays, on this one.

use std::{sync::Arc, time::Duration};

use super::{super::*, double::eventually};
use crate::overlay::{
    behaviour::{FarSide, Kind, NEAR, Talents, behaviours},
    double::Shelf,
};

/// Two nodes: this side's offers nothing.
struct Pair {
    near: Arc<Native>,
    far: Arc<Native>,
    shelf: Arc<Shelf>,
    _state: [tempfile::TempDir; 2],
}

async fn start(shelf: Arc<Shelf>) -> (Arc<Native>, tempfile::TempDir) {
    let state = tempfile::tempdir().unwrap();
    let mut config = NativeConfig::new(NEAR, state.path());
    config.listen = vec!["/ip4/127.0.0.1/tcp/0".into()];
    config.patience = Patience {
        search: Duration::from_secs(1),
        probe: Duration::from_secs(1),
        stall: Duration::from_millis(500),
        ..Patience::default()
    };
    (Native::start(config, &Identity::generate(), shelf).await.unwrap(), state)
}

impl Kind for Pair {
    const TALENTS: Talents =
        Talents { wire: true, journeys: true, records: true, via: true, proves: true, foreign: true, native: true };

    async fn bring_up(FarSide { articles, is_mute }: FarSide) -> Self {
        let shelf = Arc::new(Shelf::of(articles));
        if is_mute {
            shelf.be_mute();
        }
        let (near, near_state) = start(Arc::default()).await;
        let (far, far_state) = start(shelf.clone()).await;
        near.connect(&far.addresses()[0]).await.unwrap();
        eventually(|| far.status().peers == 1).await;
        Self { near, far, shelf, _state: [near_state, far_state] }
    }

    fn overlay(&self) -> Arc<dyn Overlay> {
        self.near.clone()
    }

    fn far_side(&self) -> &Shelf {
        &self.shelf
    }

    async fn take_far_side_away(&self) {
        self.far.stop().await;
    }

    fn has_heard_of(&self, _: &ContentId) -> bool {
        self.far.kept_records() > 0
    }
}

impl Drop for Pair {
    /// Threads that stand at the gate would keep the test's runtime from ending.
    fn drop(&mut self) {
        self.shelf.gate().open();
    }
}

behaviours!(Pair);
