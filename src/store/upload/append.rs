//! One part of an upload on its way to the disk.
//!
//! Whoever writes claims the bytes first, so no two calls ever write the same ones, and keeps the claim until the last
//! write has ended: a call that was given up cannot write over what another one has put there since.

use std::{ops::Range, os::unix::fs::FileExt, sync::Arc};

use bytes::Bytes;
use futures::StreamExt;
use rustix::fs::{FallocateFlags, fallocate};

use super::{MAX_SIZE, State, Upload, blocking, read_through, rows, shown};
use crate::{
    model::{ByteStream, Fault, Outcome, Time},
    store::StoreError,
};

/// Pieces of a stream that are written with one turn on the blocking pool.
const PIECES_A_TURN: usize = 16;
/// Most runs of bytes in which an upload may lie, with gaps between them.
const MAX_RUNS: usize = 10_000;

impl Upload {
    /// Takes a part in, whatever parts came before; when this returns its bytes would be there after a crash. A part
    /// of which all bytes are here already, and the same ones, changes nothing: that is how a caller who missed the
    /// answer asks again. A part that breaks off leaves nothing.
    ///
    /// # Errors
    /// InvalidRequest beyond the declared size, TooLarge beyond 4 TiB, Conflict that names the bytes which are here
    /// already, Unavailable while another call writes them or when the disk is full, or the fault that ended the stream.
    pub async fn append(self: &Arc<Self>, offset: u64, data: ByteStream) -> Outcome<()> {
        let mut part = Part::at(Arc::clone(self), offset)?;
        let mut pieces = data.ready_chunks(PIECES_A_TURN);
        while let Some(ready) = pieces.next().await {
            let ready = ready.into_iter().collect::<Outcome<Vec<Bytes>>>()?;
            part = blocking(move || part.write(&ready)).await?;
        }
        // Runs to its end even when the caller goes away, so that the catalogue and this upload say the same.
        tokio::spawn(part.keep()).await.map_err(Fault::internal)?
    }

    /// Whether a range may be written by the part that begins at `part.start` and has come to `range.start`.
    fn admit(&self, part: u64, way: Option<Way>, range: &Range<u64>) -> Outcome<Way> {
        let mut state = self.state();
        state.is_open()?;
        self.within_size(range.end)?;
        if way != Some(Way::New) && state.received.covers(range) {
            return Ok(Way::Again);
        }
        if let Some(overlap) = state.received.overlapping(range).next() {
            let message = format!("{} overlap {} that are here already", shown(range), shown(&overlap));
            return Err(Fault::conflict(message));
        }
        if way == Some(Way::Again) {
            let message = format!("{} follow bytes that are here already; append them on their own", shown(range));
            return Err(Fault::conflict(message));
        }
        state.claim(part, range, way.is_none())?;
        Ok(Way::New)
    }

    fn within_size(&self, end: u64) -> Outcome<()> {
        match self.size {
            Some(size) if end > size => {
                Err(Fault::invalid(format!("offset and data reach to byte {end}, and size was declared as {size}")))
            }
            _ if end > MAX_SIZE => {
                Err(Fault::too_large(format!("offset and data reach to byte {end}, a content may have {MAX_SIZE}")))
            }
            _ => Ok(()),
        }
    }

    /// Whether these bytes lie there.
    fn holds(&self, bytes: &[u8], at: u64) -> Result<bool, StoreError> {
        let (mut rest, mut same) = (bytes, true);
        read_through(&self.file, at..at + bytes.len() as u64, |there| {
            let (ours, after) = rest.split_at(there.len());
            same &= ours == there;
            rest = after;
            Ok(())
        })?;
        Ok(same)
    }
}

impl State {
    /// Extends the claim of the part that begins at `part`, or makes it for its first bytes.
    fn claim(&mut self, part: u64, range: &Range<u64>, first: bool) -> Outcome<()> {
        let mut others = self.claims.iter().filter(|(start, _)| first || **start != part);
        if let Some((start, end)) = others.find(|(start, end)| **start < range.end && range.start < **end) {
            let message =
                format!("{} are being appended by another call; ask again when it has ended", shown(&(*start..*end)));
            return Err(Fault::unavailable(message));
        }
        let runs = self.received.count() + self.claims.len();
        if first && runs >= MAX_RUNS && !self.received.touches(range) {
            let message = format!("the upload lies in {MAX_RUNS} runs of bytes, which is the limit; close gaps first");
            return Err(Fault::conflict(message));
        }
        self.claims.insert(part, range.end);
        Ok(())
    }
}

/// Whether a part's bytes are new or here already; its first bytes decide.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    New,
    Again,
}

/// A part that is being written.
struct Part {
    upload: Arc<Upload>,
    start: u64,
    end: u64,
    way: Option<Way>,
    /// Its bytes are in the catalogue, or it has claimed none.
    settled: bool,
}

impl Part {
    fn at(upload: Arc<Upload>, offset: u64) -> Outcome<Self> {
        upload.state().is_open()?;
        upload.within_size(offset)?;
        Ok(Self { upload, start: offset, end: offset, way: None, settled: true })
    }

    fn write(mut self, pieces: &[Bytes]) -> Result<Self, StoreError> {
        for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
            let range = self.end..self.end.saturating_add(piece.len() as u64);
            let way = self.upload.admit(self.start, self.way, &range)?;
            self.way = Some(way);
            if way == Way::New {
                (self.end, self.settled) = (range.end, false);
                self.upload.file.write_all_at(piece, range.start)?;
            } else if self.upload.holds(piece, range.start)? {
                self.end = range.end;
            } else {
                let message = format!("{} are here already, and these are others", shown(&range));
                return Err(Fault::conflict(message).into());
            }
        }
        Ok(self)
    }

    /// Makes the bytes last, and then their range.
    async fn keep(self) -> Outcome<()> {
        if self.settled {
            return Ok(());
        }
        let mut part = blocking(move || {
            self.upload.file.sync_data()?;
            Ok(self)
        })
        .await?;
        let upload = Arc::clone(&part.upload);
        let store = upload.store.upgrade().ok_or(StoreError::Closed)?;
        let (range, now) = (part.start..part.end, Time::now());
        rows::add_range(&store.catalogue, &upload.id, &range, now).await?;
        part.settled = true;
        let mut state = upload.state();
        state.claims.remove(&part.start);
        state.received.insert(range);
        state.touched = now;
        Ok(())
    }
}

impl Drop for Part {
    /// Gives back what a part that broke off has claimed, and its room on the disk.
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        let (upload, start, end) = (Arc::clone(&self.upload), self.start, self.end);
        let give_back = move || {
            let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            // A file system without holes keeps the bytes until they are written over or the upload ends.
            let _ = fallocate(&upload.file, hole, start, end - start);
            // Only now may somebody else write there.
            upload.state().claims.remove(&start);
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(give_back)),
            Err(_) => give_back(),
        }
    }
}
