//! The scene of most tests: B has something, A is asked for it.

use serde_json::json;

use super::{Library, Node, NodeConfig, eventually};

/// Two connected nodes. Only `b` shares files; callers speak to `a`.
pub struct Pair {
    pub a: Node,
    pub b: Node,
    pub library: Library,
}

impl Pair {
    /// B shares the library and lists all of it; A has joined through B.
    pub async fn sharing(library: Library) -> Self {
        Self::with(library, NodeConfig::new()).await
    }

    /// As [`Pair::sharing`], with a configuration for A.
    pub async fn with(library: Library, config: NodeConfig) -> Self {
        let b = NodeConfig::new().share(library.path()).start().await;
        let a = config.bootstrap(&b).start().await;
        b.has_contents(library.files.len() as u64).await;
        connected(&a, &b).await;
        Self { a, b, library }
    }

    /// Two connected nodes that share nothing.
    pub async fn empty() -> Self {
        Self::sharing(Library::empty()).await
    }
}

/// Waits until `a` counts `b` among its connected peers.
pub async fn connected(a: &Node, b: &Node) {
    eventually("the nodes are connected", async || {
        let peers = a.api.ok("peer.list", json!({})).await;
        let peers = peers["peers"].as_array().expect("peers").clone();
        peers.iter().any(|peer| peer["peerId"] == b.peer_id() && peer["connected"] == true).then_some(())
    })
    .await;
}
