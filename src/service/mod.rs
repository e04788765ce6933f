//! Long-lived work behind the operations, and what every operation is handed.

pub mod announce;
pub mod contents;
pub mod events;
mod foreign;
pub mod library;
pub mod peers;
pub mod permits;
pub mod retries;
pub mod searches;
pub mod transfers;
pub mod uploads;

use std::sync::Arc;

use crate::{
    bridge::Bridges,
    model::{Limits, Time},
    overlay::Overlays,
    store::Store,
};

/// What the operations work with; `node.rs` puts it together.
pub struct Services {
    /// What this node is.
    pub about: About,
    /// What it holds.
    pub store: Arc<Store>,
    /// The networks that it takes part in.
    pub overlays: Arc<Overlays>,
    /// What crosses between them.
    pub bridges: Arc<Bridges>,
    /// Bytes of anything, here or elsewhere.
    pub contents: contents::Contents,
    /// Searches that are under way.
    pub searches: searches::Searches,
    /// Uploads in parts.
    pub uploads: Arc<uploads::Uploads>,
    /// Transfers, under way and ended.
    pub transfers: Arc<transfers::Transfers>,
    /// What happens here, for subscribers.
    pub events: Arc<events::Events>,
    /// Peers, and what this node's users think of them.
    pub peers: peers::Peers,
    /// What was answered to messages that may be repeated.
    pub retries: Arc<retries::Retries>,
    /// Bounds the calls that are under way.
    pub permits: permits::Permits,
}

/// What this node is.
pub struct About {
    /// Its peer id.
    pub peer_id: String,
    /// When it was started.
    pub started: Time,
    /// Where it answers callers, as a URL.
    pub http_address: String,
    /// The bindings that it answers.
    pub bindings: &'static [&'static str],
    /// Its limits.
    pub limits: Limits,
}
