//! Whole contents whose bytes come without proof: kept aside until their hash is known, and proved from then on.
//!
//! The files have no name and end with the value, so that nothing of what was never proved outlives a crash.

use std::{fs::File, io::Write, ops::Range, os::unix::fs::FileExt, sync::Arc};

use bytes::{Bytes, BytesMut};
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};

use super::{Proof, Store, StoreError, Walk, files::Files, publish::blocking, spool::Spool};
use crate::model::{ByteStream, ContentId, Fault, Outcome, Piece};

/// Bytes that are written, or read and proved, at once.
const BLOCK: usize = 512 << 10;

/// A content that was kept aside, and is what its id says.
#[derive(Debug)]
pub struct Aside {
    hash: [u8; 32],
    size: u64,
    data: File,
    /// Absent for a content of one group.
    nodes: Option<File>,
}

impl Store {
    /// Takes in a content of which every byte is to come, and hashes it.
    ///
    /// # Errors
    /// Unavailable when the bytes are not those of the content, or more or fewer than `size`; what the stream says.
    pub async fn keep_aside(&self, hash: [u8; 32], size: u64, mut bytes: ByteStream) -> Outcome<Arc<Aside>> {
        let files = self.files.clone();
        let mut coming = blocking(move || Ok(Coming::new(&files)?)).await?;
        let mut block = BytesMut::new();
        loop {
            let part = bytes.next().await.transpose()?;
            let is_last = part.is_none();
            block.extend_from_slice(&part.unwrap_or_default());
            if coming.size + block.len() as u64 > size {
                return Err(Fault::unavailable(format!("the source sends more than the {size} bytes that it stated")));
            }
            if block.len() >= BLOCK || is_last {
                let full = block.split().freeze();
                coming = blocking(move || Ok(coming.write(&full)?)).await?;
            }
            if is_last {
                break;
            }
        }
        let aside = blocking(move || Ok(coming.finish()?)).await?;
        if aside.size != size {
            return Err(Fault::unavailable(format!("the source sent {} of {size} bytes", aside.size)));
        }
        if aside.hash != hash {
            let id = ContentId::native(hash);
            return Err(Fault::unavailable(format!("the bytes do not belong to content {id}; none were kept")));
        }
        Ok(Arc::new(aside))
    }
}

/// A content that is still coming.
struct Coming {
    data: File,
    spool: Spool,
    size: u64,
}

impl Coming {
    fn new(files: &Files) -> std::io::Result<Self> {
        Ok(Self { data: files.temporary()?.into_file(), spool: Spool::new(files), size: 0 })
    }

    fn write(mut self, bytes: &[u8]) -> std::io::Result<Self> {
        self.data.write_all(bytes)?;
        self.spool.update(bytes)?;
        self.size += bytes.len() as u64;
        Ok(self)
    }

    fn finish(self) -> std::io::Result<Aside> {
        let hashed = self.spool.finish(false)?;
        let nodes = hashed.nodes.map(File::open).transpose()?;
        Ok(Aside { hash: hashed.hash, size: hashed.size, data: self.data, nodes })
    }
}

impl Aside {
    /// Bytes of the content.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The pieces of a range, rounded out to whole groups, with their nodes; read and proved as they are asked for.
    ///
    /// # Errors
    /// Internal when the disk says no.
    pub fn pieces(self: &Arc<Self>, range: &Range<u64>) -> Outcome<BoxStream<'static, Outcome<Piece>>> {
        let nodes = self.nodes.as_ref().map(File::try_clone).transpose().map_err(StoreError::from)?;
        let proof = Proof::new(self.hash, self.size, nodes);
        let rest = proof.covering(range);
        let reading = Reading { aside: self.clone(), walk: proof.walk(range), rest };
        let batches = stream::try_unfold(reading, |reading| async move {
            if reading.rest.is_empty() {
                return Ok(None);
            }
            blocking(move || reading.next()).await.map(Some).map_err(Fault::from)
        });
        let each = |batch: Outcome<Vec<Piece>>| match batch {
            Ok(pieces) => stream::iter(pieces.into_iter().map(Ok)).left_stream(),
            Err(fault) => stream::iter([Err(fault)]).right_stream(),
        };
        Ok(batches.flat_map(each).boxed())
    }
}

/// A range that is being read.
struct Reading {
    aside: Arc<Aside>,
    walk: Walk,
    rest: Range<u64>,
}

impl Reading {
    fn next(mut self) -> Result<(Vec<Piece>, Self), StoreError> {
        let end = self.rest.end.min(self.rest.start + BLOCK as u64);
        let mut block = vec![0; (end - self.rest.start) as usize];
        self.aside.data.read_exact_at(&mut block, self.rest.start)?;
        self.rest.start = end;
        let pieces = self.walk.prove(Bytes::from(block))?;
        Ok((pieces, self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coming(data: &[u8]) -> ByteStream {
        let parts: Vec<Outcome<Bytes>> = data.chunks(10_000).map(|part| Ok(Bytes::copy_from_slice(part))).collect();
        stream::iter(parts).boxed()
    }

    #[tokio::test]
    async fn what_was_kept_aside_is_proved_in_any_range() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        for size in [0, 1, 16_384, 1_300_000] {
            let data: Vec<u8> = (0..size).map(|at| (at / 7 % 251) as u8).collect();
            let aside = store.keep_aside(*blake3::hash(&data).as_bytes(), size as u64, coming(&data)).await.unwrap();
            for range in [0..size, size / 2..size] {
                let pieces = aside.pieces(&(range.start as u64..range.end as u64)).unwrap();
                let pieces: Vec<Piece> = pieces.map(Result::unwrap).collect().await;
                let joined = pieces.iter().flat_map(|piece| piece.data.to_vec()).collect::<Vec<_>>();
                assert!(data.ends_with(&joined) && joined.len() >= range.len(), "{size} {range:?}");
            }
        }
        assert_eq!(std::fs::read_dir(folder.path().join("tmp")).unwrap().count(), 0, "the files have no names");
    }

    #[tokio::test]
    async fn other_bytes_than_were_stated_are_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let data = vec![7; 50_000];
        let hash = *blake3::hash(&data).as_bytes();
        for (hash, size, named) in
            [([0; 32], 50_000, "do not belong"), (hash, 49_999, "more than"), (hash, 50_001, "of 50001")]
        {
            let fault = store.keep_aside(hash, size, coming(&data)).await.unwrap_err();
            assert!(fault.message.contains(named), "{fault}");
        }
    }
}
