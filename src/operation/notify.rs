//! `notify.events`: the operation that a subscriber answers and this node calls (contract, section 9).
//!
//! It is described as the node's own operations are, so that a legacy system can generate its side from the WSDL.

use std::sync::{Arc, LazyLock};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::describe::{Contract, Describer};
use crate::model::{Done, Event};

/// Tells a subscriber what happened at the node, in order. Answered with anything but a fault it was taken; otherwise
/// the same events come again.
///
/// An event may come more than once; then it has the same sequence.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Events {
    /// The subscription, as event.subscribe named it.
    #[schemars(example = &"0192f0c1d2e37abc8def0123456789ab")]
    pub subscription_id: String,
    /// The events.
    #[serde(default)]
    pub events: Vec<Arc<Event>>,
}

impl Events {
    /// Its name, `service.operation`.
    pub const NAME: &'static str = "notify.events";
    /// The fields that are XML-RPC parameters by position.
    pub const REQUIRED: [&'static str; 2] = ["subscriptionId", "events"];
}

/// What a subscriber answers, described.
pub static CALLBACK: LazyLock<Contract> = LazyLock::new(|| {
    let mut describer = Describer::default();
    let operations = vec![describer.describe::<Events, Done>(Events::NAME, true)];
    describer.finish(operations)
});
