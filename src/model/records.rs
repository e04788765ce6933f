//! The records that several operations answer (contract, section 4). Their documentation is what a caller reads in the
//! WSDL, in OpenAPI and in the manual.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ContentId, Time};

/// One content that a search found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hit {
    /// What names the bytes; pass it to content.read, transfer.start or /content/{contentId}.
    pub content_id: ContentId,
    /// The file's name, as its provider calls it. Text for people, never a path.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// The media type, such as application/pdf.
    pub media_type: String,
    /// A sentence about the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Words to find it by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// When the content was last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<Time>,
    /// The asking node's own overlay that the hit came through.
    pub overlay: String,
    /// How many sources offered it.
    pub providers: u32,
    /// How well it matches; higher is better, comparable within one answer only.
    pub score: f64,
    /// The bridges that the hit crossed, nearest first; empty when it crossed none.
    #[serde(default)]
    pub via: Vec<String>,
}

/// What is known of one content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Content {
    /// What names the bytes.
    pub content_id: ContentId,
    /// The file's name. Text for people, never a path.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// The media type, such as application/pdf.
    pub media_type: String,
    /// A sentence about the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Words to find it by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// When it was published here, or first seen.
    pub published: Time,
    /// The overlays that it can be found in.
    #[serde(default)]
    pub overlays: Vec<String>,
    /// How many sources are known, this node included.
    pub providers: u32,
    /// Whether all of its bytes are on this node.
    pub local: bool,
    /// The same bytes' ids elsewhere.
    #[serde(default)]
    pub aliases: Vec<ContentId>,
}

impl Content {
    /// The hit that this content is in one overlay.
    pub fn as_hit(&self, overlay: &str, score: f64) -> Hit {
        Hit {
            content_id: self.content_id.clone(),
            name: self.name.clone(),
            size: self.size,
            media_type: self.media_type.clone(),
            description: self.description.clone(),
            tags: self.tags.clone(),
            modified: Some(self.published),
            overlay: overlay.to_owned(),
            providers: 1,
            score,
            via: Vec::new(),
        }
    }
}

/// Where a transfer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TransferState {
    /// Waits for its turn.
    Queued,
    /// Takes bytes, or looks for a source.
    Active,
    /// Stopped by a caller, keeps what it has.
    Paused,
    /// All bytes are here and verified.
    Complete,
    /// Gave up; `error` says why.
    Failed,
    /// Ended by a caller.
    Cancelled,
}

impl TransferState {
    /// Every state, in the order of a transfer's life.
    pub const ALL: [Self; 6] =
        [Self::Queued, Self::Active, Self::Paused, Self::Complete, Self::Failed, Self::Cancelled];

    /// The word on every wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Complete => "complete",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether nothing more happens to the transfer unless a caller asks for it.
    pub fn is_settled(self) -> bool {
        !matches!(self, Self::Queued | Self::Active)
    }
}

/// One content on its way to this node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Transfer {
    /// What names the transfer.
    pub transfer_id: String,
    /// What is transferred.
    pub content_id: ContentId,
    /// The name under which it will be kept.
    pub name: String,
    /// Bytes in all, absent until a source was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Bytes here, verified and kept.
    pub received: u64,
    /// Bytes a second, at present.
    pub rate: u64,
    /// Sources that deliver at present.
    pub sources: u32,
    /// Where it stands.
    pub state: TransferState,
    /// Why it failed, or what it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it was asked for.
    pub started: Time,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<Time>,
    /// Higher goes first.
    pub priority: i32,
}

/// What kind of network an overlay is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OverlayKind {
    /// Peergate's own libp2p network.
    Native,
    /// BitTorrent.
    Bittorrent,
    /// IPFS.
    Ipfs,
    /// Another gateway, over HTTP.
    Gateway,
    /// A legacy system that answers catalog.search and catalog.read.
    Catalog,
}

/// How an overlay is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OverlayState {
    /// Not all listeners are up yet.
    Starting,
    /// Works.
    Up,
    /// Works in part; `detail` says what does not.
    Degraded,
    /// Does not work; `detail` says why.
    Down,
}

/// One network that this node takes part in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Overlay {
    /// Its name in the configuration.
    pub name: String,
    /// What kind of network it is.
    pub kind: OverlayKind,
    /// How it is.
    pub state: OverlayState,
    /// Peers connected at present.
    pub peers: u32,
    /// Bytes of content received since the start.
    pub bytes_in: u64,
    /// Bytes of content sent since the start.
    pub bytes_out: u64,
    /// Whether it can be searched.
    pub can_search: bool,
    /// Whether content can be fetched from it.
    pub can_fetch: bool,
    /// Whether content can be published in it.
    pub can_publish: bool,
    /// What a person should know of its state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// How a bridge is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BridgeState {
    /// Lets through what its rules allow.
    Up,
    /// Stopped by a caller; lets nothing through.
    Paused,
    /// Cannot work as it is; `reason` says why.
    Refused,
}

impl BridgeState {
    /// The word on every wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Paused => "paused",
            Self::Refused => "refused",
        }
    }
}

/// Lets peers of one overlay find and fetch what lies in another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Bridge {
    /// What names the bridge, also in the via of a hit; no other gateway has the same.
    pub bridge_id: String,
    /// The overlay whose peers find and fetch.
    pub from: String,
    /// The overlay in which it lies.
    pub to: String,
    /// Whether it works the other way round as well.
    pub bidirectional: bool,
    /// Bridges that a question may still cross when it comes here, this one included.
    pub hop_limit: u32,
    /// Only what one of these patterns matches crosses; everything when empty.
    #[serde(default)]
    pub allow: Vec<String>,
    /// What one of these patterns matches does not cross, whatever else is allowed.
    #[serde(default)]
    pub deny: Vec<String>,
    /// Only contents of at most so many bytes cross.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_size: Option<u64>,
    /// How it is.
    pub state: BridgeState,
    /// Why it is so, unless it is up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Queries that crossed.
    pub queries_forwarded: u64,
    /// Hits that came back.
    pub hits_returned: u64,
    /// Bytes of content that came back.
    pub bytes_relayed: u64,
    /// Queries, hits and contents that a rule held back.
    pub refusals: u64,
}

/// What a bridge decides in one direction, and which of its rules does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BridgeDecision {
    /// The bridge.
    pub bridge_id: String,
    /// Whether it lets through.
    pub forwarded: bool,
    /// The rule that decides: the pattern as it was written, or the name of a limit or of a state; none when nothing holds
    /// it back.
    pub rule: String,
    /// The direction, what is decided, and why.
    pub reason: String,
}

/// One peer of an overlay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Peer {
    /// The peer's id, 12D3Koo….
    pub peer_id: String,
    /// The overlay that it is a peer of.
    pub overlay: String,
    /// The name that this node's users gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Where it can be reached, as multiaddrs.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// The program that it says it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Milliseconds of the last ping.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trip_ms: Option<f64>,
    /// Whether it is connected at present.
    pub connected: bool,
    /// Since when it is connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// Whether this node's users trust it.
    pub trusted: bool,
    /// Whether this node refuses it.
    pub blocked: bool,
    /// Whether it joins further overlays.
    pub gateway: bool,
}

/// What became of a question to one overlay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OverlayAnswer {
    /// Every peer that was asked has answered.
    Answered,
    /// The deadline passed before the last answer.
    Timedout,
    /// The overlay or its peers refused to answer.
    Refused,
    /// The overlay cannot be searched.
    Unsupported,
}

/// What one overlay gave to a search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OverlayOutcome {
    /// The overlay's name.
    pub overlay: String,
    /// What became of the question.
    pub outcome: OverlayAnswer,
    /// Hits that it gave, before merging.
    pub hits: u32,
}

/// One content that a caller sends in parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Upload {
    /// What names the upload.
    pub upload_id: String,
    /// Bytes that are here, each counted once; they survive a crash of the node.
    pub received: u64,
    /// Bytes that are best sent at once.
    pub chunk_size: u32,
}

/// Whether anything was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Done {
    /// False when there was nothing to do.
    pub done: bool,
}
