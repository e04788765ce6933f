//! The data folder: where each file lies, how one comes into being whole, and the lock that keeps a second node out.
//!
//! ```text
//! lock                     held while a node runs
//! catalogue.sqlite         contents, shared files, transfers, peer notes
//! index/                   full text, derived from the catalogue
//! blobs/ab/<hex>.data      published bytes, with their nodes in <hex>.nodes
//! outboards/ab/<hex>.nodes the nodes of files that are shared in place
//! aliases/ab/<hex>.nodes   the nodes of foreign contents whose native id was learnt
//! partial/<hex>.*          bytes, nodes and map of what is on its way
//! cache/<hex>.*            the same of what crossed a bridge and is kept for the next who asks
//! uploads/<hex>.data       bytes of uploads in parts; the hash is that of the upload's id
//! tmp/                     files that are being written; emptied at the start
//! ```
//!
//! File names here are hashes only: no text from a caller or a stranger ever becomes a path.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

use tempfile::{Builder, NamedTempFile, TempPath};

use super::StoreError;

/// The paths of one data folder.
#[derive(Clone, Debug)]
pub struct Files {
    root: PathBuf,
}

/// What is stored under a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Published bytes.
    Blob,
    /// Nodes of published bytes.
    BlobNodes,
    /// Nodes of a file that is shared in place.
    SharedNodes,
    /// Nodes of a foreign content that lies elsewhere.
    AliasNodes,
    /// Bytes on their way.
    PartialData,
    /// Nodes of bytes on their way.
    PartialNodes,
    /// Which bytes on their way are here.
    PartialMap,
    /// Bytes that crossed a bridge.
    CacheData,
    /// Nodes of bytes that crossed a bridge.
    CacheNodes,
    /// Which bytes of what crossed a bridge are here.
    CacheMap,
    /// Which state of a foreign content the bytes on their way are of.
    PartialMark,
    /// Bytes of an upload in parts.
    Upload,
}

impl Files {
    /// Creates the folder and its parts, and takes the lock.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another process holds the lock.
    pub fn open(root: &Path) -> Result<(Self, File), StoreError> {
        let create = |path: &Path| {
            fs::create_dir_all(path).map_err(StoreError::io(format!("cannot create the data folder {path:?}")))
        };
        create(root)?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(root.join("lock"));
        let lock = lock.map_err(StoreError::io(format!("cannot write to the data folder {root:?}")))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => StoreError::Locked(root.to_owned()),
            TryLockError::Error(error) => StoreError::io("cannot lock the data folder")(error),
        })?;
        let files = Self { root: fs::canonicalize(root)? };
        for part in ["blobs", "outboards", "aliases", "partial", "cache", "uploads", "tmp"] {
            create(&root.join(part))?;
        }
        files.empty_tmp()?;
        Ok((files, lock))
    }

    /// The data folder, without links.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The catalogue's file.
    pub fn catalogue(&self) -> PathBuf {
        self.root.join("catalogue.sqlite")
    }

    /// The index's folder.
    pub fn index(&self) -> PathBuf {
        self.root.join("index")
    }

    /// Where a file of that kind lies.
    pub fn path(&self, kind: Kind, hash: &[u8; 32]) -> PathBuf {
        let hex = blake3::Hash::from_bytes(*hash).to_hex();
        let folder = match kind {
            Kind::Blob | Kind::BlobNodes => self.root.join("blobs").join(&hex[..2]),
            Kind::SharedNodes => self.root.join("outboards").join(&hex[..2]),
            Kind::AliasNodes => self.root.join("aliases").join(&hex[..2]),
            Kind::PartialData | Kind::PartialNodes | Kind::PartialMap | Kind::PartialMark => self.root.join("partial"),
            Kind::CacheData | Kind::CacheNodes | Kind::CacheMap => self.root.join("cache"),
            Kind::Upload => self.root.join("uploads"),
        };
        let suffix = match kind {
            Kind::Blob | Kind::PartialData | Kind::CacheData | Kind::Upload => "data",
            Kind::BlobNodes | Kind::SharedNodes | Kind::AliasNodes | Kind::PartialNodes | Kind::CacheNodes => "nodes",
            Kind::PartialMap | Kind::CacheMap => "map",
            Kind::PartialMark => "mark",
        };
        folder.join(format!("{hex}.{suffix}"))
    }

    /// A new file in `tmp/`, removed again unless it is put somewhere.
    pub fn temporary(&self) -> io::Result<NamedTempFile> {
        Builder::new().prefix("new-").tempfile_in(self.root.join("tmp"))
    }

    /// A new, empty file in its place, whose name lasts.
    pub fn create(&self, kind: Kind, hash: &[u8; 32]) -> io::Result<File> {
        let path = self.path(kind, hash);
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        sync_folder(&path)?;
        Ok(file)
    }

    /// A file that was made earlier, for reading and writing.
    pub fn open_again(&self, kind: Kind, hash: &[u8; 32]) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).open(self.path(kind, hash))
    }

    /// Moves a finished, synced file to its place and makes the move last.
    pub fn put(&self, file: TempPath, kind: Kind, hash: &[u8; 32]) -> io::Result<()> {
        let path = self.path(kind, hash);
        ensure_folder(&path)?;
        file.persist(&path).map_err(|error| error.error)?;
        sync_folder(&path)
    }

    /// Writes a small file whole: after a crash there is the old one or the new one. `durable` waits until it lasts.
    pub fn replace(&self, kind: Kind, hash: &[u8; 32], bytes: &[u8], durable: bool) -> io::Result<()> {
        let mut file = self.temporary()?;
        file.write_all(bytes)?;
        if durable {
            file.as_file().sync_all()?;
            return self.put(file.into_temp_path(), kind, hash);
        }
        let path = self.path(kind, hash);
        ensure_folder(&path)?;
        file.persist(&path).map_err(|error| error.error)?;
        Ok(())
    }

    /// Gives a file a second name in another place, so that a crash in between loses neither.
    /// Some file systems know no second names; there the file moves.
    pub fn link(&self, from: (Kind, &[u8; 32]), to: (Kind, &[u8; 32])) -> io::Result<()> {
        self.second_name(from, to, |from, to| fs::rename(from, to))
    }

    /// As [`Files::link`], for bytes that nobody else has: where the file system knows no second names they are copied.
    pub fn link_or_copy(&self, from: (Kind, &[u8; 32]), to: (Kind, &[u8; 32])) -> io::Result<()> {
        self.second_name(from, to, |from, to| {
            fs::copy(from, to)?;
            File::open(to)?.sync_all()
        })
    }

    fn second_name(
        &self,
        from: (Kind, &[u8; 32]),
        to: (Kind, &[u8; 32]),
        otherwise: impl FnOnce(&Path, &Path) -> io::Result<()>,
    ) -> io::Result<()> {
        let (from, to) = (self.path(from.0, from.1), self.path(to.0, to.1));
        ensure_folder(&to)?;
        remove(&to)?;
        match fs::hard_link(&from, &to) {
            Ok(()) => {}
            Err(error) if error.kind() != io::ErrorKind::NotFound => otherwise(&from, &to)?,
            Err(error) => return Err(error),
        }
        sync_folder(&to)
    }

    /// Removes a file; one that is not there is as good as removed.
    pub fn remove(&self, kind: Kind, hash: &[u8; 32]) -> io::Result<()> {
        remove(&self.path(kind, hash))
    }

    /// The hashes of all files of a kind.
    pub fn hashes(&self, kind: Kind) -> io::Result<Vec<[u8; 32]>> {
        let sample = self.path(kind, &[0; 32]);
        let suffix = sample.extension().unwrap_or_default().to_owned();
        let top = match kind {
            Kind::Blob | Kind::BlobNodes => "blobs",
            Kind::SharedNodes => "outboards",
            Kind::AliasNodes => "aliases",
            Kind::PartialData | Kind::PartialNodes | Kind::PartialMap | Kind::PartialMark => "partial",
            Kind::CacheData | Kind::CacheNodes | Kind::CacheMap => "cache",
            Kind::Upload => "uploads",
        };
        let found = walkdir::WalkDir::new(self.root.join(top)).min_depth(1).max_depth(2).into_iter().flatten();
        let of_kind = found.filter(|entry| entry.path().extension() == Some(&suffix));
        let hash = |entry: walkdir::DirEntry| {
            let stem = entry.path().file_stem()?.to_str()?;
            Some(*blake3::Hash::from_hex(stem).ok()?.as_bytes())
        };
        Ok(of_kind.filter_map(hash).collect())
    }

    fn empty_tmp(&self) -> Result<(), StoreError> {
        for entry in fs::read_dir(self.root.join("tmp"))? {
            remove(&entry?.path())?;
        }
        Ok(())
    }
}

/// Makes the names in a file's folder last.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

fn ensure_folder(path: &Path) -> io::Result<()> {
    let Some(folder) = path.parent() else { return Ok(()) };
    match fs::create_dir(folder) {
        Ok(()) => sync_folder(folder),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_node_on_one_folder_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let held = Files::open(dir.path()).unwrap();
        let refused = Files::open(dir.path()).unwrap_err();
        assert!(refused.to_string().contains(&dir.path().display().to_string()), "{refused}");
        drop(held);
        Files::open(dir.path()).unwrap();
    }

    #[test]
    fn left_over_temporary_files_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let (files, lock) = Files::open(dir.path()).unwrap();
        let (_, path) = files.temporary().unwrap().keep().unwrap();
        drop(lock);
        assert!(path.exists());
        Files::open(dir.path()).unwrap();
        assert!(!path.exists());
    }
}
