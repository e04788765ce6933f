//! Contents as streams that prove themselves: the interior nodes and 16 KiB groups of a content's BLAKE3 tree in
//! pre-order, as `bao-tree` encodes them. Peers send them in blobs/1, gateways in answers of HTTP.

pub mod decode;
pub mod encode;

use std::ops::Range;

use bao_tree::{BlockSize, ChunkNum, ChunkRanges};

/// Bytes of one chunk group: what is sent, proved and kept as one.
pub const GROUP: u64 = 16 << 10;
/// The same, as `bao-tree` counts: 2^4 chunks of 1 KiB.
const BLOCK: BlockSize = BlockSize::from_chunk_log(4);
/// Bytes of a chunk of BLAKE3.
const CHUNK: u64 = 1024;

/// The range rounded out to whole groups, cut at the content's end; a range that holds no byte of it is empty.
pub fn whole_groups(range: Range<u64>, size: u64) -> Range<u64> {
    if range.start >= range.end.min(size) {
        let start = range.start.min(size);
        return start..start;
    }
    let end = range.end.min(size).next_multiple_of(GROUP).min(size);
    range.start / GROUP * GROUP..end
}

/// A range of whole groups as the tree's iterators want it: open where it reaches the end.
fn chunks(range: &Range<u64>, size: u64) -> ChunkRanges {
    let start = ChunkNum::full_chunks(range.start);
    if range.is_empty() {
        ChunkRanges::empty()
    } else if range.end == size {
        ChunkRanges::from(start..)
    } else {
        ChunkRanges::from(start..ChunkNum::chunks(range.end))
    }
}

/// The node's number as [`crate::model::Parent`] has it, which is one less than the chunk in its middle.
fn number(node: bao_tree::TreeNode) -> u64 {
    node.mid().0 - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_rounded_out_to_groups_and_cut_at_the_end() {
        assert_eq!(whole_groups(0..1, 100), 0..100);
        assert_eq!(whole_groups(16_384..16_385, 100_000), 16_384..32_768);
        assert_eq!(whole_groups(99_999..u64::MAX, 100_000), 98_304..100_000);
        assert!(whole_groups(5..5, 100).is_empty());
        assert!(whole_groups(100..200, 100).is_empty());
        #[allow(clippy::reversed_empty_ranges, reason = "a stranger may send one")]
        let reversed = whole_groups(10..5, 100);
        assert!(reversed.is_empty());
        assert!(whole_groups(200_000..300_000, 100_000).is_empty());
        assert!(whole_groups(0..10, 0).is_empty());
    }
}
