//! The files that the demo shares: texts that every Debian machine has, or the user's folder; the one that it looks for, and
//! the one that nobody is to find.

use std::{
    collections::HashSet,
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::Context;
use walkdir::WalkDir;

use crate::cli::failure::Failure;

/// Where Debian keeps the licences, and each package's copyright text.
const LICENCES: &str = "/usr/share/common-licenses";
const PACKAGES: &str = "/usr/share/doc";
/// Most files that are taken of each.
const MAX_FILES: usize = 150;
/// Most entries of a user's folder that are looked at for the file to look for.
const MAX_ENTRIES: usize = 10_000;
/// Largest file that is looked for; it travels within XML.
const MAX_SIZE: u64 = 8 << 20;

/// A folder that one peer shares.
pub struct Library {
    /// The peer's name.
    pub peer: &'static str,
    /// The folder.
    pub folder: PathBuf,
    /// How many different files it holds, where that is known.
    pub files: Option<usize>,
}

/// What is to stay in its network: where it lies below a shared folder, whose name becomes its tag, and its text.
const INTERNAL: (&str, &str) = ("internal", "salaries 2026.txt");
const SALARIES: &str = "What is tagged as internal stays in blue: the bridge's rule says so.\n";

/// The file that is looked for.
pub struct Sought {
    /// Where the original lies.
    pub path: PathBuf,
    /// The words that find it.
    pub words: String,
    /// The hash of the original.
    pub hash: blake3::Hash,
}

/// What is shared below `scratch`, that of blue first: the given folder or this machine's licences by one of its peers,
/// something internal by the other one; and this machine's copyright texts by a peer of red.
///
/// # Errors
/// Says what is missing and what to do about it.
pub fn choose(share: Option<&Path>, scratch: &Path) -> anyhow::Result<Vec<Library>> {
    let mut seen = HashSet::new();
    let own = |peer: &str| scratch.join(peer).join("library");
    let mut libraries = Vec::new();
    if let Some(folder) = share {
        let folder = folder.canonicalize().with_context(|| format!("--share {} cannot be read", folder.display()))?;
        libraries.push(Library { peer: "blue-1", folder, files: None });
    } else {
        let folder = own("blue-1");
        let files = copy(licences(), &folder, &mut seen)?;
        libraries.push(Library { peer: "blue-1", folder, files: Some(files) });
    }
    let internal = own("blue-2").join(INTERNAL.0);
    fs::create_dir_all(&internal)?;
    fs::write(internal.join(INTERNAL.1), SALARIES)?;
    libraries.push(Library { peer: "blue-2", folder: own("blue-2"), files: Some(1) });
    let folder = own("red-2");
    let files = copy(copyrights(), &folder, &mut seen)?;
    libraries.push(Library { peer: "red-2", folder, files: Some(files) });
    if share.is_none() && libraries[0].files == Some(0) {
        let missing = format!("this machine has no texts in {LICENCES}; share a folder with --share");
        return Err(Failure::Usage(missing).into());
    }
    Ok(libraries)
}

/// What is shared and must not cross.
pub fn internal() -> Sought {
    let hash = blake3::hash(SALARIES.as_bytes());
    Sought { path: INTERNAL.1.into(), words: words(INTERNAL.1), hash }
}

/// Each licence under its own name. Links between versions are other names of the same bytes.
fn licences() -> Vec<(String, PathBuf)> {
    entries(LICENCES).into_iter().map(|(name, path)| (format!("{name}.txt"), path)).collect()
}

fn copyrights() -> Vec<(String, PathBuf)> {
    let of = |(name, path): (String, PathBuf)| (format!("{name} copyright.txt"), path.join("copyright"));
    entries(PACKAGES).into_iter().map(of).collect()
}

fn entries(folder: &str) -> Vec<(String, PathBuf)> {
    let entries = WalkDir::new(folder).min_depth(1).max_depth(1).sort_by_file_name().into_iter().flatten();
    entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.into_path())).collect()
}

/// Copies what can be read and was not there yet, and says how many that were.
fn copy(sources: Vec<(String, PathBuf)>, to: &Path, seen: &mut HashSet<blake3::Hash>) -> anyhow::Result<usize> {
    fs::create_dir_all(to)?;
    let mut files = 0;
    for (name, path) in sources {
        let mut bytes = Vec::new();
        let read = fs::File::open(&path).and_then(|file| file.take(MAX_SIZE).read_to_end(&mut bytes));
        if read.is_err() || bytes.is_empty() || !seen.insert(blake3::hash(&bytes)) {
            continue;
        }
        fs::write(to.join(name), bytes)?;
        files += 1;
        if files == MAX_FILES {
            break;
        }
    }
    Ok(files)
}

/// A file of a folder that can be found by words of its name: a well-known licence where there is one.
///
/// # Errors
/// Usage when the folder holds no such file.
pub fn sought(folder: &Path) -> anyhow::Result<Sought> {
    let hidden =
        |entry: &walkdir::DirEntry| entry.depth() > 0 && entry.file_name().as_encoded_bytes().starts_with(b".");
    let walk = WalkDir::new(folder).sort_by_file_name().into_iter().filter_entry(|entry| !hidden(entry));
    let fits = |entry: &walkdir::DirEntry| {
        let sized = entry.metadata().is_ok_and(|data| data.is_file() && (1..=MAX_SIZE).contains(&data.len()));
        sized && !words(&entry.file_name().to_string_lossy()).is_empty()
    };
    let mut files = walk.take(MAX_ENTRIES).flatten().filter(fits).map(walkdir::DirEntry::into_path).peekable();
    let first = files.peek().cloned();
    let path = files.find(|path| path.ends_with("Apache-2.0.txt")).or(first);
    let missing = || Failure::Usage(format!("{} holds no file of 1 byte to {MAX_SIZE} bytes", folder.display()));
    let path = path.ok_or_else(missing)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(Sought { words: words(&name), hash: blake3::hash(&fs::read(&path)?), path: path.clone() })
}

/// The words of a name that any index keeps: runs of at least three letters and digits, without the extension.
fn words(name: &str) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let words: Vec<_> = stem.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() >= 3).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_by_the_words_of_its_name() {
        assert_eq!(words("Apache-2.0.txt"), "Apache");
        assert_eq!(words("bash copyright.txt"), "bash copyright");
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".hidden file"), "x").unwrap();
        fs::write(folder.path().join("empty file"), "").unwrap();
        assert!(sought(folder.path()).is_err());
        fs::write(folder.path().join("minutes 2026.txt"), "x").unwrap();
        let sought = sought(folder.path()).unwrap();
        assert_eq!((sought.words.as_str(), sought.hash), ("minutes 2026", blake3::hash(b"x")));
    }

    #[test]
    fn blue_shares_the_folder_and_something_internal() {
        let (share, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let libraries = choose(Some(share.path()), scratch.path()).unwrap();
        assert_eq!(libraries.iter().map(|library| library.peer).collect::<Vec<_>>(), ["blue-1", "blue-2", "red-2"]);
        let note = libraries[1].folder.join("internal").join(internal().path);
        assert_eq!(blake3::hash(&fs::read(note).unwrap()), internal().hash);
        assert_eq!(internal().words, "salaries 2026");
    }

    #[test]
    fn the_same_bytes_are_shared_once() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let source = |name: &str, bytes: &str| {
            fs::write(from.path().join(name), bytes).unwrap();
            (name.to_owned(), from.path().join(name))
        };
        let sources =
            vec![source("a", "1"), source("b", "1"), source("c", "2"), ("d".to_owned(), from.path().join("d"))];
        assert_eq!(copy(sources, to.path(), &mut HashSet::new()).unwrap(), 2);
    }
}
