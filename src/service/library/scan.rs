//! One scan: what lies in the folders, what of it the catalogue does not know yet, and what is gone.

use std::{
    collections::HashMap,
    ffi::OsStr,
    path::{Path, PathBuf},
    sync::Arc,
};

use walkdir::{DirEntry, WalkDir};

use super::{Shelf, hash};
use crate::{
    model::{Fault, Outcome},
    store::{Stat, Store},
};

/// Endings of files that somebody is still writing.
const UNFINISHED: [&str; 6] = ["~", ".part", ".partial", ".crdownload", ".tmp", ".swp"];
/// How deep a shared folder is followed.
const MAX_DEPTH: usize = 64;
/// Most files of one shared folder; a folder that holds more is shared in part.
const MAX_FILES: usize = 4_000_000;
/// Files that are withdrawn in one change.
const BATCH: usize = 500;

/// A file that has to be hashed.
pub struct Work {
    /// The shared folder that it lies in.
    pub root: PathBuf,
    /// Where it lies.
    pub path: PathBuf,
    /// Its bytes, as far as the scan saw.
    pub size: u64,
}

/// Brings the catalogue up to date with these folders; true when a file was being written to, or the catalogue
/// refused, so that another scan is due.
pub async fn scan(shelf: Arc<Shelf>, roots: Vec<PathBuf>) -> bool {
    let mut work = Vec::new();
    let mut again = false;
    for root in roots {
        match compare(&shelf.store, &root).await {
            Ok(mut changed) => work.append(&mut changed),
            Err(fault) => {
                tracing::error!(root = %root.display(), %fault, "a shared folder could not be compared");
                again = true;
            }
        }
    }
    hash::hash_all(&shelf, work).await || again
}

/// Withdraws all files of a folder.
pub async fn forget_root(store: &Store, root: &Path) -> Outcome<()> {
    let known: Vec<PathBuf> = store.places(root).await?.into_keys().collect();
    for batch in known.chunks(BATCH) {
        store.forget(batch).await?;
    }
    Ok(())
}

/// Withdraws what is gone or changed, and tells what has to be hashed.
async fn compare(store: &Arc<Store>, root: &Path) -> Outcome<Vec<Work>> {
    let (own, folder) = (store.dir().to_owned(), root.to_owned());
    let found = tokio::task::spawn_blocking(move || walk(&folder, &own)).await.map_err(Fault::internal)?;
    let mut known = store.places(root).await?;
    let (mut work, mut changed) = (Vec::new(), Vec::new());
    for (path, stat) in found {
        match known.remove(&path) {
            Some(place) if place.stat == stat && !place.stale => continue,
            Some(place) if !place.stale => changed.push(path.clone()),
            _ => {}
        }
        work.push(Work { root: root.to_owned(), path, size: stat.size });
    }
    // Withdrawn before they are hashed, so that nobody is sent to a file that is another one now.
    for batch in changed.chunks(BATCH) {
        store.distrust(batch).await?;
    }
    let gone: Vec<PathBuf> = known.into_keys().collect();
    for batch in gone.chunks(BATCH) {
        store.forget(batch).await?;
    }
    Ok(work)
}

/// The regular files of a folder. Links are not followed, so nothing outside of the folder is ever shared.
fn walk(root: &Path, own: &Path) -> HashMap<PathBuf, Stat> {
    let wanted = |entry: &DirEntry| entry.depth() == 0 || !(is_skipped(entry.file_name()) || entry.path() == own);
    let entries = WalkDir::new(root).follow_links(false).max_depth(MAX_DEPTH).into_iter().filter_entry(wanted);
    let files = entries.filter_map(|entry| {
        let entry = entry.inspect_err(|error| tracing::warn!(%error, "a shared folder is read in part")).ok()?;
        let metadata = entry.file_type().is_file().then(|| entry.metadata())?.ok()?;
        Some((entry.into_path(), Stat::of(&metadata)))
    });
    files.take(MAX_FILES).collect()
}

/// Whether a file or folder is hidden or not finished yet.
fn is_skipped(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(b".") || UNFINISHED.iter().any(|ending| name.ends_with(ending.as_bytes()))
}
