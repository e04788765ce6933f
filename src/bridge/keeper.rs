//! Writes behind what bridges have counted and what the cache keeps: every few seconds, and at the end.

use std::{collections::HashMap, sync::Weak, time::Duration};

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::Bridges;
use crate::store::BridgeRow;

/// How often; a crash loses so much of the counters.
const EVERY: Duration = Duration::from_secs(5);

/// Runs until the node ends, or nobody has the bridges any more.
pub async fn run(bridges: Weak<Bridges>, stop: CancellationToken) {
    let mut kept = HashMap::new();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let ends = tokio::select! {
            _ = ticks.tick() => false,
            () = stop.cancelled() => true,
        };
        let Some(bridges) = bridges.upgrade() else { return };
        bridges.write_down(&mut kept).await;
        if ends {
            return;
        }
    }
}

impl Bridges {
    /// Writes what has changed since it was last written.
    async fn write_down(&self, kept: &mut HashMap<String, BridgeRow>) {
        let changed = {
            let _turn = self.change.lock().await;
            let rows = self.all().into_iter().map(|bridge| bridge.row());
            let changed: Vec<BridgeRow> = rows.filter(|row| kept.get(&row.id) != Some(row)).collect();
            match self.store.save_bridges(&changed).await {
                Ok(()) => changed,
                Err(fault) => return tracing::warn!("what bridges have counted was not written down: {fault}"),
            }
        };
        kept.extend(changed.into_iter().map(|row| (row.id.clone(), row)));
        self.cache.write_down().await;
    }
}
