//! A verified part of a content, as an overlay delivers it and the store keeps it.

use bytes::Bytes;

/// Bytes of a content whose place and value have been proved against its id.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Where the bytes begin in the content.
    pub offset: u64,
    /// The bytes: at most one chunk group (16 KiB) for native content.
    pub data: Bytes,
    /// The interior nodes of the content's BLAKE3 tree that were proved on the way to these bytes and are not in an
    /// earlier piece of the same stream; the store keeps them, so that it can prove the bytes to others in turn.
    /// Empty from overlays that verify by other means.
    pub parents: Vec<Parent>,
}

/// An interior node of a content's BLAKE3 tree over chunk groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// The node's number in the in-order numbering of the `bao-tree` crate (`TreeNode`).
    pub node: u64,
    /// The chaining values of its left and right child.
    pub pair: [[u8; 32]; 2],
}
