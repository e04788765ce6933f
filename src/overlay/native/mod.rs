//! Peergate's own overlay on libp2p.
