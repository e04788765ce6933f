//! The node's Ed25519 identity, kept in one file of the data folder.
//!
//! The peer id follows from the key, so the file is written whole or not at all, and nobody but its owner may read it.

use std::{
    fmt, fs,
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use libp2p::identity::{KeyType, Keypair};

/// Longest key file that is read; an Ed25519 key takes 68 bytes.
const MAX_KEY_FILE: u64 = 4096;
/// Permissions of the key file.
const OWNER_ONLY: u32 = 0o600;

/// Who this node is towards its peers.
#[derive(Clone)]
pub struct Identity(Keypair);

/// Why the identity could not be had.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The file cannot be read or written.
    #[error("identity file {}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The file holds something else.
    #[error("identity file {} holds no Ed25519 key; restore it, or remove it to become a new peer", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
}

impl Identity {
    /// A new identity that is kept nowhere.
    pub fn generate() -> Self {
        Self(Keypair::generate_ed25519())
    }

    /// The identity in this file; a new one is made and written when there is no file yet.
    ///
    /// # Errors
    /// When the file cannot be read or written, or holds no key: a damaged identity is never replaced silently.
    pub fn load_or_create(path: &Path) -> Result<Self, IdentityError> {
        let failed = |error| IdentityError::File { path: path.to_owned(), error };
        match read(path) {
            Ok(bytes) => decode(&bytes).ok_or_else(|| IdentityError::NoKey { path: path.to_owned() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let identity = Self::generate();
                let bytes = identity.0.to_protobuf_encoding().map_err(|e| failed(io::Error::other(e)))?;
                write(path, &bytes).map_err(failed)?;
                Ok(identity)
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// The peer id that follows from the key: `12D3Koo…`.
    pub fn peer_id(&self) -> String {
        self.0.public().to_peer_id().to_string()
    }

    /// The key itself, for the swarm.
    pub(super) fn keypair(&self) -> &Keypair {
        &self.0
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.peer_id())
    }
}

fn decode(bytes: &[u8]) -> Option<Identity> {
    let keypair = Keypair::from_protobuf_encoding(bytes).ok()?;
    (keypair.key_type() == KeyType::Ed25519).then_some(Identity(keypair))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let size = fs::metadata(path)?.len();
    if size > MAX_KEY_FILE {
        return Err(io::Error::other(format!("it has {size} bytes, the limit is {MAX_KEY_FILE}")));
    }
    let bytes = fs::read(path)?;
    // A key copied by hand often comes readable for everybody.
    fs::set_permissions(path, fs::Permissions::from_mode(OWNER_ONLY))?;
    Ok(bytes)
}

/// Writes beside the file and links it into place, so that a crash leaves no half a key and a second node that starts
/// at the same moment does not replace the first one's.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(OWNER_ONLY).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    let linked = fs::hard_link(&temporary, path);
    fs::remove_file(&temporary)?;
    linked?;
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_outlives_a_restart_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/identity.key");
        let first = Identity::load_or_create(&path).unwrap();
        assert_eq!(Identity::load_or_create(&path).unwrap().peer_id(), first.peer_id());
        assert!(first.peer_id().starts_with("12D3Koo"), "{first:?}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, OWNER_ONLY);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn a_damaged_identity_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("identity.key");
        fs::write(&path, b"not a key").unwrap();
        let error = Identity::load_or_create(&path).unwrap_err().to_string();
        assert!(error.contains("holds no Ed25519 key"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"not a key");
    }
}
