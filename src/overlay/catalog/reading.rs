//! The bytes of an entry: read in parts, one ahead of whoever takes them, each held against what was asked for.
//!
//! A part is small at first and grows as long as the catalogue answers quickly, so that the first bytes of a slow one
//! come soon and a fast one is not asked too often.

use std::{
    ops::Range,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::{
    Catalogue,
    messages::{Chunk, READ, Read},
};
use crate::{
    model::{ByteStream, Data, Fault, Outcome, Payload, Piece},
    overlay::stranger::MAX_CONTENT,
    store::GROUP,
};

/// Bytes of the first part, and of the smallest and the largest.
const FIRST: u32 = 64 << 10;
const LEAST: u32 = GROUP as u32;
const MOST: u32 = 1 << 20;
/// A part that comes sooner is followed by a larger one, one that comes later by a smaller one.
const QUICK: Duration = Duration::from_millis(250);
const SLOW: Duration = Duration::from_secs(1);
/// Bytes of one piece.
const PIECE: usize = 256 << 10;

/// A part of an entry, and how large the entry is.
pub struct Part {
    pub bytes: Bytes,
    pub size: u64,
}

impl Catalogue {
    /// Reads one part of an entry: `length` bytes, fewer only at the end.
    ///
    /// # Errors
    /// NotFound when there is no such entry, Unavailable when the catalogue cannot be asked or its answer is not what
    /// was asked for.
    pub async fn read(&self, entry: &str, offset: u64, length: u32) -> Outcome<Part> {
        let input = Read { entry_id: entry, offset, length };
        let part = self.ask(&READ, &input, self.part_time, |chunk: Chunk| check(chunk, offset, length)).await?;
        self.bytes_in.fetch_add(part.bytes.len() as u64, Relaxed);
        Ok(part)
    }

    /// The parts of a range of whole groups, of which `first` was read already.
    pub fn parts(self: &Arc<Self>, entry: &str, first: Part, range: Range<u64>) -> ByteStream {
        let (sender, parts) = mpsc::channel(1);
        let ahead = range.start + first.bytes.len() as u64;
        if ahead < range.end {
            let reader =
                Ahead { catalogue: self.clone(), entry: entry.to_owned(), size: first.size, rest: ahead..range.end };
            tokio::spawn(reader.run(sender));
        }
        let first = (!first.bytes.is_empty()).then_some(Ok(first.bytes));
        stream::iter(first).chain(ReceiverStream::new(parts)).boxed()
    }
}

/// Pieces of a content, in order.
pub type PieceStream = BoxStream<'static, Outcome<Piece>>;

/// Parts that follow one another, as pieces from `begin` on.
pub fn pieces(parts: ByteStream, begin: u64) -> PieceStream {
    let place = |position: &mut u64, part: Outcome<Bytes>| {
        let offset = *position;
        *position += part.as_ref().map_or(0, |bytes| bytes.len() as u64);
        std::future::ready(Some(part.map(|bytes| (offset, bytes))))
    };
    let placed = parts.scan(begin, place);
    placed
        .flat_map(|part| match part {
            Ok((offset, bytes)) => stream::iter(cut(offset, bytes)).left_stream(),
            Err(fault) => stream::iter([Err(fault)]).right_stream(),
        })
        .boxed()
}

/// How many bytes are asked for first.
pub fn first_length(range: &Range<u64>) -> u32 {
    u32::try_from(range.end - range.start).map_or(FIRST, |length| length.min(FIRST))
}

/// The groups that hold a range of a content of any size, as bytes; open at its end.
pub fn whole_groups(range: &Range<u64>) -> Range<u64> {
    let start = range.start / GROUP * GROUP;
    if range.is_empty() { start..start } else { start..range.end.div_ceil(GROUP).saturating_mul(GROUP) }
}

/// Holds an answer against what was asked for; the error says what is wrong with it.
fn check(chunk: Chunk, offset: u64, length: u32) -> Result<Part, String> {
    let size = u64::try_from(chunk.size).ok().filter(|size| *size <= MAX_CONTENT);
    let size = size.ok_or_else(|| format!("it says that the entry has {} bytes", chunk.size))?;
    if u64::try_from(chunk.offset) != Ok(offset) {
        return Err(format!("it was asked for bytes from {offset} on and answered those from {} on", chunk.offset));
    }
    let bytes = match chunk.data {
        Some(Payload::Inline(Data(bytes))) => bytes,
        _ => Bytes::new(),
    };
    let wanted = size.saturating_sub(offset).min(length.into());
    if bytes.len() as u64 != wanted {
        let got = bytes.len();
        return Err(format!(
            "it was asked for {wanted} of the entry's {size} bytes from {offset} on and answered {got}"
        ));
    }
    if chunk.eof != (offset.saturating_add(wanted) >= size) {
        let what = if chunk.eof { "ends" } else { "goes on" };
        return Err(format!("it says that the entry of {size} bytes {what} behind byte {}", offset + wanted));
    }
    Ok(Part { bytes, size })
}

fn cut(offset: u64, bytes: Bytes) -> impl Iterator<Item = Outcome<Piece>> {
    (0..bytes.len()).step_by(PIECE).map(move |at| {
        let data = bytes.slice(at..bytes.len().min(at + PIECE));
        Ok(Piece { offset: offset + at as u64, data, parents: Vec::new() })
    })
}

/// Reads the rest of a range, one part ahead.
struct Ahead {
    catalogue: Arc<Catalogue>,
    entry: String,
    size: u64,
    rest: Range<u64>,
}

impl Ahead {
    async fn run(mut self, parts: mpsc::Sender<Outcome<Bytes>>) {
        let mut length = FIRST;
        while !self.rest.is_empty() {
            // Only once there is room for it, so that no more than one part waits for its taker.
            let Ok(room) = parts.reserve().await else { return };
            let begun = Instant::now();
            let part = tokio::select! {
                part = self.next(length) => part,
                () = parts.closed() => return,
            };
            let failed = part.is_err();
            room.send(part);
            if failed {
                return;
            }
            length = pace(length, begun.elapsed());
        }
    }

    async fn next(&mut self, length: u32) -> Outcome<Bytes> {
        let left = self.rest.end - self.rest.start;
        let length = u32::try_from(left).map_or(length, |left| left.min(length));
        let part = self.catalogue.read(&self.entry, self.rest.start, length).await?;
        if part.size != self.size {
            let place = self.catalogue.remote.place();
            let change = format!("{place}: the entry had {} bytes and has {} now", self.size, part.size);
            return Err(Fault::unavailable(change));
        }
        self.rest.start += part.bytes.len() as u64;
        Ok(part.bytes)
    }
}

/// The next part's bytes after one of so many took so long.
fn pace(length: u32, took: Duration) -> u32 {
    match took {
        _ if took < QUICK => (length * 2).min(MOST),
        _ if took > SLOW => (length / 2).max(LEAST),
        _ => length,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(bytes: usize, offset: i64, size: i64, eof: bool) -> Chunk {
        Chunk { data: Some(Payload::Inline(Data(vec![1; bytes].into()))), offset, size, eof }
    }

    #[test]
    fn an_honest_answer_is_taken() {
        for (bytes, offset, length, size, eof) in [
            (10, 0, 10, 100, false),
            (10, 90, 10, 100, true),
            (5, 95, 10, 100, true),
            (0, 100, 10, 100, true),
            (0, 0, 0, 100, false),
            (0, 0, 0, 0, true),
            (0, 500, 1, 100, true),
        ] {
            let part = check(chunk(bytes, offset, size, eof), offset as u64, length).unwrap();
            assert_eq!((part.bytes.len(), part.size), (bytes, size as u64));
        }
        let dataless = Chunk { data: None, offset: 0, size: 0, eof: true };
        assert!(check(dataless, 0, 10).unwrap().bytes.is_empty());
    }

    #[test]
    fn a_lying_or_short_answer_is_named() {
        for (chunk, says) in [
            (chunk(9, 0, 100, false), "answered 9"),
            (chunk(11, 0, 100, false), "answered 11"),
            (chunk(0, 0, 100, false), "answered 0"),
            (chunk(10, 5, 100, false), "answered those from 5 on"),
            (chunk(10, -1, 100, false), "answered those from -1 on"),
            (chunk(10, 0, 100, true), "ends behind byte 10"),
            (chunk(10, 0, 10, false), "goes on behind byte 10"),
            (chunk(10, 0, -1, false), "has -1 bytes"),
            (chunk(10, 0, i64::MAX, false), "has 9223372036854775807 bytes"),
        ] {
            let lie = check(chunk, 0, 10).err().expect(says);
            assert!(lie.contains(says), "{lie}");
        }
    }

    #[test]
    fn parts_grow_with_a_quick_catalogue_and_shrink_with_a_slow_one() {
        let mut length = FIRST;
        (0..10).for_each(|_| length = pace(length, Duration::from_millis(1)));
        assert_eq!(length, MOST);
        assert_eq!(pace(length, Duration::from_millis(500)), MOST);
        (0..20).for_each(|_| length = pace(length, Duration::from_secs(2)));
        assert_eq!(length, LEAST);
    }

    #[test]
    fn ranges_are_widened_to_whole_groups() {
        assert_eq!(whole_groups(&(0..1)), 0..GROUP);
        assert_eq!(whole_groups(&(GROUP..GROUP)), GROUP..GROUP);
        assert_eq!(whole_groups(&(GROUP - 1..GROUP + 1)), 0..2 * GROUP);
        assert_eq!(whole_groups(&(5..u64::MAX)).start, 0);
    }
}
