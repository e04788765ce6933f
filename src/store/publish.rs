//! Publishing bytes, and changing or ending what was published.

use std::{fs, io::Write, sync::Arc};

use bytes::Bytes;
use futures::StreamExt;
use sqlx::Row;
use tempfile::{NamedTempFile, TempPath};
use tokio::sync::mpsc;

use super::{
    Store, StoreError, catalogue,
    edit::Edit,
    files::{Files, Kind},
    labels,
    spool::{Hashed, Spool},
    upload,
};
use crate::model::{ByteStream, Content, ContentId, Fault, Outcome, Sha256, Time};

/// Parts of an upload that may wait for the disk.
const PARTS_AHEAD: usize = 16;

/// What a caller says of a content that is published.
#[derive(Clone, Debug, Default)]
pub struct NewContent {
    /// The file's name; text for people.
    pub name: String,
    /// The media type; guessed from the name when absent.
    pub media_type: Option<String>,
    /// A sentence about the content.
    pub description: Option<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// The overlays that it is published in.
    pub overlays: Vec<String>,
}

/// New labels; what is absent stays as it is.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// The file's name.
    pub name: Option<String>,
    /// The media type.
    pub media_type: Option<String>,
    /// A sentence about the content; an empty one takes it away.
    pub description: Option<String>,
    /// Words to find it by.
    pub tags: Option<Vec<String>>,
}

/// Where the bytes of a content lie that is about to be published.
pub(super) enum Source {
    /// In a file of their own, which moves.
    Temporary(TempPath),
    /// In the file of an upload, which stays for whoever commits again should this fail.
    Upload {
        /// What names the upload.
        id: String,
        /// What names its file.
        key: [u8; 32],
        /// The hash that was asked for, which the bytes have.
        sha256: Option<Sha256>,
    },
}

impl NewContent {
    /// Checks every label.
    ///
    /// # Errors
    /// InvalidRequest that names the field and the limit.
    pub fn check(&self) -> Outcome<()> {
        labels::check_name(&self.name)?;
        self.media_type.as_deref().map_or(Ok(()), labels::check_media_type)?;
        self.description.as_deref().map_or(Ok(()), labels::check_description)?;
        labels::check_tags(&self.tags)
    }
}

impl Store {
    /// Publishes bytes: when this returns they are on the disk, in the catalogue and found by searches. The same bytes
    /// published again keep their id and take the newest labels.
    ///
    /// # Errors
    /// InvalidRequest that names a label, Unavailable when the disk is full, or the fault that ended the stream; then
    /// nothing of it is left.
    pub async fn publish(&self, new: NewContent, stream: ByteStream) -> Outcome<Arc<Content>> {
        new.check()?;
        let (data, hashed) = self.take_in(stream).await?;
        self.publish_from(&new, Source::Temporary(data.into_temp_path()), hashed).await
    }

    /// Makes a content of bytes that are on the disk, synced and hashed.
    ///
    /// # Errors
    /// As [`Store::publish`]; the file of an upload is there all the same.
    pub(super) async fn publish_from(&self, new: &NewContent, source: Source, hashed: Hashed) -> Outcome<Arc<Content>> {
        let mut edit = self.edit().await?;
        let (hash, upload) = (hashed.hash, source.upload());
        let was_kept = kept(&mut edit, &hash).await?;
        match self.place_and_enter(edit, new, source, hashed).await {
            Err(fault) if !was_kept => Err(self.undo(hash, upload.map(|(id, _)| id), fault).await),
            published => published,
        }
    }

    async fn place_and_enter(
        &self,
        mut edit: Edit,
        new: &NewContent,
        source: Source,
        hashed: Hashed,
    ) -> Outcome<Arc<Content>> {
        let (files, hash, size, upload) = (self.files.clone(), hashed.hash, hashed.size, source.upload());
        blocking(move || source.place(&files, hashed)).await?;
        self.enter(&mut edit, new, hash, size).await?;
        if let Some((id, sha256)) = upload {
            upload::rows::set_committed(edit.sql(), &id, &hash, sha256).await?;
        }
        self.finish(edit, hash).await
    }

    /// Changes labels.
    ///
    /// # Errors
    /// NotFound when this node holds no such content, InvalidRequest that names a label.
    pub async fn update(&self, id: &ContentId, changes: Changes) -> Outcome<Arc<Content>> {
        changes.name.as_deref().map_or(Ok(()), labels::check_name)?;
        changes.media_type.as_deref().map_or(Ok(()), labels::check_media_type)?;
        changes.description.as_deref().map_or(Ok(()), labels::check_description)?;
        changes.tags.as_deref().map_or(Ok(()), labels::check_tags)?;
        let unknown = || Fault::not_found(format!("no content {id} is on this node"));
        let ContentId::Native(hash) = id else { return Err(unknown()) };
        let mut edit = self.edit().await?;
        let sql = "UPDATE contents SET name = coalesce(?, name), media_type = coalesce(?, media_type), \
                   description = nullif(coalesce(?, description), ''), tags = coalesce(?, tags), edited = 1 \
                   WHERE hash = ? AND live RETURNING row";
        let row: Option<i64> = sqlx::query_scalar(sql)
            .bind(changes.name)
            .bind(changes.media_type)
            .bind(changes.description)
            .bind(changes.tags.as_deref().map(catalogue::list))
            .bind(&hash[..])
            .fetch_optional(edit.sql())
            .await
            .map_err(StoreError::from)?;
        edit.settle(row.ok_or_else(unknown)?, true).await?;
        edit.commit().await?;
        self.index.flush().await?;
        self.get(id).await?.ok_or_else(unknown)
    }

    /// Ends the publishing of a content; false when there was nothing to end. Its bytes are removed if they lie in the
    /// data folder. A shared file is left alone, and stays withdrawn until it changes or is published again.
    ///
    /// # Errors
    /// Internal when the catalogue cannot be written.
    pub async fn unpublish(&self, id: &ContentId) -> Outcome<bool> {
        let ContentId::Native(hash) = id else { return Ok(false) };
        let mut edit = self.edit().await?;
        let sql = "UPDATE contents SET withdrawn = 1, kept = 0 WHERE hash = ? AND live RETURNING row";
        let row = sqlx::query_scalar::<_, i64>(sql).bind(&hash[..]).fetch_optional(edit.sql()).await;
        let Some(row) = row.map_err(StoreError::from)? else { return Ok(false) };
        edit.discard(Kind::Blob, hash);
        edit.discard(Kind::BlobNodes, hash);
        edit.settle(row, false).await?;
        edit.commit().await?;
        self.index.flush().await?;
        Ok(true)
    }

    /// Writes the row of bytes that lie in `blobs/`.
    pub(super) async fn enter(&self, edit: &mut Edit, new: &NewContent, hash: [u8; 32], size: u64) -> Outcome<()> {
        let known = sqlx::query("SELECT overlays FROM contents WHERE hash = ? AND live").bind(&hash[..]);
        let known = known.fetch_optional(edit.sql()).await.map_err(StoreError::from)?;
        let mut overlays = new.overlays.clone();
        if let Some(row) = known {
            let before = catalogue::list_of(row.try_get(0).map_err(StoreError::from)?)?;
            overlays.extend(before.into_iter().filter(|overlay| !new.overlays.contains(overlay)));
        }
        let sql = "INSERT INTO contents (hash, size, name, media_type, description, tags, overlays, published, kept, \
                   edited) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, 1) ON CONFLICT (hash) DO UPDATE SET \
                   name = excluded.name, media_type = excluded.media_type, description = excluded.description, \
                   tags = excluded.tags, overlays = excluded.overlays, kept = 1, edited = 1, withdrawn = 0 \
                   RETURNING row";
        let media_type = new.media_type.clone().unwrap_or_else(|| labels::guess_media_type(&new.name));
        let row: i64 = sqlx::query_scalar(sql)
            .bind(&hash[..])
            .bind(size as i64)
            .bind(&new.name)
            .bind(media_type)
            .bind(new.description.as_deref().filter(|text| !text.is_empty()))
            .bind(catalogue::list(&new.tags))
            .bind(catalogue::list(&overlays))
            .bind(Time::now().as_millis())
            .fetch_one(edit.sql())
            .await
            .map_err(StoreError::from)?;
        Ok(edit.settle(row, true).await?)
    }

    /// Commits an edit that entered a content and waits until searches find it.
    pub(super) async fn finish(&self, edit: Edit, hash: [u8; 32]) -> Outcome<Arc<Content>> {
        edit.commit().await?;
        self.index.flush().await?;
        let content = self.get(&ContentId::Native(hash)).await?;
        content.ok_or_else(|| Fault::conflict("the content was unpublished while it was published"))
    }

    /// Takes back what a failed publish of new bytes may have left: the caller is told that there is nothing.
    async fn undo(&self, hash: [u8; 32], upload: Option<String>, fault: Fault) -> Fault {
        let undone = async {
            let mut edit = self.edit().await?;
            let sql = "UPDATE contents SET kept = 0 WHERE hash = ? RETURNING row";
            let row = sqlx::query_scalar::<_, i64>(sql).bind(&hash[..]).fetch_optional(edit.sql()).await?;
            edit.discard(Kind::Blob, &hash);
            edit.discard(Kind::BlobNodes, &hash);
            if let Some(row) = row {
                edit.settle(row, false).await?;
            }
            if let Some(id) = upload {
                upload::rows::set_open(edit.sql(), &id).await?;
            }
            edit.commit().await
        };
        if let Err(error) = undone.await {
            tracing::warn!(%error, "a failed publish could not be taken back; the next start does it");
        }
        fault
    }

    async fn take_in(&self, mut stream: ByteStream) -> Outcome<(NamedTempFile, Hashed)> {
        let (parts, queue) = mpsc::channel(PARTS_AHEAD);
        let files = self.files.clone();
        let writer = tokio::task::spawn_blocking(move || write_parts(&files, queue));
        let mut ended = Ok(());
        while let Some(part) = stream.next().await {
            match part {
                Ok(bytes) => {
                    // The writer hangs up only when it failed, and says why below.
                    if parts.send(Some(bytes)).await.is_err() {
                        break;
                    }
                }
                Err(fault) => {
                    ended = Err(fault);
                    break;
                }
            }
        }
        if ended.is_ok() {
            let _ = parts.send(None).await;
        }
        drop(parts);
        let written = writer.await.map_err(Fault::internal)?;
        ended?;
        Ok(written?)
    }
}

/// Whether bytes lie in `blobs/` that somebody was told of.
async fn kept(edit: &mut Edit, hash: &[u8; 32]) -> Result<bool, StoreError> {
    let sql = "SELECT kept FROM contents WHERE hash = ?";
    let kept = sqlx::query_scalar::<_, bool>(sql).bind(&hash[..]).fetch_optional(edit.sql()).await?;
    Ok(kept.unwrap_or(false))
}

/// Writes parts until the one that marks the end; without it the stream broke off and nothing is kept.
fn write_parts(files: &Files, mut queue: mpsc::Receiver<Option<Bytes>>) -> Result<(NamedTempFile, Hashed), StoreError> {
    let mut data = files.temporary()?;
    let mut spool = Spool::new(files);
    while let Some(part) = queue.blocking_recv() {
        let Some(bytes) = part else {
            data.as_file().sync_all()?;
            return Ok((data, spool.finish(true)?));
        };
        data.write_all(&bytes)?;
        spool.update(&bytes)?;
    }
    Err(StoreError::Refused(Fault::unavailable("the bytes to publish ended before their end")))
}

impl Source {
    /// The upload that the bytes are of, and the hash that they were asked to have.
    fn upload(&self) -> Option<(String, Option<Sha256>)> {
        match self {
            Self::Temporary(_) => None,
            Self::Upload { id, sha256, .. } => Some((id.clone(), *sha256)),
        }
    }

    /// Brings bytes and nodes into `blobs/`.
    fn place(self, files: &Files, hashed: Hashed) -> Result<(), StoreError> {
        if let Some(nodes) = hashed.nodes {
            files.put(nodes, Kind::BlobNodes, &hashed.hash)?;
        }
        // Bytes that are there already are the same bytes, and somebody may be reading them.
        let there = fs::metadata(files.path(Kind::Blob, &hashed.hash));
        if there.is_ok_and(|there| there.len() == hashed.size) {
            return Ok(());
        }
        match self {
            Self::Temporary(data) => Ok(files.put(data, Kind::Blob, &hashed.hash)?),
            Self::Upload { key, .. } => Ok(files.link_or_copy((Kind::Upload, &key), (Kind::Blob, &hashed.hash))?),
        }
    }
}

/// Runs work that waits for the disk off the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(StoreError::Index(error.to_string())),
    }
}
