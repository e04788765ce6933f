//! Behaviour over real loopback sockets: a few nodes in one process, each with contents in memory.

mod behaviour;
mod double;
mod membership;
mod searching;
mod transferring;
