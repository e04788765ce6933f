//! Proving bytes that lie elsewhere: the nodes of a content's tree are here, its bytes come from a system that knows
//! nothing of them.
//!
//! The pieces that come out are those that a peer would have sent: each group with the nodes on the way to it, in
//! pre-order, so that they can be sent on, or kept, without hashing anything again.

use std::{fs::File, ops::Range, os::unix::fs::FileExt};

use bytes::Bytes;

use super::{
    StoreError,
    tree::{GROUP, Geometry, PAIR, Pair, hash_group, hash_pair, node_of, split},
};
use crate::model::{ContentId, Fault, Outcome, Parent, Piece};

/// The tree of one content.
#[derive(Debug)]
pub struct Proof {
    hash: [u8; 32],
    geometry: Geometry,
    /// Absent for a content of one group.
    nodes: Option<File>,
}

impl Proof {
    pub(super) fn new(hash: [u8; 32], size: u64, nodes: Option<File>) -> Self {
        Self { hash, geometry: Geometry { size }, nodes }
    }

    /// Whether a content of that size has nodes beside its hash.
    pub(super) fn needs_nodes(size: u64) -> bool {
        Geometry { size }.outboard() > 0
    }

    /// The groups that hold a byte range, as bytes: what has to be read to prove it.
    pub fn covering(&self, range: &Range<u64>) -> Range<u64> {
        self.geometry.bytes(self.geometry.covering(range))
    }

    /// Begins to prove a range of bytes, rounded to whole groups.
    pub fn walk(self, range: &Range<u64>) -> Walk {
        let all = 0..self.geometry.groups();
        let wanted = self.geometry.covering(range);
        Walk { wanted, ahead: vec![(all, self.hash)], parents: Vec::new(), proof: self }
    }
}

/// A range that is being proved, from its start on.
#[derive(Debug)]
pub struct Walk {
    proof: Proof,
    /// Groups that are still to be proved.
    wanted: Range<u64>,
    /// Subtrees that are still to be looked at, the next one last, each with its value.
    ahead: Vec<(Range<u64>, [u8; 32])>,
    parents: Vec<Parent>,
}

impl Walk {
    /// Proves the next bytes, which have to be whole groups. Blocks on the disk.
    ///
    /// # Errors
    /// Unavailable when the bytes, or the nodes that are here, are not those of the content; Internal when the disk
    /// cannot be read.
    pub fn prove(&mut self, mut bytes: Bytes) -> Outcome<Vec<Piece>> {
        let mut pieces = Vec::with_capacity(bytes.len() / GROUP as usize + 1);
        while !bytes.is_empty() {
            let Some((group, value)) = self.next_group()? else { return Err(self.misfit()) };
            let place = self.proof.geometry.bytes(group..group + 1);
            let length = (place.end - place.start) as usize;
            if bytes.len() < length {
                return Err(self.misfit());
            }
            let data = bytes.split_to(length);
            if hash_group(group, &data, self.proof.geometry.groups() == 1) != value {
                return Err(self.misfit());
            }
            self.wanted.start = group + 1;
            pieces.push(Piece { offset: place.start, data, parents: std::mem::take(&mut self.parents) });
        }
        Ok(pieces)
    }

    /// Goes down to the next wanted group, and notes the nodes on the way.
    fn next_group(&mut self) -> Outcome<Option<(u64, [u8; 32])>> {
        while let Some((groups, value)) = self.ahead.pop() {
            if groups.end <= self.wanted.start || self.wanted.end <= groups.start {
                continue;
            }
            if groups.end - groups.start == 1 {
                return Ok(Some((groups.start, value)));
            }
            let mid = split(&groups);
            let pair = self.pair(mid)?;
            if hash_pair(&pair, groups == (0..self.proof.geometry.groups())) != value {
                return Err(self.misfit());
            }
            self.parents.push(Parent { node: node_of(mid), pair });
            self.ahead.push((mid..groups.end, pair[1]));
            self.ahead.push((groups.start..mid, pair[0]));
        }
        Ok(None)
    }

    fn pair(&self, mid: u64) -> Outcome<Pair> {
        let mut pair: Pair = [[0; 32]; 2];
        let Some(nodes) = &self.proof.nodes else { return Err(self.misfit()) };
        match nodes.read_exact_at(pair.as_flattened_mut(), (mid - 1) * PAIR) {
            Ok(()) => Ok(pair),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Err(self.misfit()),
            Err(error) => Err(StoreError::from(error).into()),
        }
    }

    fn misfit(&self) -> Fault {
        Fault::unavailable(format!("the bytes are not those of {}", ContentId::Native(self.proof.hash)))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;
    use crate::store::tree::TreeBuilder;

    fn noise(size: usize) -> Bytes {
        let mut out = vec![0; size];
        blake3::Hasher::new().update(&size.to_le_bytes()).finalize_xof().fill(&mut out);
        out.into()
    }

    fn proof(data: &[u8]) -> Proof {
        let mut builder = TreeBuilder::new();
        builder.update(data);
        let (hash, mut pairs) = builder.finish();
        pairs.sort_by_key(|(mid, _)| *mid);
        let mut nodes = tempfile::tempfile().unwrap();
        pairs.iter().for_each(|(_, pair)| nodes.write_all(pair.as_flattened()).unwrap());
        nodes.rewind().unwrap();
        Proof::new(*hash.as_bytes(), data.len() as u64, (!pairs.is_empty()).then_some(nodes))
    }

    /// The pieces as bao-tree encodes the range: that is what a peer reads.
    fn encoded(data: &[u8], range: &Range<u64>) -> Vec<u8> {
        use bao_tree::{BlockSize, ByteRanges, io::outboard::PreOrderMemOutboard};
        let block = BlockSize::from_chunk_log(4);
        let outboard = PreOrderMemOutboard::create(data, block);
        let ranges = bao_tree::io::round_up_to_chunks(&ByteRanges::from(range.clone()));
        let mut out = Vec::new();
        bao_tree::io::sync::encode_ranges_validated(data, &outboard, &ranges, &mut out).unwrap();
        out
    }

    #[test]
    fn pieces_are_the_stream_that_a_peer_reads() {
        for size in [1, 16_384, 16_385, 5 * 16_384, 300_000, 1_000_003] {
            let data = noise(size);
            for range in [0..size as u64, (size as u64) / 2..size as u64, 20_000..40_000] {
                let proof = proof(&data);
                let covering = proof.covering(&range);
                if covering.is_empty() {
                    continue;
                }
                let mut walk = proof.walk(&range);
                let mut sent = Vec::new();
                let wanted = data.slice(covering.start as usize..covering.end as usize);
                for part in wanted.chunks(4 * GROUP as usize) {
                    for piece in walk.prove(wanted.slice_ref(part)).unwrap() {
                        piece.parents.iter().for_each(|parent| sent.extend_from_slice(parent.pair.as_flattened()));
                        sent.extend_from_slice(&piece.data);
                    }
                }
                assert!(sent == encoded(&data, &covering), "{size} {range:?}");
            }
        }
    }

    #[test]
    fn other_bytes_and_lost_nodes_prove_nothing() {
        let data = noise(300_000);
        let mut other = data.to_vec();
        other[200_000] ^= 1;
        let mut walk = proof(&data).walk(&(0..300_000));
        assert!(walk.prove(other.into()).is_err());
        let mut bare = proof(&data);
        bare.nodes = Some(tempfile::tempfile().unwrap());
        assert!(bare.walk(&(0..300_000)).prove(data.clone()).is_err());
        let mut walk = proof(&data).walk(&(0..300_000));
        assert!(walk.prove(data.slice(..GROUP as usize + 1)).is_err(), "half a group is none");
    }
}
