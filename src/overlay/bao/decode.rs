//! Bytes of a bao stream, proved as they come.
//!
//! The stream holds the tree's interior nodes and groups in pre-order, so a stack of expected hashes is all that is
//! remembered, whatever the content's size. Nothing leaves here that did not hash to what its parent said.

use std::ops::Range;

use bao_tree::{
    BaoTree, TreeNode,
    iter::{BaoChunk, ResponseIter},
};
use blake3::hazmat::{ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};
use bytes::BytesMut;

use super::{BLOCK, CHUNK, chunks, number};
use crate::model::{Parent, Piece};

/// Bytes of an interior node: two chaining values.
const NODE: usize = 64;

/// The bytes are not those of the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bytes that do not belong to the content")]
pub struct Forged;

/// The decoder of one range of one content.
pub struct Decoder {
    items: ResponseIter,
    next: Option<BaoChunk>,
    expected: Vec<ChainingValue>,
    parents: Vec<Parent>,
}

impl Decoder {
    /// For a range of whole groups of the content with this hash and size.
    pub fn new(hash: [u8; 32], size: u64, range: &Range<u64>) -> Self {
        let mut items = ResponseIter::new(BaoTree::new(size, BLOCK), chunks(range, size));
        let next = items.next();
        Self { items, next, expected: vec![hash], parents: Vec::new() }
    }

    /// Whether all bytes of the range have been proved.
    pub fn is_complete(&self) -> bool {
        self.next.is_none()
    }

    /// Takes whole items off the front of `bytes` and adds the groups among them to `pieces`.
    ///
    /// # Errors
    /// When an item does not hash to what was expected; the decoder is of no use afterwards.
    pub fn decode(&mut self, bytes: &mut BytesMut, pieces: &mut Vec<Piece>) -> Result<(), Forged> {
        while let Some(item) = self.next {
            match item {
                BaoChunk::Parent { node, is_root, left, right, .. } => {
                    if bytes.len() < NODE {
                        return Ok(());
                    }
                    self.parent(&bytes.split_to(NODE), node, is_root, left, right)?;
                }
                BaoChunk::Leaf { start_chunk, size, is_root, .. } => {
                    if bytes.len() < size {
                        return Ok(());
                    }
                    let data = bytes.split_to(size).freeze();
                    let offset = start_chunk.0 * CHUNK;
                    if self.expected.pop() != Some(leaf_hash(offset, &data, is_root)) {
                        return Err(Forged);
                    }
                    pieces.push(Piece { offset, data, parents: std::mem::take(&mut self.parents) });
                }
            }
            self.next = self.items.next();
        }
        Ok(())
    }

    fn parent(&mut self, bytes: &[u8], node: TreeNode, is_root: bool, left: bool, right: bool) -> Result<(), Forged> {
        let mut pair = [[0; 32]; 2];
        pair[0].copy_from_slice(&bytes[..32]);
        pair[1].copy_from_slice(&bytes[32..]);
        let actual = if is_root {
            *merge_subtrees_root(&pair[0], &pair[1], Mode::Hash).as_bytes()
        } else {
            merge_subtrees_non_root(&pair[0], &pair[1], Mode::Hash)
        };
        if self.expected.pop() != Some(actual) {
            return Err(Forged);
        }
        if right {
            self.expected.push(pair[1]);
        }
        if left {
            self.expected.push(pair[0]);
        }
        self.parents.push(Parent { node: number(node), pair });
        Ok(())
    }
}

fn leaf_hash(offset: u64, data: &[u8], is_root: bool) -> ChainingValue {
    if is_root {
        return *blake3::hash(data).as_bytes();
    }
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(offset);
    hasher.update(data);
    hasher.finalize_non_root()
}

#[cfg(test)]
mod tests {
    use bao_tree::io::{outboard::PreOrderMemOutboard, sync::encode_ranges_validated};

    use super::{super::whole_groups, *};

    fn encoded(data: &[u8], range: &Range<u64>) -> ([u8; 32], Vec<u8>) {
        let outboard = PreOrderMemOutboard::create(data, BLOCK);
        let mut out = Vec::new();
        encode_ranges_validated(data, &outboard, &chunks(range, data.len() as u64), &mut out).unwrap();
        (*outboard.root.as_bytes(), out)
    }

    fn content(size: usize) -> Vec<u8> {
        (0..size).map(|at| (at / 7 % 251) as u8).collect()
    }

    #[test]
    fn every_range_of_every_size_is_proved_however_the_bytes_are_cut() {
        for size in [1, 1023, 16_383, 16_384, 16_385, 32_768, 100_000, 1_000_000] {
            let data = content(size);
            for wanted in [0..1, 0..u64::MAX, 20_000..20_001, 16_384..32_768, 99_999..200_000] {
                let range = whole_groups(wanted, size as u64);
                let (hash, stream) = encoded(&data, &range);
                for cut in [1, 63, 5000, usize::MAX] {
                    let mut decoder = Decoder::new(hash, size as u64, &range);
                    let (mut bytes, mut pieces) = (BytesMut::new(), Vec::new());
                    for part in stream.chunks(cut.min(stream.len().max(1))) {
                        bytes.extend_from_slice(part);
                        decoder.decode(&mut bytes, &mut pieces).unwrap();
                    }
                    assert!(decoder.is_complete() && bytes.is_empty(), "{size} {range:?}");
                    let joined: Vec<u8> = pieces.iter().flat_map(|piece| piece.data.to_vec()).collect();
                    assert_eq!(joined, data[range.start as usize..range.end as usize]);
                }
            }
        }
    }

    #[test]
    fn parents_carry_the_numbers_of_the_tree() {
        let data = content(200_000);
        let (hash, stream) = encoded(&data, &(0..200_000));
        let outboard = PreOrderMemOutboard::create(&data, BLOCK);
        let (mut bytes, mut pieces) = (BytesMut::from(&stream[..]), Vec::new());
        Decoder::new(hash, 200_000, &(0..200_000)).decode(&mut bytes, &mut pieces).unwrap();
        let parents: Vec<_> = pieces.iter().flat_map(|piece| &piece.parents).collect();
        assert_eq!(parents.len() as u64 * 64, BaoTree::new(200_000, BLOCK).outboard_size());
        for node in BaoTree::new(200_000, BLOCK).pre_order_nodes_iter() {
            use bao_tree::io::sync::Outboard;
            let Some((left, right)) = outboard.load(node).unwrap() else { continue };
            let ours = parents.iter().find(|parent| parent.node == number(node)).expect("every node is delivered");
            assert_eq!(node.to_string(), ours.node.to_string());
            assert_eq!(ours.pair, [*left.as_bytes(), *right.as_bytes()]);
        }
    }

    #[test]
    fn a_changed_byte_anywhere_is_noticed_before_its_group_is_handed_out() {
        let data = content(100_000);
        let (hash, stream) = encoded(&data, &(0..100_000));
        for at in (0..stream.len()).step_by(997) {
            let mut forged = BytesMut::from(&stream[..]);
            forged[at] ^= 1;
            let mut pieces = Vec::new();
            assert_eq!(Decoder::new(hash, 100_000, &(0..100_000)).decode(&mut forged, &mut pieces), Err(Forged));
            for piece in pieces {
                assert_eq!(piece.data, data[piece.offset as usize..][..piece.data.len()]);
            }
        }
        let mut bytes = BytesMut::from(&stream[..]);
        assert_eq!(Decoder::new(hash, 99_999, &(0..99_999)).decode(&mut bytes, &mut Vec::new()), Err(Forged));
    }
}
