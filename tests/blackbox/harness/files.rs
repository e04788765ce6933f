//! Files to share: the licence and copyright texts that every Debian machine has, and noise of any size.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use multihash::Multihash;
use tempfile::TempDir;

/// Bytes that noise is made of at a time.
const BLOCK: usize = 64 * 1024;

/// The native content id of bytes with this hash: CIDv1, `raw`, BLAKE3-256.
pub fn content_id(hash: blake3::Hash) -> String {
    let multihash = Multihash::<64>::wrap(0x1e, hash.as_bytes()).expect("32 bytes fit");
    cid::Cid::new_v1(0x55, multihash).to_string()
}

/// One file of a library.
pub struct Shared {
    pub name: String,
    /// A word that occurs in this file's name only.
    pub word: String,
    pub bytes: Vec<u8>,
    pub id: String,
}

/// A folder of files to share, removed with the value.
pub struct Library {
    folder: TempDir,
    pub files: Vec<Shared>,
}

impl Library {
    /// `count` distinct texts of this machine; where it has fewer, generated ones make up the number.
    pub fn real(count: usize) -> Self {
        let mut library = Self::empty();
        let mut seen = BTreeSet::new();
        let mut texts = system_texts().into_iter();
        while library.files.len() < count {
            let (title, bytes) = match texts.next() {
                Some((title, path)) => match fs::read(path) {
                    Ok(bytes) if !bytes.is_empty() => (title, bytes),
                    _ => continue,
                },
                None => ("generated text".to_owned(), format!("text number {}\n", seen.len()).repeat(500).into_bytes()),
            };
            if seen.insert(blake3::hash(&bytes).to_hex().to_string()) {
                let word = format!("paper{:03}", library.files.len());
                library.add(&format!("{title} {word}.txt"), &word, bytes);
            }
        }
        library
    }

    /// A folder with nothing in it yet.
    pub fn empty() -> Self {
        Self { folder: TempDir::new().expect("temporary folder"), files: Vec::new() }
    }

    /// Writes one more file; `word` occurs in its name only.
    pub fn add(&mut self, name: &str, word: &str, bytes: Vec<u8>) -> &Shared {
        fs::write(self.file(name), &bytes).expect("write a shared file");
        let id = content_id(blake3::hash(&bytes));
        self.files.push(Shared { name: name.to_owned(), word: word.to_owned(), bytes, id });
        self.files.last().expect("just added")
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// The licence and copyright texts of this machine with a title each, in a stable order.
fn system_texts() -> Vec<(String, PathBuf)> {
    let list = |folder: &str| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        paths
    };
    let title = |prefix: &str, path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        format!("{prefix} {name}")
    };
    let licences = list("/usr/share/common-licenses").into_iter().map(|path| (title("licence", &path), path));
    let copyrights = list("/usr/share/doc").into_iter().map(|path| (title("copyright", &path), path.join("copyright")));
    licences.chain(copyrights).filter(|(_, path)| path.is_file()).collect()
}

/// `size` bytes that no two seeds share and that no compression helps.
pub fn noise(seed: &str, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    noise_source(seed).fill(&mut bytes);
    bytes
}

/// Writes a file of noise without holding it in memory; answers the hash of its bytes.
pub fn write_noise(path: &Path, seed: &str, size: u64) -> io::Result<blake3::Hash> {
    let mut file = BufWriter::new(fs::File::create(path)?);
    let (mut source, mut hasher, mut block) = (noise_source(seed), blake3::Hasher::new(), vec![0; BLOCK]);
    let mut left = size;
    while left > 0 {
        let part = &mut block[..left.min(BLOCK as u64) as usize];
        source.fill(part);
        hasher.update(part);
        file.write_all(part)?;
        left -= part.len() as u64;
    }
    file.flush()?;
    Ok(hasher.finalize())
}

fn noise_source(seed: &str) -> blake3::OutputReader {
    blake3::Hasher::new().update(seed.as_bytes()).finalize_xof()
}
