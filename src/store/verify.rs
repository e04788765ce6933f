//! Reading stored bytes so that none leaves unverified: a walk over a content's tree from its root down to the groups
//! that are wanted.
//!
//! Nodes above a window are read one by one, a window's nodes and bytes with one read each, so that a GiB costs some
//! thousand system calls and no more memory than one window.

use std::{fs::File, io, ops::Range, os::unix::fs::FileExt};

use super::tree::{GROUP, Geometry, PAIR, Pair, hash_group, hash_pair, split};

/// Groups that are read at once (512 KiB of bytes and 2 KiB of nodes); a power of two, so that a window is a subtree.
const WINDOW: u64 = 32;

/// Takes what a walk has verified, in pre-order.
pub trait Sink {
    /// An interior node on the way to a wanted group, by the border that it splits at.
    fn parent(&mut self, mid: u64, pair: &Pair) -> io::Result<()>;

    /// A wanted group.
    fn group(&mut self, index: u64, bytes: &[u8]) -> io::Result<()>;
}

/// Why a walk stopped.
#[derive(Debug)]
pub enum WalkError {
    /// The bytes or the nodes on the disk do not fit the content's id.
    Mismatch,
    /// The disk, or the sink, said no.
    Io(io::Error),
}

impl From<io::Error> for WalkError {
    fn from(error: io::Error) -> Self {
        // A file that ends early is one that was cut after it was published.
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::Mismatch } else { Self::Io(error) }
    }
}

/// A content's bytes and nodes on the disk, and what they must add up to.
pub struct Verifier<'a> {
    /// The content's hash.
    pub hash: [u8; 32],
    /// The shape of its tree.
    pub geometry: Geometry,
    /// Its bytes.
    pub data: &'a File,
    /// Its nodes, absent for a content of one group.
    pub outboard: Option<&'a File>,
}

impl Verifier<'_> {
    /// Hands the wanted groups and the nodes on the way to them to `sink`, each after it was verified.
    ///
    /// # Errors
    /// [`WalkError::Mismatch`] when anything on the way does not fit; all that the sink took before is sound.
    pub fn walk(&self, wanted: Range<u64>, sink: &mut dyn Sink) -> Result<(), WalkError> {
        let all = 0..self.geometry.groups();
        let wanted = wanted.start..wanted.end.min(all.end);
        if wanted.is_empty() {
            return Ok(());
        }
        let mut window = Window::default();
        self.descend(all, &wanted, self.hash, &mut window, sink)
    }

    fn descend(
        &self,
        groups: Range<u64>,
        wanted: &Range<u64>,
        value: [u8; 32],
        window: &mut Window,
        sink: &mut dyn Sink,
    ) -> Result<(), WalkError> {
        if groups.end <= wanted.start || wanted.end <= groups.start {
            return Ok(());
        }
        if groups.end - groups.start <= WINDOW && !window.nodes.contains_range(&groups) {
            window.load(self, &groups, wanted)?;
        }
        if groups.end - groups.start == 1 {
            let bytes = window.group(groups.start, self.geometry);
            return match hash_group(groups.start, bytes, self.geometry.groups() == 1) == value {
                true => Ok(sink.group(groups.start, bytes).map_err(WalkError::Io)?),
                false => Err(WalkError::Mismatch),
            };
        }
        let mid = split(&groups);
        let pair = match window.pair(mid, &groups) {
            Some(pair) => pair,
            None => self.read_pair(mid)?,
        };
        let root = groups == (0..self.geometry.groups());
        if hash_pair(&pair, root) != value {
            return Err(WalkError::Mismatch);
        }
        sink.parent(mid, &pair).map_err(WalkError::Io)?;
        self.descend(groups.start..mid, wanted, pair[0], window, sink)?;
        self.descend(mid..groups.end, wanted, pair[1], window, sink)
    }

    fn read_pair(&self, mid: u64) -> Result<Pair, WalkError> {
        let mut bytes = [0; PAIR as usize];
        self.read_nodes(&mut bytes, (mid - 1) * PAIR)?;
        Ok(pair_of(&bytes))
    }

    fn read_nodes(&self, into: &mut [u8], at: u64) -> Result<(), WalkError> {
        match self.outboard {
            _ if into.is_empty() => Ok(()),
            Some(file) => Ok(file.read_exact_at(into, at)?),
            None => Err(WalkError::Mismatch),
        }
    }

    /// Checks the interior nodes alone, from the root down to the values of the groups.
    ///
    /// # Errors
    /// [`WalkError::Mismatch`] when a node is missing or wrong.
    pub fn check_nodes(&self) -> Result<(), WalkError> {
        let all = 0..self.geometry.groups();
        if all.end == 1 {
            return Ok(());
        }
        self.check_node(all, self.hash, &mut Window::default())
    }

    fn check_node(&self, groups: Range<u64>, value: [u8; 32], window: &mut Window) -> Result<(), WalkError> {
        if groups.end - groups.start == 1 {
            return Ok(());
        }
        if groups.end - groups.start <= WINDOW && !window.nodes.contains_range(&groups) {
            window.load(self, &groups, &(0..0))?;
        }
        let mid = split(&groups);
        let pair = match window.pair(mid, &groups) {
            Some(pair) => pair,
            None => self.read_pair(mid)?,
        };
        if hash_pair(&pair, groups == (0..self.geometry.groups())) != value {
            return Err(WalkError::Mismatch);
        }
        self.check_node(groups.start..mid, pair[0], window)?;
        self.check_node(mid..groups.end, pair[1], window)
    }
}

/// The subtree that was read last.
#[derive(Default)]
struct Window {
    /// The groups whose nodes are here.
    nodes: Groups,
    pairs: Vec<u8>,
    /// The first group whose bytes are here.
    first: u64,
    bytes: Vec<u8>,
}

/// A run of groups; a type of its own, so that "holds" reads as what it means.
#[derive(Default)]
struct Groups(Range<u64>);

impl Groups {
    fn contains_range(&self, other: &Range<u64>) -> bool {
        self.0.start <= other.start && other.end <= self.0.end
    }
}

impl Window {
    fn load(&mut self, of: &Verifier, groups: &Range<u64>, wanted: &Range<u64>) -> Result<(), WalkError> {
        self.pairs.resize(((groups.end - groups.start - 1) * PAIR) as usize, 0);
        of.read_nodes(&mut self.pairs, groups.start * PAIR)?;
        let here = groups.start.max(wanted.start)..groups.end.min(wanted.end);
        self.nodes = Groups(groups.clone());
        self.first = here.start;
        let range = if here.is_empty() { 0..0 } else { of.geometry.bytes(here) };
        self.bytes.resize((range.end - range.start) as usize, 0);
        Ok(of.data.read_exact_at(&mut self.bytes, range.start)?)
    }

    fn pair(&self, mid: u64, groups: &Range<u64>) -> Option<Pair> {
        if !self.nodes.contains_range(groups) {
            return None;
        }
        let at = ((mid - self.nodes.0.start - 1) * PAIR) as usize;
        Some(pair_of(&self.pairs[at..at + PAIR as usize]))
    }

    fn group(&self, index: u64, geometry: Geometry) -> &[u8] {
        let range = geometry.bytes(index..index + 1);
        let at = ((index - self.first) * GROUP) as usize;
        &self.bytes[at..at + (range.end - range.start) as usize]
    }
}

fn pair_of(bytes: &[u8]) -> Pair {
    let mut pair = [[0; 32]; 2];
    pair.as_flattened_mut().copy_from_slice(bytes);
    pair
}
