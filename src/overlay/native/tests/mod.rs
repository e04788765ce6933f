//! Behaviour over real loopback sockets.
