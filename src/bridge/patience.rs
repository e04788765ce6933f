//! How long the far side of a bridge is waited for: always less than a peer waits for the near side, so that the peer is
//! told something.

use std::time::Duration;

/// How long bridges wait.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the whole answer to a query.
    pub search: Duration,
    /// Until the far side says what it has.
    pub begin: Duration,
    /// For a source that is silent in the middle of a content.
    pub stall: Duration,
    /// For another source then, or after one has failed.
    pub next: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { search: seconds(12), begin: seconds(4), stall: seconds(6), next: seconds(3) }
    }
}
