//! What is remembered of bridges: those that callers made, which are paused, what crossed, and what the cache keeps.

use sqlx::{Row, Sqlite, Transaction, sqlite::SqliteRow};

use super::{Store, StoreError, catalogue::hash_of};
use crate::model::{Hit, Outcome};

/// What is remembered of one bridge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BridgeRow {
    /// What names the bridge.
    pub id: String,
    /// How it was made, as JSON; absent for one that the configuration holds.
    pub settings: Option<String>,
    /// Whether a caller has paused it.
    pub paused: bool,
    /// Queries that crossed.
    pub queries: u64,
    /// Hits that came back.
    pub hits: u64,
    /// Bytes that came back.
    pub bytes: u64,
    /// What a rule held back.
    pub refusals: u64,
    /// Bytes of the day that was counted last: there, and back.
    pub days: [BridgeDay; 2],
}

/// Bytes that crossed in one direction on one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BridgeDay {
    /// Days since 1970, UTC.
    pub number: i64,
    /// Bytes.
    pub bytes: u64,
}

/// What is remembered of one content in the cache of the bridges.
#[derive(Clone, Debug, PartialEq)]
pub struct CachedRow {
    /// The content's hash.
    pub hash: [u8; 32],
    /// The overlay that it came from.
    pub overlay: String,
    /// Its hit there.
    pub record: Hit,
    /// Grows with each use of any of them.
    pub used: u64,
}

impl Store {
    /// Everything that is remembered of bridges, in no order.
    ///
    /// # Errors
    /// Internal when the catalogue cannot be read.
    pub async fn bridges(&self) -> Outcome<Vec<BridgeRow>> {
        Ok(self.read_bridges().await?)
    }

    async fn read_bridges(&self) -> Result<Vec<BridgeRow>, StoreError> {
        let sql = "SELECT id, settings, paused, queries_forwarded, hits_returned, bytes_relayed, refusals FROM bridges";
        let rows = sqlx::query(sql).fetch_all(&self.catalogue.read).await?;
        let mut bridges = rows.iter().map(bridge_of).collect::<Result<Vec<_>, StoreError>>()?;
        let days = sqlx::query("SELECT bridge, reverse, day, bytes FROM bridge_days");
        for row in days.fetch_all(&self.catalogue.read).await? {
            let (id, reverse): (String, bool) = (row.try_get(0)?, row.try_get(1)?);
            if let Some(bridge) = bridges.iter_mut().find(|bridge| bridge.id == id) {
                bridge.days[usize::from(reverse)] = BridgeDay { number: row.try_get(2)?, bytes: count(&row, 3)? };
            }
        }
        Ok(bridges)
    }

    /// Keeps what is to be remembered of bridges; when this returns it is on the disk.
    ///
    /// # Errors
    /// Internal when the catalogue cannot be written, Unavailable when the disk is full.
    pub async fn save_bridges(&self, rows: &[BridgeRow]) -> Outcome<()> {
        Ok(self.write_bridges(rows).await.map_err(StoreError::from)?)
    }

    async fn write_bridges(&self, rows: &[BridgeRow]) -> Result<(), sqlx::Error> {
        let mut transaction = self.catalogue.write.begin().await?;
        for row in rows {
            write_bridge(&mut transaction, row).await?;
        }
        transaction.commit().await
    }

    /// Forgets a bridge.
    ///
    /// # Errors
    /// As [`Store::save_bridges`].
    pub async fn remove_bridge(&self, id: &str) -> Outcome<()> {
        Ok(self.delete_bridge(id).await.map_err(StoreError::from)?)
    }

    async fn delete_bridge(&self, id: &str) -> Result<(), sqlx::Error> {
        let mut transaction = self.catalogue.write.begin().await?;
        sqlx::query("DELETE FROM bridge_days WHERE bridge = ?").bind(id).execute(&mut *transaction).await?;
        sqlx::query("DELETE FROM bridges WHERE id = ?").bind(id).execute(&mut *transaction).await?;
        transaction.commit().await
    }

    /// What is remembered of the contents in the cache of the bridges; those used longest ago first.
    ///
    /// # Errors
    /// Internal when the catalogue cannot be read.
    pub async fn cached_rows(&self) -> Outcome<Vec<CachedRow>> {
        let rows = sqlx::query("SELECT hash, overlay, record, used FROM bridge_cache ORDER BY used");
        let rows = rows.fetch_all(&self.catalogue.read).await.map_err(StoreError::from)?;
        // A record of another version says nothing; its bytes are swept.
        Ok(rows.iter().map(cached_of).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// Keeps and forgets rows of the cache.
    ///
    /// # Errors
    /// As [`Store::save_bridges`].
    pub async fn save_cached(&self, kept: &[CachedRow], gone: &[[u8; 32]]) -> Outcome<()> {
        Ok(self.write_cached(kept, gone).await.map_err(StoreError::from)?)
    }

    async fn write_cached(&self, kept: &[CachedRow], gone: &[[u8; 32]]) -> Result<(), sqlx::Error> {
        let mut transaction = self.catalogue.write.begin().await?;
        for hash in gone {
            sqlx::query("DELETE FROM bridge_cache WHERE hash = ?").bind(&hash[..]).execute(&mut *transaction).await?;
        }
        for row in kept {
            let record = serde_json::to_string(&row.record).unwrap_or_default();
            let sql = "INSERT OR REPLACE INTO bridge_cache (hash, overlay, record, used) VALUES (?, ?, ?, ?)";
            let insert = sqlx::query(sql).bind(&row.hash[..]).bind(&row.overlay).bind(record).bind(row.used as i64);
            insert.execute(&mut *transaction).await?;
        }
        transaction.commit().await
    }
}

async fn write_bridge(transaction: &mut Transaction<'static, Sqlite>, row: &BridgeRow) -> Result<(), sqlx::Error> {
    let sql = "INSERT OR REPLACE INTO bridges \
               (id, settings, paused, queries_forwarded, hits_returned, bytes_relayed, refusals) \
               VALUES (?, ?, ?, ?, ?, ?, ?)";
    let insert = sqlx::query(sql).bind(&row.id).bind(&row.settings).bind(row.paused);
    let insert = insert.bind(row.queries as i64).bind(row.hits as i64).bind(row.bytes as i64);
    insert.bind(row.refusals as i64).execute(&mut **transaction).await?;
    for (reverse, day) in row.days.iter().enumerate() {
        let sql = "INSERT OR REPLACE INTO bridge_days (bridge, reverse, day, bytes) VALUES (?, ?, ?, ?)";
        let insert = sqlx::query(sql).bind(&row.id).bind(reverse == 1).bind(day.number).bind(day.bytes as i64);
        insert.execute(&mut **transaction).await?;
    }
    Ok(())
}

fn bridge_of(row: &SqliteRow) -> Result<BridgeRow, StoreError> {
    Ok(BridgeRow {
        id: row.try_get(0)?,
        settings: row.try_get(1)?,
        paused: row.try_get(2)?,
        queries: count(row, 3)?,
        hits: count(row, 4)?,
        bytes: count(row, 5)?,
        refusals: count(row, 6)?,
        days: Default::default(),
    })
}

fn cached_of(row: &SqliteRow) -> Result<Option<CachedRow>, StoreError> {
    let Ok(record) = serde_json::from_str(row.try_get(2)?) else { return Ok(None) };
    Ok(Some(CachedRow { hash: hash_of(row.try_get(0)?)?, overlay: row.try_get(1)?, record, used: count(row, 3)? }))
}

fn count(row: &SqliteRow, index: usize) -> Result<u64, StoreError> {
    Ok(row.try_get::<i64, _>(index)? as u64)
}
