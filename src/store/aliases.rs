//! Foreign ids of native content: what an entry of a legacy catalogue, or a content of another network, turned out to
//! be when all of its bytes had passed.
//!
//! An alias holds for as long as the other side shows the size and the time of the last change that it had then. The
//! nodes of the content's tree are kept beside the alias, so that any range of the foreign bytes can be proved by the
//! native id afterwards, although the bytes themselves lie elsewhere.

use std::{collections::HashMap, fs::File, sync::atomic::Ordering};

use sqlx::{Row, sqlite::SqliteRow};

use super::{
    Store, StoreError,
    catalogue::{Catalogue, hash_of, list},
    edit::Edit,
    files::Kind,
    proof::Proof,
    publish::blocking,
    spool::{Hashed, Spool},
};
use crate::model::{ContentId, Outcome, Time};

/// Aliases that are kept; the oldest are forgotten first.
const MAX_ALIASES: i64 = 262_144;
/// Bytes of nodes that are kept beside aliases, 0.4 % of the contents; the oldest are removed first.
const MAX_NODES: i64 = 1 << 30;

/// What is known of a foreign id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The BLAKE3 hash of the bytes, which makes the native id.
    pub hash: [u8; 32],
    /// Bytes.
    pub size: u64,
    /// When the content was last changed, as the other side said when the alias was learnt.
    pub modified: Option<Time>,
}

impl Alias {
    /// The native id.
    pub fn native(&self) -> ContentId {
        ContentId::Native(self.hash)
    }

    /// Whether the other side still shows the content that was learnt.
    pub fn is_as(&self, seen: &Seen) -> bool {
        let same_time = match (self.modified, seen.modified) {
            (Some(then), Some(now)) => then == now,
            _ => true,
        };
        self.size == seen.size && same_time
    }
}

/// How the other side shows a foreign content at present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The foreign id.
    pub id: ContentId,
    /// Bytes.
    pub size: u64,
    /// When it was last changed, where that is said.
    pub modified: Option<Time>,
}

/// The bytes of a foreign content as they pass: hashed, and kept by nobody.
pub struct Lesson {
    spool: Spool,
}

impl Lesson {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// What the disk says of the nodes.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        Ok(self.spool.update(bytes)?)
    }
}

/// A foreign content whose bytes have all passed.
pub struct Learnt {
    hashed: Hashed,
}

impl Learnt {
    /// The native id.
    pub fn native(&self) -> ContentId {
        ContentId::Native(self.hashed.hash)
    }

    /// What proves ranges of the same bytes, independent of what is kept.
    ///
    /// # Errors
    /// What the disk says.
    pub fn proof(&self) -> Result<Proof, StoreError> {
        let nodes = self.hashed.nodes.as_ref().map(File::open).transpose()?;
        Ok(Proof::new(self.hashed.hash, self.hashed.size, nodes))
    }
}

impl Store {
    /// Begins to learn what a foreign content is.
    pub fn lesson(&self) -> Lesson {
        Lesson { spool: Spool::new(&self.files) }
    }

    /// Ends a lesson, after the last byte.
    ///
    /// # Errors
    /// What the disk says.
    pub async fn conclude(&self, lesson: Lesson) -> Outcome<Learnt> {
        // Lost nodes make a proof fail, and the content is hashed again.
        Ok(blocking(move || Ok(Learnt { hashed: lesson.spool.finish(false)? })).await?)
    }

    /// Keeps what was learnt of a foreign content, in place of what was known of that id.
    ///
    /// # Errors
    /// Unavailable when the disk is full, Internal when the catalogue cannot be written.
    pub async fn learn(&self, seen: &Seen, learnt: Learnt) -> Outcome<()> {
        let Hashed { hash, size, nodes } = learnt.hashed;
        let mut edit = self.edit().await?;
        let bytes = match nodes {
            Some(nodes) => {
                let files = self.files.clone();
                blocking(move || {
                    let bytes = nodes.metadata()?.len();
                    files.put(nodes, Kind::AliasNodes, &hash)?;
                    Ok(bytes)
                })
                .await?
            }
            None => 0,
        };
        let alias = Alias { hash, size, modified: seen.modified };
        enter(&mut edit, &seen.id, &alias, bytes).await?;
        edit.commit().await?;
        self.alias_entered(&hash).await
    }

    /// What is known of a foreign id.
    ///
    /// # Errors
    /// Internal when the catalogue cannot be read.
    pub async fn alias(&self, id: &ContentId) -> Outcome<Option<Alias>> {
        if matches!(id, ContentId::Native(_)) || !self.knows_aliases() {
            return Ok(None);
        }
        let query = sqlx::query("SELECT hash, size, modified FROM aliases WHERE id = ?").bind(id.to_string());
        let row = query.fetch_optional(&self.catalogue.read).await.map_err(StoreError::from)?;
        Ok(row.as_ref().map(alias_of).transpose()?)
    }

    /// What is known of those that were seen, by the text of the id.
    async fn aliases_of(&self, seen: &[Seen]) -> Result<HashMap<String, Alias>, StoreError> {
        let ids: Vec<String> = seen.iter().map(|seen| seen.id.to_string()).collect();
        let sql = "SELECT hash, size, modified, id FROM aliases WHERE id IN (SELECT value FROM json_each(?))";
        let rows = sqlx::query(sql).bind(list(&ids)).fetch_all(&self.catalogue.read).await?;
        rows.iter().map(|row| Ok((row.try_get(3)?, alias_of(row)?))).collect()
    }

    /// The foreign ids of native content, the latest learnt first.
    ///
    /// # Errors
    /// Internal when the catalogue cannot be read.
    pub async fn foreign_ids(&self, hash: &[u8; 32]) -> Outcome<Vec<ContentId>> {
        if !self.knows_aliases() {
            return Ok(Vec::new());
        }
        let query = sqlx::query("SELECT id FROM aliases WHERE hash = ? ORDER BY row DESC").bind(&hash[..]);
        let rows = query.fetch_all(&self.catalogue.read).await.map_err(StoreError::from)?;
        let texts = rows.iter().map(|row| row.try_get::<String, _>(0)).collect::<Result<Vec<_>, _>>();
        Ok(texts.map_err(StoreError::from)?.iter().filter_map(|text| text.parse().ok()).collect())
    }

    /// What proves ranges of a foreign content by its native id; none when the nodes are not here.
    pub async fn proof_of(&self, alias: &Alias) -> Option<Proof> {
        let (files, hash, size) = (self.files.clone(), alias.hash, alias.size);
        let open = move || {
            let needed = Proof::needs_nodes(size);
            let nodes = needed.then(|| File::open(files.path(Kind::AliasNodes, &hash))).transpose()?;
            Ok(Proof::new(hash, size, nodes))
        };
        blocking(open).await.ok()
    }

    /// Forgets what was known of a foreign id.
    ///
    /// # Errors
    /// Internal when the catalogue cannot be written.
    pub async fn forget_alias(&self, id: &ContentId) -> Outcome<()> {
        let Some(alias) = self.alias(id).await? else { return Ok(()) };
        let mut edit = self.edit().await?;
        let removed = sqlx::query("DELETE FROM aliases WHERE id = ? RETURNING hash").bind(id.to_string());
        let removed = removed.fetch_all(edit.sql()).await.map_err(StoreError::from)?;
        drop_nodes(&mut edit, &removed).await?;
        edit.commit().await?;
        self.recall(&alias.hash).await
    }

    /// Holds what is known of foreign ids against what the other side shows of them, and forgets those that have
    /// changed.
    ///
    /// # Errors
    /// Internal when the catalogue cannot be read or written.
    pub async fn recheck_aliases(&self, seen: &[Seen]) -> Outcome<()> {
        if seen.is_empty() || !self.knows_aliases() {
            return Ok(());
        }
        let known = self.aliases_of(seen).await?;
        for (seen, alias) in seen.iter().filter_map(|seen| Some((seen, known.get(&seen.id.to_string())?))) {
            if !alias.is_as(seen) {
                tracing::info!(id = %seen.id, "the content has changed since its native id was learnt");
                self.forget_alias(&seen.id).await?;
            } else if alias.modified.is_none() && seen.modified.is_some() {
                self.date_alias(seen).await?;
            }
        }
        Ok(())
    }

    /// Has everybody see an alias that was entered.
    pub(super) async fn alias_entered(&self, hash: &[u8; 32]) -> Outcome<()> {
        self.has_aliases.store(true, Ordering::Release);
        self.recall(hash).await
    }

    /// Notes the time of an alias that was learnt without one.
    async fn date_alias(&self, seen: &Seen) -> Outcome<()> {
        let query = sqlx::query("UPDATE aliases SET modified = ? WHERE id = ? AND modified IS NULL");
        let query = query.bind(seen.modified.map(Time::as_millis)).bind(seen.id.to_string());
        query.execute(&self.catalogue.write).await.map_err(StoreError::from)?;
        Ok(())
    }

    /// Whether there was ever any alias; without one nothing is looked up.
    fn knows_aliases(&self) -> bool {
        self.has_aliases.load(Ordering::Acquire)
    }
}

/// Whether the catalogue holds any alias.
pub(super) async fn any(catalogue: &Catalogue) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM aliases)").fetch_one(&catalogue.read).await?)
}

/// The contents whose nodes are kept beside aliases.
pub(super) async fn with_nodes(catalogue: &Catalogue) -> Result<Vec<[u8; 32]>, StoreError> {
    let rows = sqlx::query("SELECT hash FROM aliases WHERE nodes > 0").fetch_all(&catalogue.read).await?;
    rows.iter().map(|row| hash_of(row.try_get(0)?)).collect()
}

/// Writes an alias within a change, with so many bytes of nodes in their place, and makes room for it.
pub(super) async fn enter(edit: &mut Edit, id: &ContentId, alias: &Alias, nodes: u64) -> Result<(), StoreError> {
    let text = id.to_string();
    let before = sqlx::query("DELETE FROM aliases WHERE id = ? RETURNING hash").bind(&text);
    let before = before.fetch_all(edit.sql()).await?;
    sqlx::query("INSERT INTO aliases (id, hash, size, modified, nodes) VALUES (?, ?, ?, ?, ?)")
        .bind(&text)
        .bind(&alias.hash[..])
        .bind(alias.size as i64)
        .bind(alias.modified.map(Time::as_millis))
        .bind(nodes as i64)
        .execute(edit.sql())
        .await?;
    drop_nodes(edit, &before).await?;
    let sql = "DELETE FROM aliases WHERE row <= (SELECT max(row) FROM aliases) - ? RETURNING hash";
    let oldest = sqlx::query(sql).bind(MAX_ALIASES).fetch_all(edit.sql()).await?;
    drop_nodes(edit, &oldest).await?;
    thin_nodes(edit).await
}

/// Removes nodes that no alias needs any more.
async fn drop_nodes(edit: &mut Edit, removed: &[SqliteRow]) -> Result<(), StoreError> {
    for row in removed {
        let hash = hash_of(row.try_get(0)?)?;
        let needed = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM aliases WHERE hash = ?)").bind(&hash[..]);
        if !needed.fetch_one(edit.sql()).await? {
            edit.discard(Kind::AliasNodes, &hash);
        }
    }
    Ok(())
}

/// Removes nodes of the oldest aliases while there are too many bytes of them.
async fn thin_nodes(edit: &mut Edit) -> Result<(), StoreError> {
    loop {
        let sql = "SELECT coalesce(sum(nodes), 0) FROM aliases WHERE nodes > 0";
        let bytes: i64 = sqlx::query_scalar(sql).fetch_one(edit.sql()).await?;
        if bytes <= MAX_NODES {
            return Ok(());
        }
        let oldest = sqlx::query("SELECT hash FROM aliases WHERE nodes > 0 ORDER BY row LIMIT 1");
        let hash = hash_of(oldest.fetch_one(edit.sql()).await?.try_get(0)?)?;
        sqlx::query("UPDATE aliases SET nodes = 0 WHERE hash = ?").bind(&hash[..]).execute(edit.sql()).await?;
        edit.discard(Kind::AliasNodes, &hash);
    }
}

fn alias_of(row: &SqliteRow) -> Result<Alias, StoreError> {
    Ok(Alias {
        hash: hash_of(row.try_get(0)?)?,
        size: row.try_get::<i64, _>(1)? as u64,
        modified: row.try_get::<Option<i64>, _>(2)?.map(Time::from_millis),
    })
}
