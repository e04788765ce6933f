//! Why a call of a remote system brought no answer: what is told to this node's callers, and what its overlay makes of it.

use std::fmt;

use crate::model::{Fault, FaultKind};

/// What kept a call from being answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It answered a fault of this kind, as it says itself: it is there and speaks the binding.
    Fault(FaultKind),
    /// It answered something that is no document of the binding, or an HTTP status that holds none.
    Unusable,
    /// It was not reached, or did not answer in time.
    Unreachable,
}

/// A call without an answer.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What a caller of this node is told: names the overlay, the address and what to do.
    pub fault: Fault,
    /// What it means for the remote system.
    pub cause: Cause,
}

impl Failure {
    /// Whether the remote system works, and only has no answer to this question. A credential that it refuses would meet
    /// the next question as well.
    pub fn is_answer(&self) -> bool {
        matches!(self.cause, Cause::Fault(kind) if kind != FaultKind::NotAuthenticated)
    }

    /// A fault of the remote system, told by `place` (see [`super::Remote`]). Kinds that blame the caller for what this
    /// node said, or showed, become Unavailable: he can do nothing about them.
    pub(super) fn answered(place: impl fmt::Display, operation: &str, fault: Fault) -> Self {
        let Fault { kind, message, retry_after_seconds, .. } = fault;
        let (seen, advice) = match kind {
            FaultKind::NotAuthenticated => (
                FaultKind::Unavailable,
                "; it refuses this node's credential: set token_file of the overlay to a token of that system",
            ),
            FaultKind::NotPermitted => (
                FaultKind::Unavailable,
                "; this node's token does not cover the operation: have that system's operator permit it",
            ),
            FaultKind::InvalidRequest | FaultKind::Internal => (FaultKind::Unavailable, ""),
            kind => (kind, ""),
        };
        let mut told = Fault::new(seen, format!("{place}: {operation}: {}: {message}{advice}", kind.name()));
        told.retry_after_seconds = retry_after_seconds.or(told.retry_after_seconds);
        Self { fault: told, cause: Cause::Fault(kind) }
    }

    pub(in crate::overlay) fn unusable(place: impl fmt::Display, reason: impl fmt::Display) -> Self {
        Self { fault: Fault::unavailable(format!("{place}: {reason}")), cause: Cause::Unusable }
    }

    pub(super) fn unreachable(place: impl fmt::Display, reason: impl fmt::Display) -> Self {
        Self { fault: Fault::unavailable(format!("{place}: {reason}")), cause: Cause::Unreachable }
    }

    pub(super) fn late(place: impl fmt::Display, reason: impl fmt::Display) -> Self {
        Self { fault: Fault::timeout(format!("{place}: {reason}")), cause: Cause::Unreachable }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fault.fmt(f)
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        failure.fault
    }
}
