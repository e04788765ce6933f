//! What is made known to the DHT, and in which order: new contents first, known ones again when the network grew.
//!
//! Every announcement is a walk through the network, so only a few run at a time and only so many start a second,
//! however many files are shared.

use std::collections::{HashSet, VecDeque};

use libp2p::kad::{QueryId, RecordKey};

/// Walks that run at the same time; new ones start at the event loop's ticks only, so this bounds their rate as well.
const MAX_RUNNING: usize = 16;
/// Most keys that are announced again when a peer joins a small network; beyond, the twelve-hourly round does it.
const MAX_AGAIN: usize = 100_000;

/// The queue of announcements.
#[derive(Default)]
pub(super) struct Announcements {
    fresh: VecDeque<RecordKey>,
    again: Vec<RecordKey>,
    running: HashSet<QueryId>,
}

impl Announcements {
    /// A new content.
    pub fn add(&mut self, key: RecordKey) {
        self.fresh.push_back(key);
    }

    /// All contents once more.
    pub fn again<'a>(&mut self, keys: impl Iterator<Item = &'a RecordKey>) {
        self.again = keys.take(MAX_AGAIN).cloned().collect();
    }

    /// The next keys to announce in this tick; [`Announcements::started`] says which walks they became.
    pub fn next(&mut self) -> Vec<RecordKey> {
        let free = MAX_RUNNING.saturating_sub(self.running.len());
        std::iter::from_fn(|| self.fresh.pop_front().or_else(|| self.again.pop())).take(free).collect()
    }

    /// A walk has started.
    pub fn started(&mut self, query: QueryId) {
        self.running.insert(query);
    }

    /// A walk has ended, well or not.
    pub fn ended(&mut self, query: &QueryId) {
        self.running.remove(query);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_contents_go_before_known_ones_and_only_a_few_at_a_time() {
        let mut queue = Announcements::default();
        let key = |number: u8| RecordKey::new(&[number]);
        let known: Vec<_> = (100..200).map(key).collect();
        queue.again(known.iter());
        queue.add(key(1));
        queue.add(key(2));
        let next = queue.next();
        assert_eq!(next[..2], [key(1), key(2)]);
        assert_eq!(next.len(), MAX_RUNNING);
    }
}
