//! Answers that were given, for callers who ask for them again.

use sqlx::Row;

use super::{Store, StoreError, catalogue::hash_of};
use crate::model::{Outcome, Time};

/// Answers that are kept; the oldest go first.
const MAX_KEPT: i64 = 100_000;

/// An answer that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryRow {
    /// What it answered.
    pub fingerprint: [u8; 32],
    /// The answer.
    pub answer: Vec<u8>,
}

impl Store {
    /// The answer that was given under this key since then.
    ///
    /// # Errors
    /// Internal when the catalogue cannot be read.
    pub async fn retry(&self, key: &[u8; 32], since: Time) -> Outcome<Option<RetryRow>> {
        let query = sqlx::query("SELECT fingerprint, answer FROM retries WHERE key = ? AND answered >= ?");
        let row = query.bind(&key[..]).bind(since.as_millis()).fetch_optional(&self.catalogue.read).await;
        let Some(row) = row.map_err(StoreError::from)? else { return Ok(None) };
        let fingerprint = hash_of(row.try_get(0).map_err(StoreError::from)?)?;
        Ok(Some(RetryRow { fingerprint, answer: row.try_get(1).map_err(StoreError::from)? }))
    }

    /// Keeps an answer that was given now, in place of those from before `oldest`.
    ///
    /// # Errors
    /// Internal when the catalogue cannot be written, Unavailable when the disk is full.
    pub async fn save_retry(&self, key: &[u8; 32], row: &RetryRow, now: Time, oldest: Time) -> Outcome<()> {
        Ok(self.write_retry(key, row, now, oldest).await.map_err(StoreError::from)?)
    }

    async fn write_retry(&self, key: &[u8; 32], row: &RetryRow, now: Time, oldest: Time) -> Result<(), sqlx::Error> {
        let mut transaction = self.catalogue.write.begin().await?;
        let sql = "INSERT OR REPLACE INTO retries (key, fingerprint, answer, answered) VALUES (?, ?, ?, ?)";
        let insert = sqlx::query(sql).bind(&key[..]).bind(&row.fingerprint[..]).bind(&row.answer);
        let last = insert.bind(now.as_millis()).execute(&mut *transaction).await?.last_insert_rowid();
        let delete = sqlx::query("DELETE FROM retries WHERE answered < ? OR row <= ?").bind(oldest.as_millis());
        delete.bind(last.saturating_sub(MAX_KEPT)).execute(&mut *transaction).await?;
        transaction.commit().await
    }
}
