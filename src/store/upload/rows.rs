//! Uploads in the catalogue.

use std::ops::Range;

use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use crate::{
    model::{ContentId, Fault, Sha256, Time},
    store::{
        NewContent, StoreError,
        catalogue::{Catalogue, hash_of, list, list_of},
        ranges::Ranges,
    },
};

/// An upload under way, as it is kept.
pub struct Open {
    /// What names it.
    pub id: String,
    /// What it will be published as.
    pub new: NewContent,
    /// The declared size.
    pub size: Option<u64>,
    /// When it was last worked on.
    pub touched: Time,
    /// What of it is on the disk.
    pub received: Ranges,
}

/// An upload that became a content, remembered so that its commit can be asked for again.
#[derive(Clone, Debug, PartialEq)]
pub struct CommittedUpload {
    /// What names the upload.
    pub id: String,
    /// What it became.
    pub content_id: ContentId,
    /// The hash that it was committed with, which its bytes have.
    pub sha256: Option<Sha256>,
    /// When it was committed.
    pub committed: Time,
}

/// What names an upload's file: a hash, so that no text becomes a path.
pub fn key(id: &str) -> [u8; 32] {
    *blake3::hash(id.as_bytes()).as_bytes()
}

/// Keeps a new upload.
pub async fn insert(
    catalogue: &Catalogue,
    id: &str,
    new: &NewContent,
    size: Option<u64>,
    touched: Time,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO uploads (id, name, size, media_type, description, tags, overlays, touched) \
               VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    sqlx::query(sql)
        .bind(id)
        .bind(&new.name)
        .bind(size.map(|size| size as i64))
        .bind(new.media_type.as_deref())
        .bind(new.description.as_deref())
        .bind(list(&new.tags))
        .bind(list(&new.overlays))
        .bind(touched.as_millis())
        .execute(&catalogue.write)
        .await?;
    Ok(())
}

/// Keeps a range of bytes that is on the disk, as one row with its neighbours.
///
/// # Errors
/// Conflict when the upload is not under way any more.
pub async fn add_range(catalogue: &Catalogue, id: &str, range: &Range<u64>, now: Time) -> Result<(), StoreError> {
    let mut transaction = catalogue.write.begin().await?;
    let sql = "UPDATE uploads SET touched = ? WHERE id = ? AND content IS NULL";
    let touched = sqlx::query(sql).bind(now.as_millis()).bind(id).execute(&mut *transaction).await?;
    if touched.rows_affected() == 0 {
        return Err(Fault::conflict("the upload has ended").into());
    }
    let sql = "DELETE FROM upload_ranges WHERE upload = ? AND (beyond = ? OR start = ?) RETURNING start, beyond";
    let neighbours = sqlx::query(sql).bind(id).bind(range.start as i64).bind(range.end as i64);
    let (mut start, mut beyond) = (range.start as i64, range.end as i64);
    for neighbour in neighbours.fetch_all(&mut *transaction).await? {
        start = start.min(neighbour.try_get(0)?);
        beyond = beyond.max(neighbour.try_get(1)?);
    }
    let sql = "INSERT INTO upload_ranges (upload, start, beyond) VALUES (?, ?, ?)";
    sqlx::query(sql).bind(id).bind(start).bind(beyond).execute(&mut *transaction).await?;
    Ok(transaction.commit().await?)
}

/// Notes that an upload became a content.
pub async fn set_committed(
    connection: &mut SqliteConnection,
    id: &str,
    content: &[u8; 32],
    sha256: Option<Sha256>,
) -> Result<(), StoreError> {
    let sql = "UPDATE uploads SET content = ?, sha256 = ?, touched = ? WHERE id = ?";
    let query = sqlx::query(sql).bind(&content[..]).bind(sha256.map(|sha256| sha256.0.to_vec()));
    query.bind(Time::now().as_millis()).bind(id).execute(connection).await?;
    Ok(())
}

/// Takes back that an upload became a content.
pub async fn set_open(connection: &mut SqliteConnection, id: &str) -> Result<(), StoreError> {
    sqlx::query("UPDATE uploads SET content = NULL, sha256 = NULL WHERE id = ?").bind(id).execute(connection).await?;
    Ok(())
}

/// Forgets an upload and its ranges.
pub async fn delete(catalogue: &Catalogue, id: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM uploads WHERE id = ?").bind(id).execute(&catalogue.write).await?;
    Ok(())
}

/// The uploads under way.
pub async fn open(catalogue: &Catalogue) -> Result<Vec<Open>, StoreError> {
    let sql = "SELECT id, name, size, media_type, description, tags, overlays, touched FROM uploads \
               WHERE content IS NULL ORDER BY id";
    let mut uploads = Vec::new();
    for row in sqlx::query(sql).fetch_all(&catalogue.read).await? {
        let mut upload = open_of(&row)?;
        let sql = "SELECT start, beyond FROM upload_ranges WHERE upload = ?";
        let ranges: Vec<(i64, i64)> = sqlx::query_as(sql).bind(&upload.id).fetch_all(&catalogue.read).await?;
        upload.received = ranges.into_iter().map(|(start, beyond)| start as u64..beyond as u64).collect();
        uploads.push(upload);
    }
    Ok(uploads)
}

/// The uploads that became a content.
pub async fn committed(catalogue: &Catalogue) -> Result<Vec<CommittedUpload>, StoreError> {
    let sql = "SELECT id, content, sha256, touched FROM uploads WHERE content IS NOT NULL ORDER BY id";
    sqlx::query(sql).fetch_all(&catalogue.read).await?.iter().map(committed_of).collect()
}

fn open_of(row: &SqliteRow) -> Result<Open, StoreError> {
    Ok(Open {
        id: row.try_get(0)?,
        new: NewContent {
            name: row.try_get(1)?,
            media_type: row.try_get(3)?,
            description: row.try_get(4)?,
            tags: list_of(row.try_get(5)?)?,
            overlays: list_of(row.try_get(6)?)?,
        },
        size: row.try_get::<Option<i64>, _>(2)?.map(|size| size as u64),
        touched: Time::from_millis(row.try_get(7)?),
        received: Ranges::default(),
    })
}

fn committed_of(row: &SqliteRow) -> Result<CommittedUpload, StoreError> {
    Ok(CommittedUpload {
        id: row.try_get(0)?,
        content_id: ContentId::Native(hash_of(row.try_get(1)?)?),
        sha256: row.try_get::<Option<&[u8]>, _>(2)?.map(hash_of).transpose()?.map(Sha256),
        committed: Time::from_millis(row.try_get(3)?),
    })
}
