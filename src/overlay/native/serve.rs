//! Streams that peers open: each is served by one task, by the protocol that was agreed on.

use std::{io, sync::Arc};

use tokio::sync::Semaphore;

use super::{blobs, search, shared::Shared, streams::Inbound, wire::Wire};

/// Serves one stream to its end. What goes wrong concerns that stream alone, which is reset.
/// `searches` bounds how many searches are worked on for this peer.
pub(super) async fn stream(shared: Arc<Shared>, inbound: Inbound, searches: Arc<Semaphore>) {
    let Inbound { peer, protocol, stream } = inbound;
    let wire = Wire::new(stream);
    let served: io::Result<()> = if protocol == shared.protocols.search {
        search::serve(&shared, wire, &searches).await
    } else {
        blobs::serve(&shared, wire).await
    };
    if let Err(error) = served {
        tracing::debug!(%peer, %protocol, "stream ended early: {error}");
    }
}
