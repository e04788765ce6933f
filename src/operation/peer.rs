//! `peer.*`: the peers of this node, and what its users think of them.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Operation;
use crate::{
    model::{Bounded, Done, Outcome, Peer},
    service::Services,
};

/// Lists the peers that are connected, and those that were given an alias, trusted or blocked.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct List {
    /// Only the peers of this overlay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"home")]
    pub overlay: Option<String>,
    /// Most peers wanted.
    #[serde(default)]
    pub limit: Bounded<50, 1, 500>,
    /// The `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"home/12D3KooWGRUfFY6qzJ2cF2kTjJxW6xk8nXwT8y6L6K2iNoQnF5sG")]
    pub after: Option<String>,
}

/// A page of peers.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PeerPage {
    /// The peers.
    #[serde(default)]
    pub peers: Vec<Peer>,
    /// What to pass as `after` for the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl Operation for List {
    const NAME: &'static str = "peer.list";
    const HAS_EFFECT: bool = false;
    type Output = PeerPage;

    async fn call(self, services: &Arc<Services>) -> Outcome<PeerPage> {
        let (peers, next) =
            services.peers.list(self.overlay.as_deref(), self.after.as_deref(), self.limit.count()).await?;
        Ok(PeerPage { peers, next })
    }
}

/// Connects to the peer at an address and answers it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Connect {
    /// Where the peer is, as a multiaddr that ends in its peer id.
    #[schemars(example = &"/ip4/192.0.2.7/tcp/7071/p2p/12D3KooWGRUfFY6qzJ2cF2kTjJxW6xk8nXwT8y6L6K2iNoQnF5sG")]
    pub address: String,
    /// In which overlay; the first that has peers when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"home")]
    pub overlay: Option<String>,
}

impl Operation for Connect {
    const NAME: &'static str = "peer.connect";
    const HAS_EFFECT: bool = true;
    type Output = Peer;

    async fn call(self, services: &Arc<Services>) -> Outcome<Peer> {
        services.peers.connect(&self.address, self.overlay.as_deref()).await
    }
}

/// Ends the connections to a peer. It may come back; block it with peer.update to keep it away.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Disconnect {
    /// The peer.
    #[schemars(example = &"12D3KooWGRUfFY6qzJ2cF2kTjJxW6xk8nXwT8y6L6K2iNoQnF5sG")]
    pub peer_id: String,
}

impl Operation for Disconnect {
    const NAME: &'static str = "peer.disconnect";
    const HAS_EFFECT: bool = true;
    type Output = Done;

    async fn call(self, services: &Arc<Services>) -> Outcome<Done> {
        Ok(Done { done: services.peers.disconnect(&self.peer_id).await? })
    }
}

/// Gives a peer an alias, trusts it or blocks it; what is absent stays. A blocked peer is refused at once and from
/// then on.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Update {
    /// The peer.
    #[schemars(example = &"12D3KooWGRUfFY6qzJ2cF2kTjJxW6xk8nXwT8y6L6K2iNoQnF5sG")]
    pub peer_id: String,
    /// The name to show for it; an empty one removes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"office")]
    pub alias: Option<String>,
    /// Whether it is trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted: Option<bool>,
    /// Whether it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<bool>,
}

impl Operation for Update {
    const NAME: &'static str = "peer.update";
    const HAS_EFFECT: bool = true;
    type Output = Peer;

    async fn call(self, services: &Arc<Services>) -> Outcome<Peer> {
        services.peers.update(&self.peer_id, self.alias, self.trusted, self.blocked).await
    }
}
