//! Streams that peers open: each is served by one task, by the protocol that was agreed on.

use std::{io, sync::Arc};

use super::{blobs, event_loop::EventLoop, links::Place, search, shared::Shared, streams::Inbound, wire::Wire};

impl EventLoop {
    /// Serves a stream that a peer opened, unless too many are being served.
    pub(super) fn on_inbound(&mut self, inbound: Inbound) {
        match self.links.take_place(&inbound.peer) {
            Some(place) => drop(tokio::spawn(stream(self.shared.clone(), inbound, place))),
            None => tracing::debug!(peer = %inbound.peer, "too many streams at once, one was reset"),
        }
    }
}

/// Serves one stream to its end. What goes wrong concerns that stream alone, which is reset.
async fn stream(shared: Arc<Shared>, inbound: Inbound, place: Place) {
    let Inbound { peer, protocol, stream } = inbound;
    let wire = Wire::new(stream);
    let served: io::Result<()> = if protocol == shared.protocols.search {
        search::serve(&shared, wire, &place.searches).await
    } else {
        blobs::serve(&shared, wire).await
    };
    if let Err(error) = served {
        tracing::debug!(%peer, %protocol, "stream ended early: {error}");
    }
}
