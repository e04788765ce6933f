//! What this node offers to the peers of an overlay: hits to their queries, and bytes that they can verify.
//!
//! An overlay answers its peers through this trait alone, so that what stands behind it (the local store today, the
//! far side of a bridge) is not its business.

use std::{io, ops::Range, sync::Arc};

use async_trait::async_trait;

use crate::model::{ContentId, Hit, Outcome, Query};

/// What this node offers in one overlay.
#[async_trait]
pub trait Offer: Send + Sync {
    /// The best hits for a peer's query, at most `query.limit`, best first.
    async fn search(&self, query: &Query) -> Outcome<Vec<Hit>>;

    /// The record of one content that is offered, if it is.
    async fn describe(&self, id: &ContentId) -> Outcome<Option<Hit>>;

    /// The bytes of one content, if all or some of them are here.
    async fn open(&self, id: &ContentId) -> Outcome<Option<Arc<dyn Source>>>;
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
