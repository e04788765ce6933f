//! Files that are shared in place: they stay where they are, the catalogue notes how they looked when they were
//! hashed, and their nodes lie in the data folder.
//!
//! Size, time and inode tell without hashing that a file is still the same; where they lie, the nodes tell when the
//! file is read. Nodes are not synced: lost ones make a read fail its check, and the file is hashed again.

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    fs::{self, File, Metadata},
    io::Read,
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::MetadataExt,
    },
    path::{Path, PathBuf},
};

use sqlx::Row;

use super::{
    Store, StoreError, catalogue,
    edit::Edit,
    files::Kind,
    labels,
    publish::blocking,
    spool::{Hashed, Spool},
};
use crate::model::{Outcome, Time};

/// Bytes that are read at once while a file is hashed.
const BUFFER: usize = 1 << 20;

/// How a file looks from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Bytes.
    pub size: u64,
    /// When it was last written, in nanoseconds since 1970.
    pub mtime: i64,
    /// Its number in its file system.
    pub inode: i64,
}

/// What the catalogue knows of a shared file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// How it looked when it was hashed.
    pub stat: Stat,
    /// It has changed since.
    pub stale: bool,
}

/// A file that was hashed and can be shared.
#[derive(Debug)]
pub struct Examined {
    root: PathBuf,
    path: PathBuf,
    stat: Stat,
    hashed: Hashed,
}

impl Stat {
    /// How a file looks.
    pub fn of(metadata: &Metadata) -> Self {
        let mtime = metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec());
        Self { size: metadata.len(), mtime, inode: metadata.ino() as i64 }
    }
}

impl Store {
    /// The files of a shared folder that the catalogue knows.
    ///
    /// # Errors
    /// Internal when the catalogue cannot be read.
    pub async fn places(&self, root: &Path) -> Outcome<HashMap<PathBuf, Place>> {
        let sql = "SELECT path, size, mtime, inode, stale FROM places WHERE root = ?";
        let rows = sqlx::query(sql).bind(bytes_of(root)).fetch_all(&self.catalogue.read).await;
        let rows = rows.map_err(StoreError::from)?;
        let place = |row: &sqlx::sqlite::SqliteRow| -> Result<(PathBuf, Place), sqlx::Error> {
            let size = row.try_get::<i64, _>(1)? as u64;
            let stat = Stat { size, mtime: row.try_get(2)?, inode: row.try_get(3)? };
            Ok((path_of(row.try_get(0)?), Place { stat, stale: row.try_get(4)? }))
        };
        Ok(rows.iter().map(place).collect::<Result<_, _>>().map_err(StoreError::from)?)
    }

    /// The folders of which the catalogue knows files.
    ///
    /// # Errors
    /// Internal when the catalogue cannot be read.
    pub async fn roots(&self) -> Outcome<Vec<PathBuf>> {
        let rows = sqlx::query_scalar::<_, Vec<u8>>("SELECT DISTINCT root FROM places ORDER BY root");
        let rows = rows.fetch_all(&self.catalogue.read).await.map_err(StoreError::from)?;
        Ok(rows.into_iter().map(|root| path_of(&root)).collect())
    }

    /// Hashes a file of a shared folder. Blocks. `progress` hears of the bytes as they are hashed. Nothing comes back
    /// when the file was written to meanwhile: its writer is not done yet.
    ///
    /// # Errors
    /// What the disk says.
    pub fn examine(
        &self,
        root: &Path,
        path: &Path,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Option<Examined>, StoreError> {
        let mut file = File::open(path)?;
        let stat = Stat::of(&file.metadata()?);
        let mut spool = Spool::new(&self.files);
        let mut buffer = vec![0; BUFFER.min(stat.size as usize + 1)];
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            spool.update(&buffer[..read])?;
            progress(read as u64);
        }
        let hashed = spool.finish(false)?;
        let same = Stat::of(&file.metadata()?) == stat && Stat::of(&fs::metadata(path)?) == stat;
        let whole = same && hashed.size == stat.size;
        Ok(whole.then(|| Examined { root: root.to_owned(), path: path.to_owned(), stat, hashed }))
    }

    /// Shares files where they lie, in one change. A file that had another content before no longer has it.
    ///
    /// # Errors
    /// Internal when the catalogue cannot be written, Unavailable when the disk is full.
    pub async fn adopt(&self, files: Vec<Examined>, overlays: &[String]) -> Outcome<()> {
        let mut edit = self.edit().await?;
        let folder = self.files.clone();
        let placed = move || {
            let mut placed = Vec::with_capacity(files.len());
            for mut file in files {
                if let Some(nodes) = file.hashed.nodes.take() {
                    folder.place_nodes(nodes, &file.hashed.hash)?;
                }
                placed.push(file);
            }
            Ok(placed)
        };
        for file in blocking(placed).await? {
            edit.adopt(&file, overlays).await?;
        }
        Ok(edit.commit().await?)
    }

    /// No longer shares files that have vanished.
    ///
    /// # Errors
    /// Internal when the catalogue cannot be written.
    pub async fn forget(&self, paths: &[PathBuf]) -> Outcome<()> {
        let mut edit = self.edit().await?;
        for path in paths {
            let sql = "DELETE FROM places WHERE path = ? RETURNING content";
            let row: Option<i64> = sqlx::query_scalar(sql)
                .bind(bytes_of(path))
                .fetch_optional(edit.sql())
                .await
                .map_err(StoreError::from)?;
            if let Some(row) = row {
                edit.relabel(row).await?;
            }
        }
        Ok(edit.commit().await?)
    }

    /// Withdraws the contents of files that have changed, until they were hashed again.
    ///
    /// # Errors
    /// Internal when the catalogue cannot be written.
    pub async fn distrust(&self, paths: &[PathBuf]) -> Outcome<()> {
        let mut edit = self.edit().await?;
        for path in paths {
            let sql = "UPDATE places SET stale = 1 WHERE path = ? AND NOT stale RETURNING content";
            let row = sqlx::query_scalar::<_, i64>(sql).bind(bytes_of(path)).fetch_optional(edit.sql()).await;
            if let Some(row) = row.map_err(StoreError::from)? {
                edit.settle(row, false).await?;
            }
        }
        Ok(edit.commit().await?)
    }

    /// Has a file looked at again.
    pub(super) fn suspect(&self, path: &Path) {
        // Without a library nobody listens, and the file stays withdrawn.
        let _ = self.suspects.send(path.to_owned());
    }
}

impl super::files::Files {
    fn place_nodes(&self, nodes: tempfile::TempPath, hash: &[u8; 32]) -> Result<(), StoreError> {
        let path = self.path(Kind::SharedNodes, hash);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(nodes.persist(&path).map_err(|error| error.error)?)
    }
}

impl Edit {
    async fn adopt(&mut self, file: &Examined, overlays: &[String]) -> Result<(), StoreError> {
        let (name, tags) = labels_of(&file.root, &file.path);
        let path = bytes_of(&file.path);
        let before: Option<i64> = sqlx::query_scalar("SELECT content FROM places WHERE path = ?")
            .bind(path)
            .fetch_optional(self.sql())
            .await?;
        // A content that is known keeps what it has; the update only makes SQLite return its row.
        let sql = "INSERT INTO contents (hash, size, name, media_type, tags, overlays, published) \
                   VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (hash) DO UPDATE SET size = excluded.size RETURNING row";
        let row: i64 = sqlx::query_scalar(sql)
            .bind(&file.hashed.hash[..])
            .bind(file.hashed.size as i64)
            .bind(&name)
            .bind(labels::guess_media_type(&name))
            .bind(catalogue::list(&tags))
            .bind(catalogue::list(overlays))
            .bind(Time::now().as_millis())
            .fetch_one(self.sql())
            .await?;
        let sql = "INSERT OR REPLACE INTO places (path, root, content, size, mtime, inode) VALUES (?, ?, ?, ?, ?, ?)";
        sqlx::query(sql)
            .bind(path)
            .bind(bytes_of(&file.root))
            .bind(row)
            .bind(file.stat.size as i64)
            .bind(file.stat.mtime)
            .bind(file.stat.inode)
            .execute(self.sql())
            .await?;
        if let Some(before) = before.filter(|before| *before != row) {
            self.relabel(before).await?;
        }
        self.relabel(row).await
    }

    /// Gives a shared content the labels of its first place, unless a caller gave it others, and settles it.
    async fn relabel(&mut self, row: i64) -> Result<(), StoreError> {
        let sql = "SELECT places.root, places.path, contents.name, contents.tags FROM places \
                   JOIN contents ON contents.row = places.content \
                   WHERE places.content = ? AND NOT contents.edited ORDER BY places.path LIMIT 1";
        let first = sqlx::query(sql).bind(row).fetch_optional(self.sql()).await?;
        let mut relabelled = false;
        if let Some(first) = first {
            let (name, tags) = labels_of(&path_of(first.try_get(0)?), &path_of(first.try_get(1)?));
            let tags = catalogue::list(&tags);
            if name != first.try_get::<&str, _>(2)? || tags != first.try_get::<&str, _>(3)? {
                let sql = "UPDATE contents SET name = ?, media_type = ?, tags = ? WHERE row = ?";
                let query = sqlx::query(sql).bind(&name).bind(labels::guess_media_type(&name)).bind(&tags).bind(row);
                query.execute(self.sql()).await?;
                relabelled = true;
            }
        }
        self.settle(row, relabelled).await
    }
}

/// What a shared file is called, and its folders below the shared one as tags.
fn labels_of(root: &Path, path: &Path) -> (String, Vec<String>) {
    let folders = path.parent().and_then(|folder| folder.strip_prefix(root).ok()).unwrap_or(Path::new(""));
    let tags: Vec<String> = folders.iter().map(|name| name.to_string_lossy().into_owned()).collect();
    (labels::sanitize_name(&file_name(path)), labels::sanitize_tags(&tags))
}

/// The last part of a path, for people.
pub fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A path from its bytes in the catalogue.
pub fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes.to_vec()))
}

fn bytes_of(path: &Path) -> &[u8] {
    OsStr::as_bytes(path.as_os_str())
}
