//! What the event loop does as time passes: bootstrap peers that are due, announcements whose turn it is, and what has
//! expired or is wanted no more.

use std::{
    path::Path,
    sync::atomic::Ordering::Relaxed,
    time::{Duration, Instant},
};

use libp2p::swarm::dial_opts::DialOpts;

use super::{
    event_loop::EventLoop,
    records::Records,
    records_file::{self, Snapshot},
};

/// How often the loop looks at what is due.
pub(super) const TICK: Duration = Duration::from_millis(100);
/// Ticks between two looks at the record store: expiry, and writing behind.
const TICKS_A_SWEEP: u32 = 600;

impl EventLoop {
    pub(super) fn on_tick(&mut self) {
        self.dial_bootstrap_peers();
        self.announce();
        self.end_unwanted_walks();
        self.ticks += 1;
        if self.ticks.is_multiple_of(TICKS_A_SWEEP) {
            self.sweep();
        }
    }

    fn dial_bootstrap_peers(&mut self) {
        for (at, address) in self.bootstrap.due(Instant::now()) {
            let dial = DialOpts::unknown_peer_id().address(address).build();
            let connection = dial.connection_id();
            self.bootstrap.dialling(at, connection);
            if self.swarm.dial(dial).is_err() {
                self.bootstrap.failed(connection, Instant::now());
            }
        }
    }

    fn announce(&mut self) {
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
    }

    fn end_unwanted_walks(&mut self) {
        let kad = &mut self.swarm.behaviour_mut().kad;
        self.walks.retain(|query, found| {
            if found.is_closed()
                && let Some(mut walk) = kad.query_mut(query)
            {
                walk.finish();
            }
            !found.is_closed()
        });
    }

    fn sweep(&mut self) {
        let records = self.swarm.behaviour_mut().kad.store_mut();
        records.expire(Instant::now());
        self.shared.kept.store(records.count() as u64, Relaxed);
        if records.take_changed() {
            let (snapshot, path) = (Snapshot::of(records), self.records_path.clone());
            tokio::task::spawn_blocking(move || write_records(&snapshot, &path));
        }
        self.dials.forget_unwanted();
    }
}

/// Writes what others stored here; a failure costs the network a little time after the next start, nothing more.
pub(super) fn write_records(snapshot: &Snapshot, path: &Path) {
    if let Err(error) = snapshot.write(path) {
        tracing::warn!("provider records of others were not written to {}: {error}", path.display());
    }
}

/// Loads what others stored here before the last stop.
pub(super) fn load_records(path: &Path, records: &mut Records) {
    match records_file::load(path, records) {
        Ok(count) => tracing::debug!(count, "provider records loaded"),
        Err(error) => tracing::warn!("provider records in {} are of no use: {error}", path.display()),
    }
}
