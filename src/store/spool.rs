//! Bytes on their way into the store: they are hashed as they come, and their nodes are written out so that memory
//! stays flat whatever the size.

use std::{fs::File, io, ops::Range, os::unix::fs::FileExt};

use tempfile::{NamedTempFile, TempPath};

use super::{
    files::Files,
    tree::{PAIR, Pair, TreeBuilder},
};

/// Nodes that are gathered before they are written (64 KiB).
const GATHERED: usize = 1024;
/// Bytes that are read from a file at once.
const BUFFER: u64 = 1 << 20;

/// Hashes a content and spools its nodes.
pub struct Spool {
    files: Files,
    builder: TreeBuilder,
    gathered: Vec<(u64, Pair)>,
    nodes: Option<NamedTempFile>,
}

/// A content that was hashed.
#[derive(Debug)]
pub struct Hashed {
    /// Its hash.
    pub hash: [u8; 32],
    /// Its bytes.
    pub size: u64,
    /// Its nodes in a temporary file, absent when it has none.
    pub nodes: Option<TempPath>,
}

impl Spool {
    /// A spool that has seen nothing.
    pub fn new(files: &Files) -> Self {
        Self { files: files.clone(), builder: TreeBuilder::new(), gathered: Vec::new(), nodes: None }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.builder.update(bytes);
        self.gathered.append(&mut self.builder.take_pairs());
        if self.gathered.len() < GATHERED { Ok(()) } else { self.write() }
    }

    /// Ends the content. `durable` waits until its nodes would survive a loss of power.
    pub fn finish(mut self, durable: bool) -> io::Result<Hashed> {
        let size = self.builder.size();
        let (hash, mut rest) = std::mem::take(&mut self.builder).finish();
        self.gathered.append(&mut rest);
        if !self.gathered.is_empty() {
            self.write()?;
        }
        if let Some(nodes) = self.nodes.as_ref().filter(|_| durable) {
            nodes.as_file().sync_all()?;
        }
        let nodes = self.nodes.map(NamedTempFile::into_temp_path);
        Ok(Hashed { hash: *hash.as_bytes(), size, nodes })
    }

    fn write(&mut self) -> io::Result<()> {
        let nodes = match self.nodes.take() {
            Some(nodes) => nodes,
            None => self.files.temporary()?,
        };
        let written = write_pairs(nodes.as_file(), &mut self.gathered);
        self.nodes = Some(nodes);
        written
    }
}

/// Hands out a range of a file's bytes, in order.
pub fn read_through(
    file: &File,
    mut range: Range<u64>,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut buffer = vec![0; (range.end - range.start).min(BUFFER) as usize];
    while !range.is_empty() {
        let part = &mut buffer[..(range.end - range.start).min(BUFFER) as usize];
        file.read_exact_at(part, range.start)?;
        take(part)?;
        range.start += part.len() as u64;
    }
    Ok(())
}

/// Writes pairs to their places in an outboard, neighbours together, and empties the list.
pub fn write_pairs(file: &File, pairs: &mut Vec<(u64, Pair)>) -> io::Result<()> {
    pairs.sort_unstable_by_key(|(mid, _)| *mid);
    let mut run: Vec<u8> = Vec::with_capacity(pairs.len() * PAIR as usize);
    for neighbours in pairs.chunk_by(|a, b| a.0 + 1 == b.0) {
        run.clear();
        run.extend(neighbours.iter().flat_map(|(_, pair)| pair.as_flattened()));
        file.write_all_at(&run, (neighbours[0].0 - 1) * PAIR)?;
    }
    pairs.clear();
    Ok(())
}
