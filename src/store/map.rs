//! Which groups of a content on its way are here, and the small file that remembers it over a crash.

use std::ops::Range;

use super::tree::Geometry;

/// Opens the file, so that another version's is not misread.
const MAGIC: &[u8; 8] = b"pgmap\0\0\x01";
/// Bytes before the bits: the magic and the content's size.
const HEADER: usize = 16;
/// Bytes after the bits: their hash, so that half a file is none.
const TRAILER: usize = 32;

/// The groups that are here.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    geometry: Geometry,
    bits: Vec<u64>,
    received: u64,
}

impl Map {
    /// A map on which nothing is here.
    pub fn new(geometry: Geometry) -> Self {
        Self { geometry, bits: vec![0; geometry.groups().div_ceil(64) as usize], received: 0 }
    }

    /// Bytes of the content.
    pub fn size(&self) -> u64 {
        self.geometry.size
    }

    /// Bytes that are here.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Notes that a group is here.
    pub fn add(&mut self, group: u64) {
        if !self.has(group) {
            self.bits[(group / 64) as usize] |= 1 << (group % 64);
            let range = self.geometry.bytes(group..group + 1);
            self.received += range.end - range.start;
        }
    }

    /// Whether a group is here.
    pub fn has(&self, group: u64) -> bool {
        self.bits.get((group / 64) as usize).is_some_and(|word| word & (1 << (group % 64)) != 0)
    }

    /// The end of the run of groups from `groups.start` on that are all here (`here`) or all missing.
    fn run(&self, groups: &Range<u64>, here: bool) -> u64 {
        let mut at = groups.start;
        while at < groups.end {
            let word = self.bits.get((at / 64) as usize).copied().unwrap_or(0);
            let word = if here { !word } else { word };
            let ahead = word >> (at % 64);
            let same = u64::from(ahead.trailing_zeros()).min(64 - at % 64);
            at += same;
            if ahead != 0 {
                break;
            }
        }
        at.min(groups.end)
    }

    /// The part of a byte range, from its start on, that is here without a gap.
    pub fn available(&self, range: Range<u64>) -> Range<u64> {
        let groups = self.geometry.covering(&range);
        let end = self.geometry.bytes(0..self.run(&groups, true)).end.min(range.end);
        if groups.is_empty() || end <= range.start { range.start..range.start } else { range.start..end }
    }

    /// The runs of groups in a byte range that are missing, as bytes.
    pub fn missing(&self, range: Range<u64>) -> Vec<Range<u64>> {
        let mut groups = self.geometry.covering(&range);
        let mut missing = Vec::new();
        while !groups.is_empty() {
            let from = self.run(&groups, true);
            let to = self.run(&(from..groups.end), false);
            if from < to {
                missing.push(self.geometry.bytes(from..to));
            }
            groups.start = to;
        }
        missing
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER + self.bits.len() * 8 + TRAILER);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&self.geometry.size.to_le_bytes());
        out.extend(self.bits.iter().flat_map(|word| word.to_le_bytes()));
        let hash = blake3::hash(&out);
        out.extend_from_slice(hash.as_bytes());
        out
    }

    /// A map from a file's bytes, if they are one.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (body, hash) = bytes.split_last_chunk::<TRAILER>()?;
        let size = u64::from_le_bytes(body.get(8..HEADER)?.try_into().ok()?);
        let mut map = Self { geometry: Geometry { size }, bits: Vec::new(), received: 0 };
        let words = body[HEADER..].chunks_exact(8);
        let sound = body.starts_with(MAGIC) && blake3::hash(body) == *hash;
        if !sound || words.len() as u64 != map.geometry.groups().div_ceil(64) {
            return None;
        }
        map.bits = words.map(|word| u64::from_le_bytes(word.try_into().unwrap_or_default())).collect();
        map.received = (0..map.geometry.groups())
            .filter(|group| map.has(*group))
            .map(|group| {
                let range = map.geometry.bytes(group..group + 1);
                range.end - range.start
            })
            .sum();
        Some(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::GROUP;

    #[test]
    fn what_is_missing_and_what_is_here_add_up() {
        let size = 200 * GROUP + 7;
        let mut map = Map::new(Geometry { size });
        assert_eq!(map.missing(0..u64::MAX), [0..size]);
        for group in (3..70).chain(128..201) {
            map.add(group);
        }
        assert_eq!(map.received(), 67 * GROUP + 72 * GROUP + 7);
        assert_eq!(map.missing(0..size), [0..3 * GROUP, 70 * GROUP..128 * GROUP]);
        assert_eq!(map.missing(5 * GROUP..71 * GROUP + 1), [70 * GROUP..72 * GROUP]);
        assert_eq!(map.available(4 * GROUP + 1..size), 4 * GROUP + 1..70 * GROUP);
        assert_eq!(map.available(130 * GROUP..u64::MAX), 130 * GROUP..size);
        assert_eq!(map.available(0..10), 0..0);
        assert_eq!(map.available(size..size + 1), size..size);
    }

    #[test]
    fn the_file_is_read_back_or_refused() {
        let mut map = Map::new(Geometry { size: 100 * GROUP });
        map.add(0);
        map.add(99);
        let bytes = map.to_bytes();
        assert_eq!(Map::from_bytes(&bytes), Some(map));
        for bad in [&bytes[..0], &bytes[..bytes.len() - 1], &[0; 64][..], &[&bytes[..20], &[1], &bytes[21..]].concat()]
        {
            assert_eq!(Map::from_bytes(bad), None);
        }
    }
}
