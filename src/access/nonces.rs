//! What may be shown only once: nonces, each remembered until the message that held it is too old to be taken again.
//!
//! Only what a caller has proved to hold a token for comes in here, so that strangers cannot fill it. What is still
//! fresh is never forgotten to make room: a full cache refuses, since a nonce forgotten is a nonce that can be replayed.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashSet},
};

/// Most nonces that are remembered at one time. With messages that are fresh for 5 minutes, 870 a second fit, in about
/// 16 MiB.
pub const MAX_NONCES: usize = 1 << 18;

/// A nonce together with whose it is, as a hash.
type Key = [u8; 16];

/// The nonces that were shown and are still fresh.
#[derive(Default)]
pub struct Nonces {
    shown: HashSet<Key>,
    /// The same ones, the next to be forgotten first; times are milliseconds since 1970.
    until: BinaryHeap<Reverse<(i64, Key)>>,
}

/// Why a nonce was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It was shown before.
    Replayed,
    /// [`MAX_NONCES`] fresh ones are remembered; the first is forgotten after so many seconds.
    Full(u32),
}

impl Nonces {
    /// Takes a nonce of that owner, which nobody may show again until then.
    pub fn spend(&mut self, owner: &str, nonce: &[u8], until: i64, now: i64) -> Result<(), Refused> {
        while let Some(&Reverse((time, key))) = self.until.peek()
            && time < now
        {
            self.until.pop();
            self.shown.remove(&key);
        }
        let key = key(owner, nonce);
        if self.shown.contains(&key) {
            return Err(Refused::Replayed);
        }
        if let Some(Reverse((first, _))) = self.until.peek()
            && self.shown.len() >= MAX_NONCES
        {
            return Err(Refused::Full(u32::try_from((first - now) / 1000 + 1).unwrap_or(u32::MAX)));
        }
        self.shown.insert(key);
        self.until.push(Reverse((until, key)));
        Ok(())
    }
}

fn key(owner: &str, nonce: &[u8]) -> Key {
    let mut hasher = blake3::Hasher::new();
    // The owner's length comes first, so that no two pairs are the same text.
    hasher.update(&(owner.len() as u64).to_le_bytes()).update(owner.as_bytes()).update(nonce);
    let mut key = Key::default();
    hasher.finalize_xof().fill(&mut key);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_taken_once_from_each_owner_until_it_is_stale() {
        let mut nonces = Nonces::default();
        assert_eq!(nonces.spend("a", b"nonce", 1000, 0), Ok(()));
        assert_eq!(nonces.spend("a", b"nonce", 1500, 1000), Err(Refused::Replayed));
        assert_eq!(nonces.spend("b", b"nonce", 1500, 1000), Ok(()));
        assert_eq!(nonces.spend("an", b"once", 1500, 1000), Ok(()));
        assert_eq!(nonces.spend("a", b"nonce", 3000, 1001), Ok(()));
        assert_eq!(nonces.spend("a", b"nonce", 3000, 3000), Err(Refused::Replayed));
        assert_eq!(nonces.shown.len(), 1);
    }

    #[test]
    fn a_full_cache_refuses_and_forgets_nothing_that_is_fresh() {
        let mut nonces = Nonces::default();
        for number in 0..MAX_NONCES {
            assert_eq!(nonces.spend("a", &number.to_le_bytes(), 10_000, 0), Ok(()));
        }
        assert_eq!(nonces.spend("a", b"one more", 10_000, 2_500), Err(Refused::Full(8)));
        assert_eq!(nonces.spend("a", &0_usize.to_le_bytes(), 10_000, 2_500), Err(Refused::Replayed));
        assert_eq!(nonces.spend("a", b"one more", 20_000, 10_001), Ok(()));
        assert_eq!((nonces.shown.len(), nonces.until.len()), (1, 1));
    }
}
