//! A block of a content's body: as many bytes as fit, behind their number.

/// Bytes of one block; large, so that one write serves many groups.
const BYTES: usize = 256 << 10;
/// Bytes in front of a block: its length, big-endian.
const PREFIX: usize = 4;

/// A block that is being filled.
#[derive(Default)]
pub(super) struct Block(Vec<u8>);

impl Block {
    /// The block of length 0, behind which a body's end is told.
    pub const LAST: [u8; PREFIX] = [0; PREFIX];

    /// Adds what fits of the bytes, and says how many those were.
    pub fn take(&mut self, bytes: &[u8]) -> usize {
        if self.0.is_empty() {
            self.0.reserve_exact(PREFIX + BYTES);
            self.0.extend(Self::LAST);
        }
        let count = bytes.len().min(PREFIX + BYTES - self.0.len());
        self.0.extend_from_slice(&bytes[..count]);
        count
    }

    /// Whether nothing more fits.
    pub fn is_full(&self) -> bool {
        self.0.len() == PREFIX + BYTES
    }

    /// The block as it is sent, unless it holds nothing.
    pub fn sealed(&mut self) -> Option<&[u8]> {
        let length = u32::try_from(self.len()).ok().filter(|length| *length > 0)?;
        self.0[..PREFIX].copy_from_slice(&length.to_be_bytes());
        Some(&self.0)
    }

    /// The same, taken out.
    pub fn take_sealed(&mut self) -> Option<Vec<u8>> {
        self.sealed()?;
        Some(std::mem::take(&mut self.0))
    }

    /// Empties it and keeps its room; says how many bytes of the body it held.
    pub fn clear(&mut self) -> usize {
        let length = self.len();
        self.0.clear();
        length
    }

    fn len(&self) -> usize {
        self.0.len().saturating_sub(PREFIX)
    }
}

/// Bytes of the body in a block as it is sent.
pub(super) fn length_of(sealed: &[u8]) -> usize {
    sealed.len().saturating_sub(PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_filled_sealed_and_filled_again() {
        let mut block = Block::default();
        assert_eq!(block.sealed(), None);
        assert_eq!((block.take(b"abc"), block.take(b"")), (3, 0));
        assert_eq!(block.sealed(), Some(&b"\0\0\0\x03abc"[..]));
        assert_eq!((block.clear(), block.sealed()), (3, None));
        let long = vec![7; BYTES + 1];
        assert_eq!((block.take(&long), block.is_full(), block.take(&long)), (BYTES, true, 0));
        assert_eq!(block.take_sealed().map(|sealed| length_of(&sealed)), Some(BYTES));
        assert_eq!(block.take_sealed(), None);
    }
}
