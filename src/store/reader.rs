//! Reading a content that is here, whole or in part: every 16 KiB group is checked against the content's tree before
//! it is handed out.

use std::{
    fs::File,
    io,
    ops::Range,
    path::PathBuf,
    sync::{Arc, Weak},
};

use bytes::{Bytes, BytesMut};
use futures::{StreamExt, stream};
use sqlx::Row;

use super::{
    Partial, Store, StoreError,
    files::Kind,
    publish::blocking,
    shared::{Stat, file_name, path_of},
    tree::{GROUP, Geometry, Pair},
    verify::{Sink, Verifier, WalkError},
};
use crate::model::{ByteStream, ContentId, Fault, Outcome};

/// Most bytes of one [`BlobReader::read`].
pub const MAX_READ: u64 = 1 << 20;
/// Bytes of one part of a stream.
const PART: u64 = 512 * 1024;
/// Parts of a stream that are read before somebody asks.
const PARTS_AHEAD: usize = 2;

/// A content that is here, whole or in part.
pub struct BlobReader {
    store: Weak<Store>,
    hash: [u8; 32],
    geometry: Geometry,
    origin: Origin,
}

enum Origin {
    Kept { data: File, nodes: Option<File> },
    Shared { data: File, nodes: Option<File>, path: PathBuf },
    Partial(Arc<Partial>),
}

impl Store {
    /// A reader for a content of which all or some bytes are here.
    ///
    /// # Errors
    /// Unavailable when it is a shared file that has changed since it was published.
    pub async fn reader(&self, id: &ContentId) -> Outcome<Option<Arc<BlobReader>>> {
        let ContentId::Native(hash) = *id else { return Ok(None) };
        let sql = "SELECT row, size, kept FROM contents WHERE hash = ? AND live";
        let found = sqlx::query(sql).bind(&hash[..]).fetch_optional(&self.catalogue.read).await;
        let Some(found) = found.map_err(StoreError::from)? else {
            let begun = self.begun_partial(hash).await?;
            return Ok(begun.map(|partial| Arc::new(self.reader_of(hash, partial.size(), Origin::Partial(partial)))));
        };
        let (row, size, kept) = (column(&found, 0)?, column(&found, 1)? as u64, column(&found, 2)? != 0);
        let origin = if kept { self.open_kept(hash, size).await? } else { self.open_shared(row, hash, size).await? };
        Ok(Some(Arc::new(self.reader_of(hash, size, origin))))
    }

    /// A reader for what is here of a content on its way.
    pub(super) fn reader_of_partial(&self, partial: Arc<Partial>) -> Arc<BlobReader> {
        let (hash, size) = (partial.hash(), partial.size());
        Arc::new(self.reader_of(hash, size, Origin::Partial(partial)))
    }

    fn reader_of(&self, hash: [u8; 32], size: u64, origin: Origin) -> BlobReader {
        BlobReader { store: self.me.clone(), hash, geometry: Geometry { size }, origin }
    }

    async fn open_kept(&self, hash: [u8; 32], size: u64) -> Result<Origin, StoreError> {
        let files = self.files.clone();
        blocking(move || {
            let damaged = |_| StoreError::Damaged(ContentId::Native(hash).to_string());
            let data = File::open(files.path(Kind::Blob, &hash)).map_err(damaged)?;
            let nodes = (size > GROUP).then(|| File::open(files.path(Kind::BlobNodes, &hash)));
            Ok(Origin::Kept { data, nodes: nodes.transpose().map_err(damaged)? })
        })
        .await
    }

    async fn open_shared(&self, row: i64, hash: [u8; 32], size: u64) -> Outcome<Origin> {
        let sql = "SELECT path, size, mtime, inode FROM places WHERE content = ? AND NOT stale ORDER BY path";
        let places = sqlx::query(sql).bind(row).fetch_all(&self.catalogue.read).await;
        let places = places.map_err(StoreError::from)?;
        let mut changed = None;
        for place in places {
            let path = path_of(place.try_get(0).map_err(StoreError::from)?);
            let stat = Stat { size: column(&place, 1)? as u64, mtime: column(&place, 2)?, inode: column(&place, 3)? };
            let (files, shared) = (self.files.clone(), path.clone());
            let opened = blocking(move || {
                let data = File::open(&shared)?;
                let nodes = (size > GROUP).then(|| File::open(files.path(Kind::SharedNodes, &hash))).transpose()?;
                let unchanged = Stat::of(&data.metadata()?) == stat;
                Ok(unchanged.then_some((data, nodes)))
            });
            if let Ok(Some((data, nodes))) = opened.await {
                return Ok(Origin::Shared { data, nodes, path });
            }
            self.distrust(std::slice::from_ref(&path)).await?;
            self.suspect(&path);
            changed = Some(path);
        }
        Err(StoreError::Changed(file_name(&changed.unwrap_or_default())).into())
    }
}

impl BlobReader {
    /// Bytes of the whole content.
    pub fn size(&self) -> u64 {
        self.geometry.size
    }

    /// The content's hash.
    pub fn hash(&self) -> blake3::Hash {
        blake3::Hash::from_bytes(self.hash)
    }

    /// The content on its way that this reads, absent when the content is here whole.
    pub fn partial(&self) -> Option<&Arc<Partial>> {
        match &self.origin {
            Origin::Partial(partial) => Some(partial),
            _ => None,
        }
    }

    /// The part of a byte range, from its start on, that is here without a gap.
    pub fn available(&self, range: Range<u64>) -> Range<u64> {
        match &self.origin {
            Origin::Partial(partial) => partial.available(range),
            _ => range.start..range.end.min(self.size()).max(range.start),
        }
    }

    /// Bytes of a range, which is cut at the content's end.
    ///
    /// # Errors
    /// TooLarge above [`MAX_READ`], Unavailable when the bytes are not here yet or are no longer those of the content.
    pub async fn read(self: &Arc<Self>, range: Range<u64>) -> Outcome<Bytes> {
        let range = range.start.min(self.size())..range.end.min(self.size());
        if range.end.saturating_sub(range.start) > MAX_READ {
            return Err(Fault::too_large(format!("at most {MAX_READ} bytes are read at once")));
        }
        let reader = Arc::clone(self);
        Ok(blocking(move || reader.read_blocking(range)).await?)
    }

    /// As [`BlobReader::read`], on this thread.
    ///
    /// # Errors
    /// As [`BlobReader::read`].
    pub fn read_blocking(&self, range: Range<u64>) -> Result<Bytes, StoreError> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        if self.available(range.clone()) != range {
            return Err(StoreError::Refused(Fault::unavailable("these bytes of the content are not here yet")));
        }
        let bytes = BytesMut::with_capacity((range.end - range.start) as usize);
        let mut sink = Cut { range: range.clone(), bytes };
        self.verifier().walk(self.geometry.covering(&range), &mut sink).map_err(|error| self.explain(error))?;
        Ok(sink.bytes.freeze())
    }

    /// The bytes of a range, which is cut at the content's end, as they are asked for; little is read ahead.
    pub fn stream(self: &Arc<Self>, range: Range<u64>) -> ByteStream {
        let end = range.end.min(self.size());
        let starts = stream::iter((range.start..end).step_by(PART as usize));
        let reader = Arc::clone(self);
        let read = move |start: u64| {
            let reader = Arc::clone(&reader);
            async move { reader.read(start..(start + PART).min(end)).await }
        };
        // After a fault nothing may follow that looks like the rest.
        let failed = |failed: &mut bool, part: Outcome<Bytes>| {
            let go = !*failed;
            *failed = part.is_err();
            std::future::ready(go.then_some(part))
        };
        starts.map(read).buffered(PARTS_AHEAD).scan(false, failed).boxed()
    }

    /// Writes the verified stream of a range: nodes and groups in pre-order, without a size header, as `bao-tree`
    /// encodes it for the range rounded to whole groups. Blocks.
    ///
    /// # Errors
    /// `InvalidData` when the bytes are no longer those of the content, otherwise what `out` or the disk says.
    pub fn encode(&self, range: Range<u64>, out: &mut dyn io::Write) -> io::Result<()> {
        let range = self.available(range);
        let walked = self.verifier().walk(self.geometry.covering(&range), &mut Encode(out));
        walked.map_err(|error| match error {
            WalkError::Io(error) => error,
            WalkError::Mismatch => io::Error::new(io::ErrorKind::InvalidData, self.explain(WalkError::Mismatch)),
        })
    }

    pub(super) fn verifier(&self) -> Verifier<'_> {
        match &self.origin {
            Origin::Kept { data, nodes } | Origin::Shared { data, nodes, .. } => {
                Verifier { hash: self.hash, geometry: self.geometry, data, outboard: nodes.as_ref() }
            }
            Origin::Partial(partial) => partial.verifier(),
        }
    }

    pub(super) fn geometry(&self) -> Geometry {
        self.geometry
    }

    pub(super) fn explain(&self, error: WalkError) -> StoreError {
        match (error, &self.origin) {
            (WalkError::Io(error), _) => error.into(),
            (WalkError::Mismatch, Origin::Shared { path, .. }) => {
                if let Some(store) = self.store.upgrade() {
                    store.suspect(path);
                }
                StoreError::Changed(file_name(path))
            }
            (WalkError::Mismatch, _) => {
                let id = ContentId::Native(self.hash);
                tracing::error!(%id, "stored bytes are damaged");
                StoreError::Damaged(id.to_string())
            }
        }
    }
}

/// Keeps the wanted bytes of the groups.
struct Cut {
    range: Range<u64>,
    bytes: BytesMut,
}

impl Sink for Cut {
    fn parent(&mut self, _: u64, _: &Pair) -> io::Result<()> {
        Ok(())
    }

    fn group(&mut self, index: u64, bytes: &[u8]) -> io::Result<()> {
        let at = index * GROUP;
        let from = self.range.start.saturating_sub(at) as usize;
        let to = (self.range.end - at).min(bytes.len() as u64) as usize;
        self.bytes.extend_from_slice(&bytes[from..to]);
        Ok(())
    }
}

/// Writes nodes and groups as they come.
struct Encode<'a>(&'a mut dyn io::Write);

impl Sink for Encode<'_> {
    fn parent(&mut self, _: u64, pair: &Pair) -> io::Result<()> {
        self.0.write_all(pair.as_flattened())
    }

    fn group(&mut self, _: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }
}

fn column(row: &sqlx::sqlite::SqliteRow, index: usize) -> Result<i64, StoreError> {
    Ok(row.try_get(index)?)
}
