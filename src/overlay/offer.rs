//! What this node offers to the peers of an overlay: hits to their queries, and bytes that they can verify.
//!
//! An overlay answers its peers through this trait alone, so that what stands behind it (the local store, the far sides
//! of bridges) is not its business.

use std::{io, ops::Range, sync::Arc};

use async_trait::async_trait;
use futures::stream::BoxStream;

use super::{Fetch, Found};
use crate::model::{ContentId, Hit, Journey, Outcome, Query};

/// What this node offers in one overlay. A journey is that of the peer's question; its path holds the overlay.
#[async_trait]
pub trait Offer: Send + Sync {
    /// Hits for a peer's query: a first page with the best of what is here, at most `query.limit`, at once; then what
    /// comes from further away. It is dropped at the asker's deadline, or when the asker goes away.
    async fn search(&self, query: Arc<Query>, journey: &Journey) -> Outcome<BoxStream<'static, Found>>;

    /// The record of one content that is offered, if it is; here or further away.
    async fn describe(&self, id: &ContentId, journey: &Journey) -> Outcome<Option<Hit>>;

    /// The bytes of one content, if all or some of them are here.
    async fn open(&self, id: &ContentId) -> Outcome<Option<Arc<dyn Source>>>;

    /// Brings a range of a content from further away, to be handed on while it comes; none when it is not offered.
    async fn bring(&self, id: &ContentId, range: Range<u64>, journey: &Journey) -> Outcome<Option<Fetch>> {
        let _ = (id, range, journey);
        Ok(None)
    }
}

/// What is offered to who asks over HTTP: another gateway is an overlay of this node, and asks for the peers behind it.
pub trait Doors: Send + Sync {
    /// The offer in the overlay of that name, where bridges that begin there decide what its side may reach. None where
    /// there is no such bridge: then what comes over HTTP is asked as any other caller asks.
    fn offer(&self, overlay: &str) -> Option<Arc<dyn Offer>>;
}

/// Bytes of one native content that can be proved to others.
pub trait Source: Send + Sync {
    /// Bytes of the whole content.
    fn size(&self) -> u64;

    /// The part of `range` that can be delivered from its start on without a gap; empty when nothing can.
    fn available(&self, range: Range<u64>) -> Range<u64>;

    /// Writes the verified stream of `range` to `out`: the interior nodes and 16 KiB chunk groups of the content's
    /// BLAKE3 tree in pre-order, as `bao-tree` encodes them, without a size header. Every group is checked against the
    /// tree before it is written. Blocks; call it off the async threads.
    ///
    /// # Errors
    /// `InvalidData` when the bytes are no longer those that were published, otherwise what `out` or the disk says.
    fn encode(&self, range: Range<u64>, out: &mut dyn io::Write) -> io::Result<()>;
}
