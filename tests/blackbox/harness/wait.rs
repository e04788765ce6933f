//! Waiting for a condition: it is looked at again and again until it holds or its time is over, never slept for.

use std::time::{Duration, Instant};

/// Between two looks. Short, since most conditions hold after a few milliseconds.
const PAUSE: Duration = Duration::from_millis(20);
/// How long a condition may take when the test says nothing else: generous, for a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Looks until `probe` yields a value; panics with `what` was waited for when it takes longer than usual.
pub async fn eventually<T>(what: &str, probe: impl AsyncFnMut() -> Option<T>) -> T {
    within(PATIENCE, what, probe).await
}

/// As [`eventually`], with its own bound.
pub async fn within<T>(limit: Duration, what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = probe().await {
            return value;
        }
        assert!(start.elapsed() < limit, "waited {limit:?} in vain: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
