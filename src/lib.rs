//! Peergate: a peer-to-peer gateway node. It searches and transfers content in peer-to-peer networks and offers
//! exactly these operations as SOAP, XML-RPC and JSON to systems that are no peers.
//!
//! The modules in reading order; `docs/ARCHITECTURE.md` says which may use which.

pub mod model;

pub mod operation;

pub mod binding;

pub mod http;

pub mod outbound;

pub mod access;

pub mod service;

pub mod bridge;

pub mod overlay;

pub mod store;

pub mod config;

pub mod node;

pub mod cli;
