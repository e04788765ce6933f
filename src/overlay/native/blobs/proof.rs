//! What makes a peer's bytes believable: the tree of a native content, or the hash that its sender names at the end.

use std::ops::Range;

use bytes::BytesMut;

use super::decode::{Decoder, Forged};
use crate::model::{ContentId, Piece};

/// How the bytes of one range are proved.
pub(super) enum Proof {
    /// Each group when it comes.
    ByTree(Decoder),
    /// A content of another network: once all is here.
    AtTheEnd(Whole),
}

/// Bytes of a content whose id tells nothing of them.
pub(super) struct Whole {
    position: u64,
    end: u64,
    /// Where the range is the whole content; a part of it cannot be compared with anything.
    hasher: Option<Box<blake3::Hasher>>,
}

impl Proof {
    /// For a range of whole groups of a content of that size.
    pub fn new(id: &ContentId, size: u64, range: &Range<u64>) -> Self {
        match id.hash() {
            Some(hash) => Self::ByTree(Decoder::new(hash.into(), size, range)),
            None => Self::AtTheEnd(Whole {
                position: range.start,
                end: range.end,
                hasher: (*range == (0..size)).then(Box::default),
            }),
        }
    }

    /// Whether all bytes of the range are here.
    pub fn is_complete(&self) -> bool {
        match self {
            Self::ByTree(decoder) => decoder.is_complete(),
            Self::AtTheEnd(whole) => whole.position == whole.end,
        }
    }

    /// Takes what can be handed on off the front of `bytes`.
    ///
    /// # Errors
    /// When the bytes are not those of the content.
    pub fn take(&mut self, bytes: &mut BytesMut, pieces: &mut Vec<Piece>) -> Result<(), Forged> {
        match self {
            Self::ByTree(decoder) => decoder.decode(bytes, pieces),
            Self::AtTheEnd(whole) => whole.take(bytes, pieces),
        }
    }
}

impl Whole {
    fn take(&mut self, bytes: &mut BytesMut, pieces: &mut Vec<Piece>) -> Result<(), Forged> {
        let data = bytes.split().freeze();
        let offset = self.position;
        self.position += data.len() as u64;
        if self.position > self.end {
            return Err(Forged);
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&data);
        }
        if !data.is_empty() {
            pieces.push(Piece { offset, data, parents: Vec::new() });
        }
        Ok(())
    }

    /// Compares the bytes with the hash that their sender names.
    ///
    /// # Errors
    /// When they are of something else.
    pub fn agrees_with(self, hash: &[u8]) -> Result<(), Forged> {
        match self.hasher {
            Some(hasher) if hasher.finalize().as_bytes() != hash => Err(Forged),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn foreign() -> ContentId {
        "cat:archive:7".parse().unwrap()
    }

    fn taken(range: Range<u64>, size: u64, bytes: &[u8]) -> (Proof, Result<(), Forged>, Vec<Piece>) {
        let mut proof = Proof::new(&foreign(), size, &range);
        let mut pieces = Vec::new();
        let outcome = proof.take(&mut BytesMut::from(bytes), &mut pieces);
        (proof, outcome, pieces)
    }

    #[test]
    fn a_whole_foreign_content_is_compared_with_the_hash_at_its_end() {
        for (named, agrees) in [(blake3::hash(b"entry"), true), (blake3::hash(b"other"), false)] {
            let (proof, outcome, pieces) = taken(0..5, 5, b"entry");
            assert!(outcome.is_ok() && proof.is_complete() && pieces[0].data[..] == b"entry"[..]);
            let Proof::AtTheEnd(whole) = proof else { panic!("a foreign content has no tree") };
            assert_eq!(whole.agrees_with(named.as_bytes()).is_ok(), agrees);
        }
    }

    #[test]
    fn a_part_is_taken_as_it_comes_and_never_more_than_was_stated() {
        let (proof, outcome, pieces) = taken(2..5, 9, b"try");
        assert!(outcome.is_ok() && proof.is_complete() && pieces[0].offset == 2);
        assert!(taken(2..5, 9, b"trying").1.is_err());
    }
}
