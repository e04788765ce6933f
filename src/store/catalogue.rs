//! The catalogue in SQLite: opening it, and the rows of contents.

use std::path::Path;
use std::time::Duration;

use sqlx::{
    Row, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous},
};

use super::StoreError;
use crate::model::{Content, ContentId, Time};

/// Connections that read at once.
const READERS: u32 = 4;
/// How long a statement waits for another process that has the catalogue open, such as a backup.
const BUSY: Duration = Duration::from_secs(10);

/// The columns of a content, in the order that [`content_of`] reads.
macro_rules! content_columns {
    () => {
        "row, hash, size, name, media_type, description, tags, overlays, published, \
         (SELECT json_group_array(id) FROM (SELECT id FROM aliases WHERE aliases.hash = contents.hash ORDER BY \
         aliases.row DESC))"
    };
}
pub(crate) use content_columns;

/// The catalogue's connections: many that read, one that writes.
pub struct Catalogue {
    /// Connections for reading.
    pub read: SqlitePool,
    /// The one connection that writes.
    pub write: SqlitePool,
}

impl Catalogue {
    /// Opens the catalogue and brings its tables up to date.
    ///
    /// # Errors
    /// What SQLite says, such as that the file is none of its own.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        // FULL: in WAL mode NORMAL could lose what was acknowledged when the power fails.
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY);
        let write = SqlitePoolOptions::new().max_connections(1).min_connections(1);
        let write = write.idle_timeout(None).max_lifetime(None).connect_with(options.clone()).await?;
        sqlx::migrate!().run(&write).await?;
        let read = SqlitePoolOptions::new().max_connections(READERS).min_connections(1).idle_timeout(None);
        let read = read.max_lifetime(None).connect_with(options).await?;
        Ok(Self { read, write })
    }

    /// Closes all connections, so that everything is in the file.
    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }

    /// How often the catalogue has changed.
    pub async fn generation(&self) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar("SELECT value FROM generation").fetch_one(&self.read).await?)
    }

    /// Contents that are live, and their bytes.
    pub async fn totals(&self) -> Result<(u64, u64), StoreError> {
        let sql = "SELECT count(*), coalesce(sum(size), 0) FROM contents WHERE live";
        let (count, bytes): (i64, i64) = sqlx::query_as(sql).fetch_one(&self.read).await?;
        Ok((count as u64, bytes as u64))
    }

    /// The live content of that hash.
    pub async fn live(&self, hash: &[u8; 32]) -> Result<Option<(u64, Content)>, StoreError> {
        let sql = concat!("SELECT ", content_columns!(), " FROM contents WHERE hash = ? AND live");
        let row = sqlx::query(sql).bind(&hash[..]).fetch_optional(&self.read).await?;
        row.as_ref().map(content_of).transpose()
    }

    /// The live contents of those rows, in any order.
    pub async fn of_rows(&self, rows: &[u64]) -> Result<Vec<(u64, Content)>, StoreError> {
        let sql = concat!(
            "SELECT ",
            content_columns!(),
            " FROM contents WHERE live AND row IN (SELECT value FROM json_each(?))"
        );
        let rows = serde_json::to_string(rows).unwrap_or_default();
        sqlx::query(sql).bind(rows).fetch_all(&self.read).await?.iter().map(content_of).collect()
    }

    /// Live contents, newest first, below the row `before`.
    pub async fn page(&self, before: Option<u64>, limit: usize) -> Result<Vec<(u64, Content)>, StoreError> {
        let sql =
            concat!("SELECT ", content_columns!(), " FROM contents WHERE live AND row < ? ORDER BY row DESC LIMIT ?");
        let before = before.and_then(|row| i64::try_from(row).ok()).unwrap_or(i64::MAX);
        let rows = sqlx::query(sql).bind(before).bind(limit as i64).fetch_all(&self.read).await?;
        rows.iter().map(content_of).collect()
    }
}

/// Notes in the catalogue that it has changed once more.
pub async fn next_generation(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    let sql = "UPDATE generation SET value = value + 1 RETURNING value";
    Ok(sqlx::query_scalar(sql).fetch_one(connection).await?)
}

/// A content from the columns of `content_columns`.
pub fn content_of(row: &SqliteRow) -> Result<(u64, Content), StoreError> {
    let content = Content {
        content_id: ContentId::Native(hash_of(row.try_get(1)?)?),
        size: row.try_get::<i64, _>(2)? as u64,
        name: row.try_get(3)?,
        media_type: row.try_get(4)?,
        description: row.try_get(5)?,
        tags: list_of(row.try_get(6)?)?,
        overlays: list_of(row.try_get(7)?)?,
        published: Time::from_millis(row.try_get(8)?),
        providers: 1,
        local: true,
        aliases: list_of(row.try_get(9)?)?.iter().filter_map(|id| id.parse().ok()).collect(),
    };
    Ok((row.try_get::<i64, _>(0)? as u64, content))
}

/// A hash from its column.
pub fn hash_of(bytes: &[u8]) -> Result<[u8; 32], StoreError> {
    bytes.try_into().map_err(|_| decode("a hash has 32 bytes"))
}

/// Texts from a column that holds them as a JSON array.
pub fn list_of(json: &str) -> Result<Vec<String>, StoreError> {
    serde_json::from_str(json).map_err(decode)
}

/// Texts as the JSON array that a column holds.
pub fn list(texts: &[String]) -> String {
    serde_json::Value::from(texts).to_string()
}

fn decode(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    sqlx::Error::Decode(why.into()).into()
}
