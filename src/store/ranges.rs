//! Which bytes are there: disjoint ranges in order, neighbours melted into one.

use std::{collections::BTreeMap, ops::Range};

/// A set of bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges {
    /// The end of each range by its start; no range is empty and no two touch.
    ends: BTreeMap<u64, u64>,
    bytes: u64,
}

impl Ranges {
    /// Adds a range, which melts with those that it touches.
    pub fn insert(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let (mut start, mut end) = (range.start, range.end);
        let touched: Vec<u64> = self.touching(&range).map(|touched| touched.start).collect();
        for at in touched {
            let beyond = self.ends.remove(&at).unwrap_or(at);
            self.bytes -= beyond - at;
            (start, end) = (start.min(at), end.max(beyond));
        }
        self.ends.insert(start, end);
        self.bytes += end - start;
    }

    /// The ranges that share a byte with this one, in order.
    pub fn overlapping(&self, range: &Range<u64>) -> impl Iterator<Item = Range<u64>> {
        let Range { start, end } = *range;
        self.touching(range).filter(move |other| other.start < end && start < other.end)
    }

    /// Whether every byte of a range is there.
    pub fn covers(&self, range: &Range<u64>) -> bool {
        range.is_empty() || self.touching(range).any(|one| one.start <= range.start && range.end <= one.end)
    }

    /// Whether a range shares a byte or a border with what is there.
    pub fn touches(&self, range: &Range<u64>) -> bool {
        self.touching(range).next().is_some()
    }

    /// How many bytes are there.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many ranges there are.
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// Where the last range ends.
    pub fn end(&self) -> u64 {
        self.ends.last_key_value().map_or(0, |(_, end)| *end)
    }

    /// The first run of bytes below `size` that is missing.
    pub fn first_gap(&self, size: u64) -> Option<Range<u64>> {
        let mut ranges = self.iter();
        let (from, next) = match ranges.next() {
            Some(first) if first.start == 0 => (first.end, ranges.next()),
            first => (0, first),
        };
        let to = next.map_or(size, |next| next.start).min(size);
        (from < to).then_some(from..to)
    }

    fn iter(&self) -> impl Iterator<Item = Range<u64>> {
        self.ends.iter().map(|(start, end)| *start..*end)
    }

    /// The ranges that share a byte or a border with this one.
    fn touching(&self, range: &Range<u64>) -> impl Iterator<Item = Range<u64>> {
        // Only the last one that begins before may reach in, since they are disjoint.
        let from = self.ends.range(..=range.start).next_back().map_or(range.start, |(start, _)| *start);
        let start = range.start;
        let near = self.ends.range(from..=range.end.max(from)).map(|(start, end)| *start..*end);
        near.filter(move |one| one.end >= start)
    }
}

impl FromIterator<Range<u64>> for Ranges {
    fn from_iter<I: IntoIterator<Item = Range<u64>>>(ranges: I) -> Self {
        let mut set = Self::default();
        ranges.into_iter().for_each(|range| set.insert(range));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same set as one flag a byte.
    fn flags(ranges: &Ranges, size: u64) -> Vec<bool> {
        (0..size).map(|byte| ranges.covers(&(byte..byte + 1))).collect()
    }

    #[test]
    fn every_order_of_ranges_ends_as_the_same_set() {
        // All pairs of ranges below 8, against plain flags.
        let all: Vec<Range<u64>> = (0..8).flat_map(|start| (start + 1..=8).map(move |end| start..end)).collect();
        for a in &all {
            for b in &all {
                let both: Ranges = [a.clone(), b.clone()].into_iter().collect();
                let want: Vec<bool> = (0..8).map(|byte| a.contains(&byte) || b.contains(&byte)).collect();
                assert_eq!(flags(&both, 8), want, "{a:?} {b:?}");
                assert_eq!(both, [b.clone(), a.clone()].into_iter().collect(), "{a:?} {b:?}");
                assert_eq!(both.bytes(), want.iter().filter(|there| **there).count() as u64);
                let gap = both.first_gap(8);
                let first = want.iter().position(|there| !there).map(|at| at as u64);
                assert_eq!(gap.as_ref().map(|gap| gap.start), first, "{a:?} {b:?}");
                let alone: Ranges = std::iter::once(a.clone()).collect();
                let overlap = a.start < b.end && b.start < a.end;
                assert_eq!(alone.overlapping(b).next(), overlap.then(|| a.clone()), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn gaps_end_at_the_next_range_or_at_the_size() {
        let ranges: Ranges = [0..4, 6..8].into_iter().collect();
        assert_eq!(ranges.first_gap(10), Some(4..6));
        assert_eq!(ranges.first_gap(5), Some(4..5));
        assert_eq!(ranges.first_gap(4), None);
        assert_eq!((ranges.count(), ranges.end()), (2, 8));
        let whole: Ranges = [4..6, 0..4].into_iter().collect();
        assert_eq!((whole.count(), whole.first_gap(6), whole.first_gap(9)), (1, None, Some(6..9)));
        assert_eq!((Ranges::default().first_gap(3), Ranges::default().first_gap(0)), (Some(0..3), None));
    }
}
