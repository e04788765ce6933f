//! Writing verified pieces to their places, and making them last.

use std::{
    fs::File,
    io::{self, IoSlice},
    ops::Range,
    os::unix::fs::FileExt,
    sync::{PoisonError, atomic::Ordering},
};

use super::Partial;
use crate::{
    model::{Fault, Piece},
    store::{
        StoreError,
        spool::write_pairs,
        tree::{GROUP, Geometry, border_of},
    },
};

/// Most pieces that one system call writes (1 MiB).
const GATHERED: usize = 64;

impl Partial {
    /// Writes verified pieces, each of whole groups; neighbours are written together. They are served from now on, and
    /// survive a crash after the next [`Partial::sync`].
    ///
    /// # Errors
    /// [`StoreError::Full`] on a full disk, `InvalidInput` for a piece that lies outside of the content or on no group.
    pub fn write(&self, pieces: &[Piece]) -> Result<(), StoreError> {
        if self.over.load(Ordering::Acquire) {
            return Err(StoreError::Refused(Fault::conflict("the transfer of this content has ended")));
        }
        let mut pairs = Vec::new();
        for piece in pieces {
            groups_of(piece, self.geometry)?;
            for parent in &piece.parents {
                pairs.push((border_of(parent.node, self.geometry).ok_or_else(misplaced)?, parent.pair));
            }
        }
        if let Some(nodes) = &self.nodes {
            write_pairs(nodes, &mut pairs)?;
        }
        for run in pieces.chunk_by(|a, b| a.offset + a.data.len() as u64 == b.offset) {
            run.chunks(GATHERED).try_for_each(|part| self.write_run(part))?;
        }
        let mut state = self.state();
        for piece in pieces {
            groups_of(piece, self.geometry)?.for_each(|group| state.map.add(group));
        }
        state.grown = true;
        Ok(())
    }

    fn write_run(&self, run: &[Piece]) -> io::Result<()> {
        let slices: Vec<IoSlice> = run.iter().map(|piece| IoSlice::new(&piece.data)).collect();
        let mut written = rustix::io::pwritev(&self.data, &slices, run[0].offset)?;
        for piece in run {
            let done = written.min(piece.data.len());
            written -= done;
            if done < piece.data.len() {
                self.data.write_all_at(&piece.data[done..], piece.offset + done as u64)?;
            }
        }
        Ok(())
    }

    /// Makes what was written last: syncs bytes and nodes, then the map.
    ///
    /// # Errors
    /// What the disk says; then the map on the disk is still the one before.
    pub fn sync(&self) -> Result<(), StoreError> {
        let _turn = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.over.load(Ordering::Acquire) {
            return Ok(());
        }
        // Taken before the sync: what is written meanwhile may not be claimed.
        let (map, received) = {
            let mut state = self.state();
            if !std::mem::take(&mut state.grown) {
                return Ok(());
            }
            (state.map.to_bytes(), state.map.received())
        };
        let synced = self.sync_files(&map);
        match &synced {
            Ok(()) => self.kept.store(received, Ordering::Release),
            Err(_) => self.state().grown = true,
        }
        Ok(synced?)
    }

    fn sync_files(&self, map: &[u8]) -> io::Result<()> {
        self.data.sync_data()?;
        self.nodes.as_ref().map_or(Ok(()), File::sync_data)?;
        self.files.replace(self.shelf.map(), &self.hash, map, true)
    }
}

/// The groups that a piece holds, which have to be whole.
fn groups_of(piece: &Piece, geometry: Geometry) -> io::Result<Range<u64>> {
    let end = piece.offset.checked_add(piece.data.len() as u64).ok_or_else(misplaced)?;
    let whole = piece.offset.is_multiple_of(GROUP) && (end == geometry.size || end.is_multiple_of(GROUP));
    match whole && end <= geometry.size {
        true => Ok(piece.offset / GROUP..end.div_ceil(GROUP)),
        false => Err(misplaced()),
    }
}

fn misplaced() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "a piece lies outside of the content's groups")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_holds_whole_groups_within_the_content() {
        let geometry = Geometry { size: 2 * GROUP + 5 };
        let groups = |offset, count: u64| {
            let piece = Piece { offset, data: vec![0; count as usize].into(), parents: Vec::new() };
            groups_of(&piece, geometry).ok()
        };
        assert_eq!(groups(0, 2 * GROUP), Some(0..2));
        assert_eq!(groups(GROUP, GROUP + 5), Some(1..3));
        assert_eq!(groups(2 * GROUP, 5), Some(2..3));
        for (offset, count) in
            [(1, GROUP), (0, GROUP - 1), (2 * GROUP, 4), (2 * GROUP, 6), (3 * GROUP, GROUP), (u64::MAX, 2)]
        {
            assert_eq!(groups(offset, count), None, "{offset} {count}");
        }
    }
}
