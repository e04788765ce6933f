//! The geometry of a content's BLAKE3 tree over 16 KiB chunk groups, and the builder that hashes bytes into it.
//!
//! Every interior node lies between two groups and every border between two groups has exactly one node, so a node is
//! named by the border `mid` that it splits at: 1 for the border after the first group. The outboard file holds the
//! 64-byte pairs in that order, pair `mid` at `(mid - 1) * 64`. So any run of groups has its nodes in one run of the
//! file, and a transfer that starts in the middle writes straight to the right place. On the wire `bao-tree` numbers
//! the same node `mid * 16 - 1`.

use std::ops::Range;

use blake3::{
    Hasher,
    hazmat::{ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root},
};

/// Bytes of one chunk group, the unit that is verified: `bao_tree::BlockSize::from_chunk_log(4)`.
pub const GROUP: u64 = 16 * 1024;
/// BLAKE3 chunks of 1 KiB in one group.
const CHUNKS_PER_GROUP: u64 = 16;
/// Bytes of one interior node: the chaining values of both children.
pub const PAIR: u64 = 64;
/// Most levels that a tree can have, which bounds every recursion over it.
const MAX_LEVELS: usize = 64;

/// The chaining values of the left and the right child.
pub type Pair = [[u8; 32]; 2];

/// The shape of the tree over a content of some size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Bytes of the content.
    pub size: u64,
}

impl Geometry {
    /// Chunk groups; an empty content has one, of no bytes.
    pub fn groups(self) -> u64 {
        self.size.div_ceil(GROUP).max(1)
    }

    /// Bytes of the outboard.
    pub fn outboard(self) -> u64 {
        (self.groups() - 1) * PAIR
    }

    /// The byte range of a run of groups.
    pub fn bytes(self, groups: Range<u64>) -> Range<u64> {
        groups.start.saturating_mul(GROUP).min(self.size)..groups.end.saturating_mul(GROUP).min(self.size)
    }

    /// The groups that hold a byte range, which is cut at the content's end.
    pub fn covering(self, range: &Range<u64>) -> Range<u64> {
        let end = range.end.min(self.size);
        if range.start >= end { 0..0 } else { range.start / GROUP..end.div_ceil(GROUP) }
    }
}

/// The border at which the node over `groups` splits: the left child is the largest whole tree.
pub fn split(groups: &Range<u64>) -> u64 {
    let count = groups.end - groups.start;
    groups.start + (count.div_ceil(2)).next_power_of_two()
}

/// The border of a node by its number on the wire, if it is one of this tree.
pub fn border_of(node: u64, geometry: Geometry) -> Option<u64> {
    let chunk = node.checked_add(1)?;
    let mid = chunk / CHUNKS_PER_GROUP;
    (chunk % CHUNKS_PER_GROUP == 0 && mid >= 1 && mid < geometry.groups()).then_some(mid)
}

/// The number on the wire of the node that splits at a border.
pub fn node_of(mid: u64) -> u64 {
    mid * CHUNKS_PER_GROUP - 1
}

/// The chaining value of one group, or the content's hash when the group is all of it.
pub fn hash_group(index: u64, bytes: &[u8], whole: bool) -> [u8; 32] {
    if whole {
        return *blake3::hash(bytes).as_bytes();
    }
    Hasher::new().set_input_offset(index * GROUP).update(bytes).finalize_non_root()
}

/// The chaining value of the node with these children, or the content's hash when it is the root.
pub fn hash_pair(pair: &Pair, root: bool) -> [u8; 32] {
    let [left, right] = pair;
    match root {
        true => *merge_subtrees_root(left, right, Mode::Hash).as_bytes(),
        false => merge_subtrees_non_root(left, right, Mode::Hash),
    }
}

/// Hashes a content as its bytes arrive, and hands out the pairs of the outboard.
///
/// Pairs come out as soon as they are known; the caller writes them to `(mid - 1) * 64`.
#[derive(Default)]
pub struct TreeBuilder {
    open: Vec<u8>,
    groups: u64,
    size: u64,
    /// Finished subtrees that wait for their right neighbour: the first group of each and its value.
    stack: Vec<(u64, ChainingValue)>,
    pairs: Vec<(u64, Pair)>,
}

impl TreeBuilder {
    /// A builder that has seen no bytes.
    pub fn new() -> Self {
        Self { stack: Vec::with_capacity(MAX_LEVELS), ..Self::default() }
    }

    /// Takes the next bytes of the content.
    pub fn update(&mut self, mut bytes: &[u8]) {
        self.size += bytes.len() as u64;
        while !bytes.is_empty() {
            // The last group stays open: if it turns out to be the only one, it is hashed as the root.
            if self.open.len() == GROUP as usize {
                let open = std::mem::take(&mut self.open);
                self.push(&open);
                self.open = open;
                self.open.clear();
            }
            if self.open.is_empty() && bytes.len() > GROUP as usize {
                let (group, rest) = bytes.split_at(GROUP as usize);
                self.push(group);
                bytes = rest;
                continue;
            }
            let take = bytes.len().min(GROUP as usize - self.open.len());
            self.open.extend_from_slice(&bytes[..take]);
            bytes = &bytes[take..];
        }
    }

    /// Bytes taken so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The pairs that became known since the last call, each with its border.
    pub fn take_pairs(&mut self) -> Vec<(u64, Pair)> {
        std::mem::take(&mut self.pairs)
    }

    /// Ends the content: its hash, and the pairs that were still missing.
    pub fn finish(mut self) -> (blake3::Hash, Vec<(u64, Pair)>) {
        if self.groups == 0 {
            return (blake3::hash(&self.open), self.pairs);
        }
        let open = std::mem::take(&mut self.open);
        self.push(&open);
        while let [.., (_, left), (mid, right)] = self.stack[..] {
            let pair = [left, right];
            let (first, root) = (self.stack[self.stack.len() - 2].0, self.stack.len() == 2);
            self.pairs.push((mid, pair));
            self.stack.truncate(self.stack.len() - 2);
            self.stack.push((first, hash_pair(&pair, root)));
        }
        (blake3::Hash::from_bytes(self.stack[0].1), self.pairs)
    }

    fn push(&mut self, group: &[u8]) {
        // Whole subtrees are joined only when a further group shows that none of them is the root.
        let mut complete = self.groups;
        while complete > 1 && complete & 1 == 0 {
            self.join();
            complete >>= 1;
        }
        self.stack.push((self.groups, hash_group(self.groups, group, false)));
        self.groups += 1;
    }

    fn join(&mut self) {
        if let [.., (first, left), (mid, right)] = self.stack[..] {
            let pair = [left, right];
            self.pairs.push((mid, pair));
            self.stack.truncate(self.stack.len() - 2);
            self.stack.push((first, hash_pair(&pair, false)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bao_tree::{BlockSize, io::outboard::PreOrderMemOutboard, io::sync::Outboard};

    #[test]
    fn hash_and_nodes_are_those_of_bao_tree() {
        let data: Vec<u8> = (0..GROUP * 37 + 5).map(|i| (i * i % 251) as u8).collect();
        for size in [0, 1, 1024, 16383, 16384, 16385, 32768, 32769, 49152, 65536, 81921, data.len()] {
            let data = &data[..size];
            let mut builder = TreeBuilder::new();
            let mut pairs = Vec::new();
            for part in data.chunks(10_007) {
                builder.update(part);
                pairs.append(&mut builder.take_pairs());
            }
            let (hash, mut rest) = builder.finish();
            pairs.append(&mut rest);
            assert_eq!(hash, blake3::hash(data), "{size}");
            let geometry = Geometry { size: size as u64 };
            assert_eq!(pairs.len() as u64, geometry.groups() - 1, "{size}");
            let reference = PreOrderMemOutboard::create(data, BlockSize::from_chunk_log(4));
            let ours: std::collections::HashMap<_, _> =
                pairs.iter().map(|(mid, pair)| (mid * CHUNKS_PER_GROUP - 1, *pair)).collect();
            for node in reference.tree.pre_order_nodes_iter() {
                if let Some((left, right)) = reference.load(node).unwrap() {
                    let number = node.mid().0 - 1;
                    assert_eq!(ours[&number], [*left.as_bytes(), *right.as_bytes()], "{size} {node}");
                    assert!(border_of(number, geometry).is_some());
                }
            }
        }
    }

    #[test]
    fn numbers_that_are_no_node_of_the_tree_have_no_border() {
        let geometry = Geometry { size: 3 * GROUP };
        assert_eq!(border_of(15, geometry), Some(1));
        assert_eq!(border_of(31, geometry), Some(2));
        for node in [0, 14, 47, u64::MAX, u64::MAX - 16] {
            assert_eq!(border_of(node, geometry), None, "{node}");
        }
    }
}
