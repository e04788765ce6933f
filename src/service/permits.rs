//! Places for calls: so many may be worked on at one time, and so many more may merely wait.
//!
//! A long poll costs a little memory and no work, so it takes no place from the calls that do work, and a thousand
//! scripts that wait for a transfer leave the node answering.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use crate::model::{Fault, FaultKind, Limits, Outcome};

/// The places that are free.
pub struct Permits {
    working: Places,
    waiting: Places,
}

struct Places {
    free: Arc<Semaphore>,
    /// How many there are, and the key that says so.
    all: usize,
    key: &'static str,
}

impl Permits {
    /// As many places as the limits say.
    pub fn new(limits: &Limits) -> Self {
        Self {
            working: Places::new(limits.concurrent_requests, "limits.concurrent_requests"),
            waiting: Places::new(limits.long_polls, "limits.long_polls"),
        }
    }

    /// A place for one call, given back when it is dropped. `waits` says that the call only waits.
    ///
    /// # Errors
    /// LimitExceeded, with the limit's key, when all places of that kind are taken.
    pub fn take(&self, waits: bool) -> Outcome<SemaphorePermit<'_>> {
        if waits { self.waiting.take("wait") } else { self.working.take("are under way") }
    }

    /// A place for one who only waits and outlives the call: a stream of events.
    ///
    /// # Errors
    /// As [`Permits::take`].
    pub fn keep_waiting(&self) -> Outcome<OwnedSemaphorePermit> {
        self.waiting.free.clone().try_acquire_owned().map_err(|_| self.waiting.full("wait"))
    }
}

impl Places {
    fn new(all: usize, key: &'static str) -> Self {
        Self { free: Arc::new(Semaphore::new(all.min(Semaphore::MAX_PERMITS))), all, key }
    }

    fn take(&self, what: &str) -> Outcome<SemaphorePermit<'_>> {
        self.free.try_acquire().map_err(|_| self.full(what))
    }

    fn full(&self, what: &str) -> Fault {
        let Self { all, key, .. } = self;
        Fault::new(FaultKind::LimitExceeded, format!("{all} calls {what}, which is {key}; try again in a moment"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_takes_no_place_from_who_works() {
        let permits = Permits::new(&Limits { concurrent_requests: 1, long_polls: 2, ..Limits::default() });
        let waiting = [permits.take(true).unwrap(), permits.take(true).unwrap()];
        let full = permits.take(true).unwrap_err();
        assert!(full.message.contains("limits.long_polls") && full.retry_after_seconds.is_some(), "{full}");
        let working = permits.take(false).unwrap();
        let busy = permits.take(false).unwrap_err();
        assert!(busy.message.contains("limits.concurrent_requests"), "{busy}");
        drop((waiting, working));
        assert!(permits.take(true).is_ok() && permits.take(false).is_ok());
    }
}
