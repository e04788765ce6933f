//! Changes to what this node holds: one transaction each, followed by all that has to follow it.
//!
//! A content is live while somebody may find and fetch it: its bytes are kept here or a shared file still has them,
//! and no caller withdrew it. [`Edit::settle`] is the only place that decides this. Edits follow one another, so the
//! index and the listeners see the changes in the order of the catalogue, and no file is removed while another edit
//! puts it there.

use std::sync::Arc;

use sqlx::{Row, Sqlite, SqliteConnection, Transaction};
use tokio::sync::OwnedMutexGuard;

use super::{
    Change, Store, StoreError,
    catalogue::{content_columns, content_of, next_generation},
    files::Kind,
    index::Op,
    journal::Fact,
};
use crate::model::{Content, Topic};

/// What a change adds to the contents that are live, and to their bytes; negative where it takes away.
#[derive(Clone, Copy, Debug, Default)]
pub struct Growth {
    /// Contents.
    pub contents: i64,
    /// Their bytes.
    pub bytes: i64,
}

impl Growth {
    fn add(&mut self, contents: i64, size: u64) {
        self.contents += contents;
        self.bytes += contents * i64::try_from(size).unwrap_or(i64::MAX);
    }
}

/// One change, not yet made.
pub struct Edit {
    store: Arc<Store>,
    _order: OwnedMutexGuard<()>,
    transaction: Transaction<'static, Sqlite>,
    ops: Vec<Op>,
    changes: Vec<Change>,
    growth: Growth,
    facts: Vec<Fact>,
    /// Files that nobody needs once the change is made.
    spare: Vec<(Kind, [u8; 32])>,
}

impl Store {
    /// Begins a change, once those before it are made. Dropped, it changes nothing.
    pub(super) async fn edit(&self) -> Result<Edit, StoreError> {
        let store = self.me.upgrade().ok_or(StoreError::Closed)?;
        let order = Arc::clone(&store.order).lock_owned().await;
        let transaction = store.catalogue.write.begin().await?;
        let (ops, changes, facts, spare) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Ok(Edit { store, _order: order, transaction, ops, changes, growth: Growth::default(), facts, spare })
    }
}

impl Edit {
    /// The connection of the change.
    pub fn sql(&mut self) -> &mut SqliteConnection {
        &mut self.transaction
    }

    /// Removes a file once the change is made.
    pub fn discard(&mut self, kind: Kind, hash: &[u8; 32]) {
        self.spare.push((kind, *hash));
    }

    /// Decides anew whether a content is live, after something was changed about it. `relabelled` says that its
    /// labels may differ from before.
    ///
    /// # Errors
    /// What the catalogue says.
    pub async fn settle(&mut self, row: i64, relabelled: bool) -> Result<(), StoreError> {
        let sql = concat!(
            "SELECT ",
            content_columns!(),
            ", kept, withdrawn, live, (SELECT count(*) FROM places WHERE content = row) AS places, ",
            "(SELECT count(*) FROM places WHERE content = row AND NOT stale) AS sound FROM contents WHERE row = ?"
        );
        let Some(found) = sqlx::query(sql).bind(row).fetch_optional(self.sql()).await? else { return Ok(()) };
        let (kept, withdrawn, was): (bool, bool, bool) =
            (found.try_get("kept")?, found.try_get("withdrawn")?, found.try_get("live")?);
        let (places, sound): (i64, i64) = (found.try_get("places")?, found.try_get("sound")?);
        let (key, content) = content_of(&found)?;
        let hash = content.content_id.hash().map(|hash| *hash.as_bytes()).unwrap_or_default();
        if !kept && places == 0 {
            sqlx::query("DELETE FROM contents WHERE row = ?").bind(row).execute(self.sql()).await?;
        }
        if places == 0 {
            self.discard(Kind::SharedNodes, &hash);
        }
        let live = !withdrawn && (kept || sound > 0);
        if live != was && (kept || places > 0) {
            sqlx::query("UPDATE contents SET live = ? WHERE row = ?").bind(live).bind(row).execute(self.sql()).await?;
        }
        self.follow(key, Arc::new(content), was, live, relabelled);
        Ok(())
    }

    fn follow(&mut self, row: u64, content: Arc<Content>, was: bool, live: bool, relabelled: bool) {
        let (id, overlays) = (content.content_id.clone(), content.overlays.clone());
        self.growth.add(i64::from(live) - i64::from(was), content.size);
        match (was, live) {
            (false, true) => self.changes.push(Change::Published { id, overlays }),
            (true, false) => self.changes.push(Change::Withdrawn { id, overlays }),
            (true, true) if relabelled => self.changes.push(Change::Updated { id, overlays }),
            _ => return,
        }
        self.tell(&content);
        self.ops.push(if live { Op::Put(row, content) } else { Op::Drop(row) });
    }

    /// The last change as an event, if anybody listens.
    fn tell(&mut self, content: &Content) {
        let topic = match self.changes.last() {
            Some(Change::Published { .. }) => Topic::ContentPublished,
            Some(Change::Updated { .. }) => Topic::ContentUpdated,
            Some(Change::Withdrawn { .. }) => Topic::ContentWithdrawn,
            None => return,
        };
        if self.store.journal.wants(topic) {
            self.facts.push(Fact::new(topic, &content.content_id, content));
        }
    }

    /// Makes the change, and lets the index, the memory and the listeners follow. Once begun it runs to its end, even
    /// when the caller goes away.
    ///
    /// # Errors
    /// What the catalogue says; then nothing was changed.
    pub async fn commit(self) -> Result<(), StoreError> {
        tokio::spawn(self.finish()).await.map_err(|error| StoreError::Index(error.to_string()))?
    }

    async fn finish(mut self) -> Result<(), StoreError> {
        let generation = match self.ops.is_empty() {
            true => None,
            false => Some(next_generation(self.sql()).await?),
        };
        let told = self.store.journal.enter(std::mem::take(&mut self.facts));
        told.write(self.sql()).await?;
        self.transaction.commit().await?;
        told.done();
        let store = self.store;
        store.remember(&self.ops, self.growth);
        if let Some(generation) = generation {
            store.index.apply(generation, self.ops).await?;
        }
        for (kind, hash) in self.spare {
            if let Err(error) = store.files.remove(kind, &hash) {
                tracing::warn!(%error, "a file that is no longer needed could not be removed");
            }
        }
        for change in self.changes {
            // Without listeners there is nobody to tell.
            let _ = store.changes.send(change);
        }
        Ok(())
    }
}
