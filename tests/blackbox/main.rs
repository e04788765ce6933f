//! The black-box tests: real `peergate` processes, spoken to only over the wire and the command line.
//!
//! One binary, so that the harness is compiled once. Every module tests one promise of the contract; `harness` starts
//! the nodes and speaks the bindings with code of its own, so that a mistake in the program's codecs cannot hide
//! behind the same mistake here.

mod harness;

mod access;
mod bridge;
mod catalogue;
mod cli;
#[path = "../conformance/mod.rs"]
mod conformance;
mod descriptions;
mod events;
mod faults;
mod faults_http;
mod gateway;
mod http;
mod limits;
mod manuals;
mod mtom;
mod recovery;
mod startup;
mod two_nodes;
mod two_nodes_content;
mod two_nodes_transfers;
mod uploads;
mod ws_security;
