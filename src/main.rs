//! Peergate.
fn main() {}
