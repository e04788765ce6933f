//! The contract: every operation once, in the file of its family, and everything that follows from that.
//!
//! An operation *is* its input record: the record's doc comment is its manual, its fields are its parameters, and
//! [`Operation::call`] is its code. One line in [`registry`] makes it exist on every binding, on the command line and
//! in every generated description. Operations never learn who called.

pub mod bridge;
pub mod catalog;
pub mod content;
pub mod describe;
mod dispatch;
pub mod event;
mod meter;
pub mod node;
pub mod notify;
pub mod overlay;
pub mod peer;
mod registry;
pub mod search;
pub mod transfer;
pub mod upload;

use std::{future::Future, sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

pub use dispatch::{Format, dispatch};
pub use registry::{CONTRACT, REGISTRY};
#[cfg(any(test, fuzzing))]
pub use registry::{Visitor, visit};

use crate::{
    model::{Journey, Outcome, Payload},
    service::Services,
};

/// How long an operation may take when its input says nothing else.
pub const DEADLINE: Duration = Duration::from_secs(60);
/// What an operation may take beyond the time that its input allows, to put its answer together.
pub const GRACE: Duration = Duration::from_secs(5);

/// One operation of the contract (section 5).
pub trait Operation: Serialize + DeserializeOwned + JsonSchema + Send + 'static {
    /// Its name, `service.operation`.
    const NAME: &'static str;
    /// Whether it changes anything; one that does is not simply repeated.
    const HAS_EFFECT: bool;
    /// The record that it answers.
    type Output: Serialize + DeserializeOwned + JsonSchema + Send + 'static;

    /// The time after which the caller is told Timeout.
    fn deadline(&self) -> Duration {
        DEADLINE
    }

    /// Whether this call does nothing but wait; it holds a place under `limits.long_polls` instead of one under
    /// `limits.concurrent_requests`.
    fn waits(&self) -> bool {
        false
    }

    /// Does it.
    fn call(self, services: &Arc<Services>) -> impl Future<Output = Outcome<Self::Output>> + Send;

    /// The field of the input whose bytes may come as a stream, where it has one.
    fn attachment(&mut self) -> Option<&mut Payload> {
        None
    }

    /// Where the input keeps the way that its question has come, of an operation that asks overlays. It is told beside the
    /// document, so that the field is none of the contract's.
    fn journey(&mut self) -> Option<&mut Option<Journey>> {
        None
    }

    /// The field of the answer that holds its bytes, in memory or as a stream, where it has one.
    fn payload(_answer: &mut Self::Output) -> Option<&mut Payload> {
        None
    }
}
