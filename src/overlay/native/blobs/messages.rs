//! The messages of blobs/1 (docs/protocols.md).

use std::ops::Range;

use super::super::{
    hits::{MAX_HIT, WireHit},
    journey::{MAX_JOURNEY, WireJourney},
};
use crate::model::{ContentId, Fault, FaultKind, Journey};

/// Longest request.
pub(super) const MAX_REQUEST: usize = MAX_ID + MAX_JOURNEY + 128;
/// Longest text of a content id, in bytes.
const MAX_ID: usize = 4 << 10;
/// Longest header.
pub(super) const MAX_HEADER: usize = MAX_HIT + 128;
/// Longest block of a body.
pub(super) const MAX_BLOCK: usize = 1 << 20;

/// What is asked.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Request {
    #[prost(enumeration = "Kind", tag = "1")]
    pub kind: i32,
    /// The content's BLAKE3 hash; empty for one of another network.
    #[prost(bytes = "vec", tag = "2")]
    pub hash: Vec<u8>,
    /// The first byte wanted.
    #[prost(uint64, tag = "3")]
    pub start: u64,
    /// The byte after the last one wanted; beyond the content's end it is cut there.
    #[prost(uint64, tag = "4")]
    pub end: u64,
    /// The text of the id of a content of another network.
    #[prost(string, tag = "5")]
    pub foreign_id: String,
    /// The way of the request.
    #[prost(message, optional, tag = "6")]
    pub journey: Option<WireJourney>,
}

impl Request {
    /// Asks for a range of a content.
    pub fn of(kind: Kind, id: &ContentId, range: &Range<u64>, journey: &Journey) -> Self {
        let (hash, foreign_id) = match id.hash() {
            Some(hash) => (hash.as_bytes().to_vec(), String::new()),
            None => (Vec::new(), id.to_string()),
        };
        let journey = Some(WireJourney::of(journey));
        Self { kind: kind.into(), hash, start: range.start, end: range.end, foreign_id, journey }
    }

    /// The content that is asked for.
    pub fn content_id(&self) -> Option<ContentId> {
        if self.foreign_id.is_empty() {
            return Some(ContentId::native(<[u8; 32]>::try_from(self.hash.as_slice()).ok()?));
        }
        self.foreign_id.parse().ok().filter(|id: &ContentId| id.hash().is_none())
    }
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

impl Status {
    /// What a peer is told of a fault.
    pub fn of(fault: &Fault) -> Self {
        match fault.kind {
            FaultKind::NotFound | FaultKind::Unsupported => Self::NotFound,
            FaultKind::InvalidRequest => Self::Invalid,
            FaultKind::LimitExceeded => Self::Busy,
            _ => Self::Failed,
        }
    }
}

/// What follows a block of length 0: how the body ended.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct End {
    /// Ok behind a whole body, otherwise why nothing more comes.
    #[prost(enumeration = "Status", tag = "1")]
    pub status: i32,
    /// The BLAKE3 hash of a content of another network that was sent whole.
    #[prost(bytes = "vec", tag = "2")]
    pub hash: Vec<u8>,
}
