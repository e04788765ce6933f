//! Events and subscriptions in the catalogue.
//!
//! Only events that tell a fact of the catalogue are written, each with its fact. Cursors are written behind: after a
//! crash a subscriber may be told again, and never too little.

use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::{
    Store, StoreError,
    catalogue::{Catalogue, list, list_of},
    journal::{BLOCK, Entered, Journal, Page, Recalled},
};
use crate::model::{Event, Outcome, Time, Topic, Topics};

/// Events that stay on the disk.
const MAX_KEPT: u64 = 65_536;
/// Events beyond that before some are dropped.
const TRIM_STEP: u64 = 1_024;

/// A subscription as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct SubscriptionRow {
    /// What names it.
    pub id: String,
    /// Patterns of topics, as they were given.
    pub topics: Vec<String>,
    /// Where events are sent, and in which binding; nowhere when they are pulled.
    pub callback: Option<(String, String)>,
    /// When it ends.
    pub expires: Time,
    /// The last event before it.
    pub since: u64,
    /// The last event that it was told.
    pub cursor: u64,
    /// Events that were dropped before it was told them.
    pub missed: u64,
}

impl Store {
    /// Events of these topics after a number.
    ///
    /// # Errors
    /// Internal when the catalogue cannot be read.
    pub async fn events(&self, topics: Topics, after: u64, limit: usize) -> Outcome<Page> {
        let mut page = Page { events: Vec::new(), upto: after };
        loop {
            match self.journal().recall(topics, page.upto, limit - page.events.len()) {
                Recalled::Page(recent) => {
                    page.events.extend(recent.events);
                    page.upto = recent.upto;
                    return Ok(page);
                }
                Recalled::From { first, visible } => {
                    let below = first.min(visible + 1);
                    let room = limit - page.events.len();
                    let older = self.catalogue.events(topics, page.upto, below, room).await?;
                    let is_full = older.len() >= room;
                    page.events.extend(older.into_iter().map(std::sync::Arc::new));
                    if is_full {
                        page.upto = page.events.last().map_or(page.upto, |event| event.sequence);
                        return Ok(page);
                    }
                    page.upto = below - 1;
                }
            }
        }
    }

    /// Keeps a subscription, or what has changed about it.
    ///
    /// # Errors
    /// Internal when the catalogue cannot be written, Unavailable when the disk is full.
    pub async fn save_subscription(&self, row: &SubscriptionRow) -> Outcome<()> {
        let sql = "INSERT OR REPLACE INTO subscriptions (id, topics, url, binding, expires, since, cursor, missed) \
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
        sqlx::query(sql)
            .bind(&row.id)
            .bind(list(&row.topics))
            .bind(row.callback.as_ref().map(|(url, _)| url))
            .bind(row.callback.as_ref().map(|(_, binding)| binding))
            .bind(row.expires.as_millis())
            .bind(row.since as i64)
            .bind(row.cursor as i64)
            .bind(row.missed as i64)
            .execute(&self.catalogue.write)
            .await
            .map_err(StoreError::from)?;
        Ok(())
    }

    /// All subscriptions.
    ///
    /// # Errors
    /// Internal when the catalogue cannot be read.
    pub async fn subscriptions(&self) -> Outcome<Vec<SubscriptionRow>> {
        let sql = "SELECT id, topics, url, binding, expires, since, cursor, missed FROM subscriptions";
        let rows = sqlx::query(sql).fetch_all(&self.catalogue.read).await.map_err(StoreError::from)?;
        Ok(rows.iter().map(subscription_of).collect::<Result<_, _>>()?)
    }

    /// Forgets subscriptions.
    ///
    /// # Errors
    /// Internal when the catalogue cannot be written.
    pub async fn delete_subscriptions(&self, ids: &[String]) -> Outcome<()> {
        let sql = "DELETE FROM subscriptions WHERE id IN (SELECT value FROM json_each(?))";
        sqlx::query(sql).bind(list(ids)).execute(&self.catalogue.write).await.map_err(StoreError::from)?;
        Ok(())
    }

    /// Keeps how far subscribers have been told, and how much they have missed.
    ///
    /// # Errors
    /// Internal when the catalogue cannot be written.
    pub async fn save_cursors(&self, cursors: &[(String, u64, u64)]) -> Outcome<()> {
        let write = async {
            let mut transaction = self.catalogue.write.begin().await?;
            for (id, cursor, missed) in cursors {
                let sql = "UPDATE subscriptions SET cursor = ?, missed = ? WHERE id = ?";
                let update = sqlx::query(sql).bind(*cursor as i64).bind(*missed as i64).bind(id);
                update.execute(&mut *transaction).await?;
            }
            transaction.commit().await
        };
        Ok(write.await.map_err(StoreError::from)?)
    }

    /// Sets numbers aside for further events, and drops the oldest ones when there are too many. To be called from time
    /// to time; it writes nothing while nothing happens.
    ///
    /// # Errors
    /// Internal when the catalogue cannot be written.
    pub async fn tend_journal(&self) -> Outcome<()> {
        self.journal().settle();
        if let Some(upto) = self.journal().reservation() {
            reserve(&self.catalogue, upto).await?;
            self.journal().reserved(upto);
        }
        if self.journal().kept() > MAX_KEPT + TRIM_STEP {
            let dropped = self.catalogue.trim_events().await?;
            self.journal().forget(&dropped);
        }
        Ok(())
    }
}

/// The journal of a catalogue that was just opened.
pub(super) async fn open(catalogue: &Catalogue) -> Result<std::sync::Arc<Journal>, StoreError> {
    let sql = "SELECT value, count(sequence), coalesce(min(sequence), 1), coalesce(max(sequence), 0) \
               FROM event_sequence LEFT JOIN events";
    let (given, kept, first, last): (i64, i64, i64, i64) = sqlx::query_as(sql).fetch_one(&catalogue.read).await?;
    let last = given.max(last) as u64;
    // Below the bound nothing was dropped yet, so what is not there has never been.
    let kept = kept as u64;
    let trimmed = if kept >= MAX_KEPT { first as u64 - 1 } else { 0 };
    reserve(catalogue, last + BLOCK).await?;
    Ok(Journal::new(last, last + BLOCK, kept, trimmed))
}

/// Gives back the numbers that were set aside and not used.
pub(super) async fn close(catalogue: &Catalogue, journal: &Journal) -> Result<(), StoreError> {
    reserve(catalogue, journal.last()).await
}

async fn reserve(catalogue: &Catalogue, upto: u64) -> Result<(), StoreError> {
    sqlx::query("UPDATE event_sequence SET value = ?").bind(upto as i64).execute(&catalogue.write).await?;
    Ok(())
}

impl Entered {
    /// Writes the events into the transaction of their facts.
    pub async fn write(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        for event in self.events() {
            let sql = "INSERT INTO events (sequence, topic, time, subject, detail) VALUES (?, ?, ?, ?, ?)";
            sqlx::query(sql)
                .bind(event.sequence as i64)
                .bind(&event.topic)
                .bind(event.time.as_millis())
                .bind(&event.subject)
                .bind(&event.detail)
                .execute(&mut *connection)
                .await?;
        }
        Ok(())
    }
}

impl Catalogue {
    async fn events(&self, topics: Topics, after: u64, below: u64, limit: usize) -> Result<Vec<Event>, StoreError> {
        let sql = "SELECT sequence, topic, time, subject, detail FROM events WHERE sequence > ? AND sequence < ? \
                   AND topic IN (SELECT value FROM json_each(?)) ORDER BY sequence LIMIT ?";
        let topics: Vec<_> = topics.iter().map(|topic| topic.name().to_owned()).collect();
        let rows = sqlx::query(sql).bind(after as i64).bind(below as i64).bind(list(&topics)).bind(limit as i64);
        rows.fetch_all(&self.read).await?.iter().map(event_of).collect()
    }

    /// Drops the oldest events and says which.
    async fn trim_events(&self) -> Result<Vec<(u64, Option<Topic>)>, StoreError> {
        let sql = "DELETE FROM events WHERE sequence <= (SELECT sequence FROM events ORDER BY sequence DESC LIMIT 1 \
                   OFFSET ?) RETURNING sequence, topic";
        let rows = sqlx::query(sql).bind(MAX_KEPT as i64).fetch_all(&self.write).await?;
        let dropped = |row: &SqliteRow| Ok((row.try_get::<i64, _>(0)? as u64, Topic::named(row.try_get(1)?)));
        rows.iter().map(dropped).collect()
    }
}

fn event_of(row: &SqliteRow) -> Result<Event, StoreError> {
    Ok(Event {
        sequence: row.try_get::<i64, _>(0)? as u64,
        topic: row.try_get(1)?,
        time: Time::from_millis(row.try_get(2)?),
        subject: row.try_get(3)?,
        detail: row.try_get(4)?,
    })
}

fn subscription_of(row: &SqliteRow) -> Result<SubscriptionRow, StoreError> {
    Ok(SubscriptionRow {
        id: row.try_get(0)?,
        topics: list_of(row.try_get(1)?)?,
        callback: row.try_get::<Option<String>, _>(2)?.zip(row.try_get(3)?),
        expires: Time::from_millis(row.try_get(4)?),
        since: row.try_get::<i64, _>(5)? as u64,
        cursor: row.try_get::<i64, _>(6)? as u64,
        missed: row.try_get::<i64, _>(7)? as u64,
    })
}
