//! What a bridge has let through and held back, since it was made.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The numbers of one bridge, both directions together.
pub struct Counters {
    queries: AtomicU64,
    hits: AtomicU64,
    bytes: AtomicU64,
    refusals: AtomicU64,
    meters: Meters,
}

/// The same as metrics, since the start.
struct Meters {
    queries: metrics::Counter,
    hits: metrics::Counter,
    bytes: metrics::Counter,
    refusals: metrics::Counter,
}

/// The numbers at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Queries that crossed.
    pub queries: u64,
    /// Hits that came back.
    pub hits: u64,
    /// Bytes of content that came back.
    pub bytes: u64,
    /// What a rule held back.
    pub refusals: u64,
}

impl Counters {
    /// Goes on from what was counted before.
    pub fn of(bridge: &str, before: Counted) -> Self {
        let meters = Meters {
            queries: metrics::counter!("peergate_bridge_queries_total", "bridge" => bridge.to_owned()),
            hits: metrics::counter!("peergate_bridge_hits_total", "bridge" => bridge.to_owned()),
            bytes: metrics::counter!("peergate_bridge_bytes_total", "bridge" => bridge.to_owned()),
            refusals: metrics::counter!("peergate_bridge_refusals_total", "bridge" => bridge.to_owned()),
        };
        Self {
            queries: before.queries.into(),
            hits: before.hits.into(),
            bytes: before.bytes.into(),
            refusals: before.refusals.into(),
            meters,
        }
    }

    /// A query has crossed.
    pub fn query(&self) {
        self.queries.fetch_add(1, Relaxed);
        self.meters.queries.increment(1);
    }

    /// Hits have come back.
    pub fn hits(&self, count: u64) {
        self.hits.fetch_add(count, Relaxed);
        self.meters.hits.increment(count);
    }

    /// Bytes of content have come back.
    pub fn bytes(&self, count: u64) {
        self.bytes.fetch_add(count, Relaxed);
        self.meters.bytes.increment(count);
    }

    /// A rule has held something back.
    pub fn refusal(&self) {
        self.refusals.fetch_add(1, Relaxed);
        self.meters.refusals.increment(1);
    }

    /// The numbers now.
    pub fn now(&self) -> Counted {
        Counted {
            queries: self.queries.load(Relaxed),
            hits: self.hits.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            refusals: self.refusals.load(Relaxed),
        }
    }
}
