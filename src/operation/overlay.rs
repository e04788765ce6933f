//! `overlay.*`: the networks that this node takes part in.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Operation;
use crate::{
    model::{Outcome, Overlay},
    service::Services,
};

/// Lists the overlays of this node: what each can do, how it is and what went through it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct List {}

/// All overlays, in the order of the configuration.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct OverlayPage {
    /// The overlays.
    #[serde(default)]
    pub overlays: Vec<Overlay>,
}

impl Operation for List {
    const NAME: &'static str = "overlay.list";
    const HAS_EFFECT: bool = false;
    type Output = OverlayPage;

    async fn call(self, services: &Arc<Services>) -> Outcome<OverlayPage> {
        Ok(OverlayPage { overlays: services.overlays.iter().map(|overlay| overlay.status()).collect() })
    }
}
