//! blobs/1: ranges of contents, each 16 KiB group proved against the content's BLAKE3 hash before it is handed on.
//!
//! Whoever sends bytes needs no trust: a wrong byte ends the stream, and its sender is not asked for that content again.
//! The bytes of another network's content have no such proof on their way; their sender names their hash at the end.

mod block;
mod body;
mod client;
mod find;
mod messages;
mod passing;
mod proof;
mod server;

pub(super) use client::fetch;
pub(super) use find::{locate, record_key};
pub(super) use server::serve;

use crate::overlay::bao::{GROUP, decode, whole_groups};
