//! A network of peers, whatever it speaks: one small trait, what an overlay can do, and the set of all overlays.
//!
//! The bridge, the services and the operations know this trait only. An overlay delivers verified bytes or none.

mod learn;
mod local;
mod merge;
mod offer;
mod seen;
mod set;
mod stranger;

pub mod bao;
pub mod catalog;
pub mod gateway;
pub mod native;
pub mod remote;

#[cfg(test)]
pub mod behaviour;
#[cfg(test)]
pub mod double;

use std::{ops::Range, sync::Arc};

use async_trait::async_trait;
use futures::stream::BoxStream;
use tokio::sync::broadcast;

pub use learn::{Learner, learning};
pub use local::LocalOffer;
pub use offer::{Doors, Offer, Source};
pub use set::{Door, Overlays, Search};

use crate::model::{ContentId, Hit, Journey, Outcome, Overlay as OverlayRecord, Peer, Piece, Query};

/// What an overlay can do; a caller asks before it calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// [`Overlay::search`] asks somebody.
    pub search: bool,
    /// [`Overlay::fetch`] can bring content.
    pub fetch: bool,
    /// [`Overlay::publish`] makes content known.
    pub publish: bool,
    /// The overlay has peers that can be listed, dialled and blocked.
    pub peers: bool,
}

/// What comes back from a search, until the stream ends.
#[derive(Clone, Debug)]
pub enum Found {
    /// Hits of one source, best first. `Hit::providers` is 1 a source; the set of overlays adds them up.
    Page(Vec<Hit>),
    /// A source that was asked gave no answer, or not a whole one: the search is not complete.
    Missing,
}

/// What a fetch brings.
pub struct Fetch {
    /// Bytes of the whole content, as the source says; proved once its last byte was delivered.
    pub size: u64,
    /// Who delivers, for people: a peer id.
    pub source: String,
    /// The verified pieces of the range asked for, in order and without gaps, from the group on that holds its first
    /// byte; a fault ends the stream. Of native content, `Piece::parents` and the data one after the other are the
    /// bao stream of the range, unless no piece has parents.
    pub pieces: BoxStream<'static, Outcome<Piece>>,
}

/// What an overlay knows of a content before any byte of it was fetched.
#[derive(Clone, Debug, PartialEq)]
pub struct Located {
    /// The best hit that a source gave for it: name, size, media type.
    pub hit: Hit,
    /// Sources known.
    pub providers: u32,
}

/// One network of peers.
#[async_trait]
pub trait Overlay: Send + Sync {
    /// Its name in the configuration.
    fn name(&self) -> &str;

    /// What names the network on every node that takes part in it, whatever it is called there; it goes onto the path of
    /// a [`Journey`]. Visible ASCII without `,` and `;`, at most 128 bytes.
    fn id(&self) -> String;

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// How it is at present.
    fn status(&self) -> OverlayRecord;

    /// Addresses that others can dial, with the peer id, as multiaddrs.
    fn addresses(&self) -> Vec<String>;

    /// Asks the network; the stream ends when everybody who was asked has answered or the overlay gave them up. The
    /// caller drops it when its own deadline has passed. An error means that the overlay refused to ask at all.
    ///
    /// The path of the journey holds this overlay already.
    async fn search(&self, query: Arc<Query>, journey: &Journey) -> Outcome<BoxStream<'static, Found>>;

    /// Finds out who has a content.
    ///
    /// # Errors
    /// NotFound when nobody has it, Unsupported when the id is none of this network.
    async fn locate(&self, id: &ContentId, journey: &Journey) -> Outcome<Located>;

    /// Fetches a range of a content; a range that reaches beyond the end is cut there. Sources in `avoid` (values of
    /// [`Fetch::source`] that failed before) are not asked again.
    ///
    /// # Errors
    /// NotFound or Unavailable when no source delivers, Unsupported when the id is none of this network.
    async fn fetch(&self, id: &ContentId, range: Range<u64>, avoid: &[String], journey: &Journey) -> Outcome<Fetch>;

    /// Makes local contents known to the network, or known again.
    async fn publish(&self, ids: &[ContentId]) -> Outcome<()>;

    /// Stops making a content known.
    async fn withdraw(&self, id: &ContentId) -> Outcome<()>;

    /// The peers that it knows.
    async fn peers(&self) -> Vec<Peer>;

    /// Peers as they join (connected) and leave (not connected), from now on; none where there are no peers.
    fn peer_changes(&self) -> Option<broadcast::Receiver<Peer>> {
        None
    }

    /// Connects to the peer at an address and waits until that is done.
    async fn connect(&self, address: &str) -> Outcome<Peer>;

    /// Ends the connections to a peer; false when there was none.
    async fn disconnect(&self, peer_id: &str) -> Outcome<bool>;

    /// Refuses a peer from now on, or takes that back.
    async fn block(&self, peer_id: &str, blocked: bool) -> Outcome<()>;

    /// Leaves the network, so that its listeners are closed when this returns.
    async fn stop(&self);
}
