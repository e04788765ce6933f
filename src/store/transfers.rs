//! Transfers, so that they go on after the node was started again.

use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::{
    Store, StoreError,
    catalogue::{list, list_of},
    journal::Fact,
};
use crate::model::{ContentId, Outcome, Time, Topic, Transfer, TransferState};

/// A transfer as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct TransferRow {
    /// The transfer. `rate` and `sources` are of the moment, and 0 when it is read back.
    pub transfer: Transfer,
    /// The overlays that were asked for; empty means all.
    pub overlays: Vec<String>,
}

impl Store {
    /// Keeps a transfer, or what has changed about it, and tells it as events of these topics. Once begun it runs to its
    /// end, even when the caller goes away.
    ///
    /// # Errors
    /// Internal when the catalogue cannot be written, Unavailable when the disk is full.
    pub async fn save_transfer(&self, row: &TransferRow, topics: &[Topic]) -> Outcome<()> {
        let store = self.me.upgrade().ok_or(StoreError::Closed)?;
        let wanted = topics.iter().filter(|topic| store.journal.wants(**topic));
        let facts = wanted.map(|topic| Fact::new(*topic, &row.transfer.transfer_id, &row.transfer)).collect();
        let row = row.clone();
        let write = async move {
            let mut transaction = store.catalogue.write.begin().await?;
            save(&mut transaction, &row).await?;
            let told = store.journal.enter(facts);
            told.write(&mut transaction).await?;
            transaction.commit().await?;
            told.done();
            Ok::<_, StoreError>(())
        };
        let written = tokio::spawn(write).await;
        Ok(written.map_err(|error| StoreError::Index(error.to_string()))??)
    }

    /// All transfers, in the order in which they were asked for.
    ///
    /// # Errors
    /// Internal when the catalogue cannot be read.
    pub async fn transfers(&self) -> Outcome<Vec<TransferRow>> {
        let sql = "SELECT id, content, name, size, received, state, error, started, finished, priority, overlays \
                   FROM transfers ORDER BY started, id";
        let rows = sqlx::query(sql).fetch_all(&self.catalogue.read).await.map_err(StoreError::from)?;
        Ok(rows.iter().map(transfer_of).collect::<Result<_, _>>()?)
    }

    /// Forgets a transfer; false when there was none of that id.
    ///
    /// # Errors
    /// Internal when the catalogue cannot be written.
    pub async fn delete_transfer(&self, id: &str) -> Outcome<bool> {
        let query = sqlx::query("DELETE FROM transfers WHERE id = ?").bind(id);
        let done = query.execute(&self.catalogue.write).await.map_err(StoreError::from)?;
        Ok(done.rows_affected() > 0)
    }
}

async fn save(connection: &mut SqliteConnection, row: &TransferRow) -> Result<(), StoreError> {
    let transfer = &row.transfer;
    let sql = "INSERT OR REPLACE INTO transfers (id, content, name, size, received, state, error, started, finished, \
               priority, overlays) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    sqlx::query(sql)
        .bind(&transfer.transfer_id)
        .bind(transfer.content_id.to_string())
        .bind(&transfer.name)
        .bind(transfer.size.map(|size| size as i64))
        .bind(transfer.received as i64)
        .bind(transfer.state.name())
        .bind(transfer.error.as_deref())
        .bind(transfer.started.as_millis())
        .bind(transfer.finished.map(Time::as_millis))
        .bind(transfer.priority)
        .bind(list(&row.overlays))
        .execute(connection)
        .await?;
    Ok(())
}

fn transfer_of(row: &SqliteRow) -> Result<TransferRow, StoreError> {
    let corrupt = |what: String| StoreError::from(sqlx::Error::Decode(what.into()));
    let id: ContentId = row.try_get::<&str, _>(1)?.parse().map_err(|error| corrupt(format!("{error}")))?;
    let state = TransferState::named(row.try_get(5)?).ok_or_else(|| corrupt("unknown transfer state".into()))?;
    let transfer = Transfer {
        transfer_id: row.try_get(0)?,
        content_id: id,
        name: row.try_get(2)?,
        size: row.try_get::<Option<i64>, _>(3)?.map(|size| size as u64),
        received: row.try_get::<i64, _>(4)? as u64,
        rate: 0,
        sources: 0,
        state,
        error: row.try_get(6)?,
        started: Time::from_millis(row.try_get(7)?),
        finished: row.try_get::<Option<i64>, _>(8)?.map(Time::from_millis),
        priority: row.try_get(9)?,
    };
    Ok(TransferRow { transfer, overlays: list_of(row.try_get(10)?)? })
}
