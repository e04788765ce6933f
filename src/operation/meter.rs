//! Counts the calls of one operation: how many, on which binding, with which outcome, and how long they took.

use std::{sync::OnceLock, time::Duration};

use metrics::{Counter, Histogram, counter, histogram};

use crate::{access::Binding, model::FaultKind};

/// The meters of one operation. Handles of the common outcome are kept, so that a call costs no look-up.
pub struct Meter {
    operation: &'static str,
    answered: [OnceLock<(Counter, Histogram)>; Binding::COUNT],
}

impl Meter {
    /// The meter of the operation of that name.
    pub fn new(operation: &'static str) -> Self {
        Self { operation, answered: Default::default() }
    }

    /// Counts one call: `peergate_calls_total` and `peergate_call_seconds`.
    pub fn record(&self, binding: Binding, took: Duration, fault: Option<FaultKind>) {
        let (operation, name) = (self.operation, binding.name());
        let (answered, seconds) = self.answered[binding as usize].get_or_init(|| {
            let answered =
                counter!("peergate_calls_total", "operation" => operation, "binding" => name, "outcome" => "ok");
            (answered, histogram!("peergate_call_seconds", "operation" => operation, "binding" => name))
        });
        seconds.record(took.as_secs_f64());
        match fault {
            None => answered.increment(1),
            Some(kind) => {
                let outcome = kind.name();
                counter!("peergate_calls_total", "operation" => operation, "binding" => name, "outcome" => outcome)
                    .increment(1);
            }
        }
    }
}
