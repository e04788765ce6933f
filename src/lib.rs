//! Peergate: a peer-to-peer gateway node. The modules in reading order:

pub mod model;

pub mod store;

pub mod overlay;

pub mod service;

pub mod access;

pub mod operation;

pub mod cli;

pub mod node;
