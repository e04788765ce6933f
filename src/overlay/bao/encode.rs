//! Pieces that were proved, as the stream that proves them to others.
//!
//! Pieces of one fetch are that stream already. Where one source follows another the second one begins with nodes which
//! the first has sent, so the shape of the whole range's tree decides what goes out.

use std::ops::Range;

use bao_tree::{
    BaoTree,
    iter::{BaoChunk, ResponseIter},
};
use bytes::Bytes;

use super::{BLOCK, CHUNK, chunks, number};
use crate::model::Piece;

/// The pieces are not the next ones of the range, or lack nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("pieces of a content that are out of order or without its tree")]
pub struct Gap;

/// The encoder of one range of one content.
pub struct Encoder {
    items: ResponseIter,
    next: Option<BaoChunk>,
}

impl Encoder {
    /// For a range of whole groups of a content of that size.
    pub fn new(size: u64, range: &Range<u64>) -> Self {
        let mut items = ResponseIter::new(BaoTree::new(size, BLOCK), chunks(range, size));
        let next = items.next();
        Self { items, next }
    }

    /// Whether the range is over.
    pub fn is_complete(&self) -> bool {
        self.next.is_none()
    }

    /// What the next group adds to the stream: the nodes on the way to it, and its bytes.
    ///
    /// # Errors
    /// When it is not the next one; the encoder is of no use afterwards.
    pub fn encode(&mut self, piece: Piece) -> Result<[Bytes; 2], Gap> {
        let mut nodes = Vec::new();
        let mut parents = piece.parents.iter();
        while let Some(BaoChunk::Parent { node, .. }) = self.next {
            let wanted = number(node);
            let parent = parents.find(|parent| parent.node == wanted).ok_or(Gap)?;
            nodes.extend_from_slice(parent.pair.as_flattened());
            self.next = self.items.next();
        }
        match self.next {
            Some(BaoChunk::Leaf { start_chunk, size, .. })
                if start_chunk.0 * CHUNK == piece.offset && size == piece.data.len() =>
            {
                self.next = self.items.next();
                Ok([nodes.into(), piece.data])
            }
            _ => Err(Gap),
        }
    }
}

#[cfg(test)]
mod tests {
    use bao_tree::io::{outboard::PreOrderMemOutboard, sync::encode_ranges_validated};
    use bytes::BytesMut;

    use super::{
        super::{decode::Decoder, whole_groups},
        *,
    };

    fn encoded(data: &[u8], range: &Range<u64>) -> ([u8; 32], Vec<u8>) {
        let outboard = PreOrderMemOutboard::create(data, BLOCK);
        let mut out = Vec::new();
        encode_ranges_validated(data, &outboard, &chunks(range, data.len() as u64), &mut out).unwrap();
        (*outboard.root.as_bytes(), out)
    }

    fn pieces(data: &[u8], range: Range<u64>) -> Vec<Piece> {
        let (hash, stream) = encoded(data, &range);
        let mut pieces = Vec::new();
        let mut decoder = Decoder::new(hash, data.len() as u64, &range);
        decoder.decode(&mut BytesMut::from(&stream[..]), &mut pieces).unwrap();
        pieces
    }

    #[test]
    fn pieces_of_several_sources_are_one_stream() {
        let data: Vec<u8> = (0..500_000).map(|at| (at / 7 % 251) as u8).collect();
        let size = data.len() as u64;
        for wanted in [0..size, 100_000..400_000, 0..1, 480_000..size] {
            let range = whole_groups(wanted, size);
            let (_, want) = encoded(&data, &range);
            let groups = (range.end - range.start).div_ceil(super::super::GROUP);
            for cut in [0, groups / 2, groups - 1] {
                let mid = range.start + cut * super::super::GROUP;
                let first = pieces(&data, range.start..mid.max(range.start));
                let all = first.into_iter().chain(pieces(&data, mid..range.end));
                let mut encoder = Encoder::new(size, &range);
                let sent: Vec<u8> = all.flat_map(|piece| encoder.encode(piece).unwrap().concat()).collect();
                assert!(encoder.is_complete() && sent == want, "{range:?} {cut}");
            }
        }
    }

    #[test]
    fn pieces_that_are_lost_or_bare_are_noticed() {
        let data = vec![7; 100_000];
        let all = pieces(&data, 0..100_000);
        let mut encoder = Encoder::new(100_000, &(0..100_000));
        encoder.encode(all[0].clone()).unwrap();
        assert_eq!(encoder.encode(all[2].clone()), Err(Gap));
        let bare = Piece { parents: Vec::new(), ..all[0].clone() };
        assert_eq!(Encoder::new(100_000, &(0..100_000)).encode(bare), Err(Gap));
    }
}
