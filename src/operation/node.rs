//! `node.*`: what this node is, and what it has done.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Operation;
use crate::{
    model::{Outcome, Time},
    service::Services,
};

/// Answers what this node is: its ids, addresses, bindings and limits.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Info {}

/// What a node is.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeInfo {
    /// Its peer id.
    pub peer_id: String,
    /// The program's version.
    pub version: String,
    /// When it was started.
    pub started: Time,
    /// Where it answers callers, as a URL.
    pub http_address: String,
    /// Where its overlays can be reached.
    #[serde(default)]
    pub overlays: Vec<OverlayAddresses>,
    /// The bindings that it answers.
    #[serde(default)]
    pub bindings: Vec<String>,
    /// Its limits.
    #[serde(default)]
    pub limits: Vec<Limit>,
}

/// Where one overlay can be reached.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OverlayAddresses {
    /// The overlay.
    pub name: String,
    /// Its addresses, as multiaddrs.
    #[serde(default)]
    pub listen_addresses: Vec<String>,
}

/// One limit.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Limit {
    /// Its key under [limits] in the configuration.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl Operation for Info {
    const NAME: &'static str = "node.info";
    const HAS_EFFECT: bool = false;
    type Output = NodeInfo;

    async fn call(self, services: &Arc<Services>) -> Outcome<NodeInfo> {
        let about = &services.about;
        let addresses = |overlay: &Arc<dyn crate::overlay::Overlay>| OverlayAddresses {
            name: overlay.name().to_owned(),
            listen_addresses: overlay.addresses(),
        };
        let limits = about.limits.list().into_iter().map(|(name, value)| Limit { name, value });
        Ok(NodeInfo {
            peer_id: about.peer_id.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: about.started,
            http_address: about.http_address.clone(),
            overlays: services.overlays.iter().map(addresses).collect(),
            bindings: about.bindings.iter().map(|&binding| binding.to_owned()).collect(),
            limits: limits.collect(),
        })
    }
}

/// Answers what this node has and what it has done since it was started.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stats {}

/// What a node has and has done.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeStats {
    /// Contents that it shares.
    pub contents: u64,
    /// Their bytes.
    pub bytes_shared: u64,
    /// Peers connected at present.
    pub peers: u32,
    /// Transfers that are under way.
    pub transfers_active: u32,
    /// Searches that it answered or ran since the start, its peers' included.
    pub searches_served: u64,
    /// Bytes of content received since the start.
    pub bytes_in: u64,
    /// Bytes of content sent to peers since the start.
    pub bytes_out: u64,
}

impl Operation for Stats {
    const NAME: &'static str = "node.stats";
    const HAS_EFFECT: bool = false;
    type Output = NodeStats;

    async fn call(self, services: &Arc<Services>) -> Outcome<NodeStats> {
        let (contents, bytes_shared) = services.store.totals();
        let overlays: Vec<_> = services.overlays.iter().map(|overlay| overlay.status()).collect();
        Ok(NodeStats {
            contents,
            bytes_shared,
            peers: overlays.iter().map(|overlay| overlay.peers).sum(),
            transfers_active: services.transfers.active(),
            searches_served: services.searches.served(),
            bytes_in: overlays.iter().map(|overlay| overlay.bytes_in).sum(),
            bytes_out: overlays.iter().map(|overlay| overlay.bytes_out).sum(),
        })
    }
}
