//! The messages of blobs/1 (docs/protocols.md).

use super::super::hits::{MAX_HIT, WireHit};

/// Longest request.
pub(super) const MAX_REQUEST: usize = 128;
/// Longest header.
pub(super) const MAX_HEADER: usize = MAX_HIT + 128;
/// Longest block of a body.
pub(super) const MAX_BLOCK: usize = 1 << 20;

/// What is asked.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Request {
    #[prost(enumeration = "Kind", tag = "1")]
    pub kind: i32,
    /// The content's BLAKE3 hash.
    #[prost(bytes = "vec", tag = "2")]
    pub hash: Vec<u8>,
    /// The first byte wanted.
    #[prost(uint64, tag = "3")]
    pub start: u64,
    /// The byte after the last one wanted; beyond the content's end it is cut there.
    #[prost(uint64, tag = "4")]
    pub end: u64,
}

/// What is wanted of a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
pub(super) enum Kind {
    /// Its bytes.
    Fetch = 0,
    /// Its size and which part of the range could be sent.
    Have = 1,
    /// The same and its record.
    Describe = 2,
}

/// What is answered first.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Header {
    #[prost(enumeration = "Status", tag = "1")]
    pub status: i32,
    /// Bytes of the whole content.
    #[prost(uint64, tag = "2")]
    pub size: u64,
    /// The range that the body holds, or could hold: whole groups.
    #[prost(uint64, tag = "3")]
    pub start: u64,
    #[prost(uint64, tag = "4")]
    pub end: u64,
    #[prost(message, optional, tag = "5")]
    pub hit: Option<WireHit>,
}

/// How the answerer fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
pub(super) enum Status {
    /// It has the content.
    Ok = 0,
    /// It has nothing of the content, or nothing any more.
    NotFound = 1,
    /// The request is not valid.
    Invalid = 2,
    /// It has too much to do.
    Busy = 3,
    /// Something went wrong with it.
    Failed = 4,
}

/// What follows a block of length 0: why the body ends early.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Abort {
    #[prost(enumeration = "Status", tag = "1")]
    pub status: i32,
}
