//! One content in memory, and the manner in which it is sent.

use std::{io, ops::Range, sync::Arc};

use bao_tree::{
    BaoTree, BlockSize, ChunkNum, ChunkRanges,
    io::{outboard::PreOrderMemOutboard, sync::Outboard},
    iter::{BaoChunk, ResponseIter},
};
use bytes::Bytes;

use super::Gate;
use crate::{
    model::{ContentId, Hit, Parent, Piece, Time},
    overlay::Source,
};

const BLOCK: BlockSize = BlockSize::from_chunk_log(4);
const GROUP: u64 = 16 << 10;
/// Bytes of a chunk of BLAKE3.
const CHUNK: u64 = 1024;

/// How a content is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// As it is.
    Honest,
    /// One bit of the last byte is another.
    Forged,
    /// Nothing comes after so many bytes, and no end either, until the gate opens.
    Stalled(u64),
    /// It ends with a failure after so many bytes.
    Broken(u64),
    /// The file behind it has changed.
    Changed,
    /// Only its first so many bytes are here.
    Partial(u64),
}

/// A content, with the record that tells of it.
#[derive(Clone, Debug)]
pub struct Article {
    /// What a search finds.
    pub hit: Hit,
    /// Its bytes.
    pub data: Bytes,
    /// How they are sent.
    pub manner: Manner,
    pub(super) outboard: Arc<PreOrderMemOutboard>,
    pub(super) gate: Gate,
}

/// Bytes that differ from place to place.
pub fn content(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at / 3 % 251) as u8).collect()
}

impl Article {
    /// A text of that name, under its native id, sent as it is.
    pub fn new(name: &str, data: impl Into<Bytes>) -> Self {
        let data = data.into();
        let outboard = PreOrderMemOutboard::create(&data, BLOCK);
        let hit = Hit {
            content_id: ContentId::native(outboard.root),
            name: name.to_owned(),
            size: data.len() as u64,
            media_type: "text/plain".to_owned(),
            description: None,
            tags: Vec::new(),
            modified: Some(Time::from_millis(1_700_000_000_000)),
            overlay: "theirs".to_owned(),
            providers: 1,
            score: 1.0,
            via: Vec::new(),
        };
        Self { hit, data, manner: Manner::Honest, outboard: outboard.into(), gate: Gate::default() }
    }

    /// The same under an id of another network, which proves nothing.
    pub fn under(mut self, id: &str) -> Self {
        self.hit.content_id = id.parse().unwrap();
        self
    }

    /// The same with another record.
    pub fn told(mut self, change: impl FnOnce(&mut Hit)) -> Self {
        change(&mut self.hit);
        self
    }

    /// The same, sent in that manner.
    pub fn sent(mut self, manner: Manner) -> Self {
        self.manner = manner;
        self
    }

    /// What names it.
    pub fn id(&self) -> &ContentId {
        &self.hit.content_id
    }

    /// The range rounded out to whole groups and cut at the end; empty where it holds no byte.
    pub fn groups(&self, range: Range<u64>) -> Range<u64> {
        let size = self.data.len() as u64;
        let end = range.end.min(size);
        if range.start >= end {
            return range.start.min(size)..range.start.min(size);
        }
        range.start / GROUP * GROUP..end.next_multiple_of(GROUP).min(size)
    }

    /// The pieces of a range of groups as a fetch brings them, and whether the manner keeps the rest back.
    pub fn pieces(&self, range: Range<u64>) -> Vec<Piece> {
        let size = self.data.len() as u64;
        let whole = self.groups(range);
        if whole.is_empty() {
            return Vec::new();
        }
        if self.hit.content_id.hash().is_none() {
            return self.plain_pieces(whole);
        }
        let (mut pieces, mut parents) = (Vec::new(), Vec::new());
        for item in ResponseIter::new(BaoTree::new(size, BLOCK), chunks(&whole, size)) {
            match item {
                BaoChunk::Parent { node, .. } => {
                    let (left, right) = self.outboard.load(node).unwrap().expect("memory holds every node");
                    parents.push(Parent { node: node.mid().0 - 1, pair: [*left.as_bytes(), *right.as_bytes()] });
                }
                BaoChunk::Leaf { start_chunk, size, .. } => {
                    let offset = start_chunk.0 * CHUNK;
                    let data = self.slice(offset, size as u64);
                    pieces.push(Piece { offset, data, parents: std::mem::take(&mut parents) });
                }
            }
        }
        pieces
    }

    fn plain_pieces(&self, range: Range<u64>) -> Vec<Piece> {
        let starts = range.clone().step_by(GROUP as usize);
        let piece =
            |offset| Piece { offset, data: self.slice(offset, GROUP.min(range.end - offset)), parents: Vec::new() };
        starts.map(piece).collect()
    }

    /// Bytes as the manner has them.
    fn slice(&self, offset: u64, length: u64) -> Bytes {
        let end = offset + length;
        let data = self.data.slice(offset as usize..end as usize);
        if self.manner != Manner::Forged || end < self.data.len() as u64 {
            return data;
        }
        let mut forged = data.to_vec();
        forged.last_mut().into_iter().for_each(|byte| *byte ^= 1);
        forged.into()
    }

    /// The bao stream of a range, as the pieces have it.
    pub fn stream(&self, range: Range<u64>) -> Vec<u8> {
        let mut stream = Vec::new();
        for piece in self.pieces(range) {
            piece.parents.iter().for_each(|parent| stream.extend_from_slice(parent.pair.as_flattened()));
            stream.extend_from_slice(&piece.data);
        }
        stream
    }
}

impl Source for Article {
    fn size(&self) -> u64 {
        self.data.len() as u64
    }

    fn available(&self, range: Range<u64>) -> Range<u64> {
        match self.manner {
            Manner::Partial(here) => range.start.min(here)..range.end.min(here),
            _ => range,
        }
    }

    fn encode(&self, range: Range<u64>, out: &mut dyn io::Write) -> io::Result<()> {
        if self.manner == Manner::Changed {
            return Err(io::ErrorKind::InvalidData.into());
        }
        for piece in self.pieces(range) {
            let end = piece.offset + piece.data.len() as u64;
            match self.manner {
                Manner::Stalled(after) if end > after => {
                    out.flush()?;
                    self.gate.pass_blocking();
                    return Err(io::ErrorKind::BrokenPipe.into());
                }
                Manner::Broken(after) if end > after => return Err(io::Error::other("the disk is broken")),
                _ => {}
            }
            piece.parents.iter().try_for_each(|parent| out.write_all(parent.pair.as_flattened()))?;
            out.write_all(&piece.data)?;
        }
        Ok(())
    }
}

fn chunks(range: &Range<u64>, size: u64) -> ChunkRanges {
    let start = ChunkNum::full_chunks(range.start);
    if range.end == size { ChunkRanges::from(start..) } else { ChunkRanges::from(start..ChunkNum::chunks(range.end)) }
}
