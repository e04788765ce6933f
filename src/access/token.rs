//! A token: a name, a secret, and the operations that its holder may call.

use std::{
    fmt,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use crate::model::Pattern;

/// Least characters of a secret; 16 random characters cannot be guessed over a network.
pub const LEAST_SECRET: usize = 16;
/// Most bytes of a secret.
pub const MOST_SECRET: usize = 1024;
/// Most characters of a name.
const MOST_NAME: usize = 64;

/// What a caller holds, and what it is good for.
#[derive(Debug)]
pub struct Token {
    name: String,
    secret: Secret,
    operations: Vec<Pattern>,
}

/// Text that is never printed.
struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl Token {
    /// A token with this secret; white space around the secret is none of it.
    ///
    /// # Errors
    /// Says what of the name, the secret or the list of operations is missing or cannot be shown on some binding.
    pub fn new(name: &str, secret: &str, operations: Vec<Pattern>) -> Result<Self, TokenError> {
        // HTTP Basic ends the name at the first colon.
        let is_name = |name: &str| !name.contains(|c: char| c == ':' || c.is_whitespace() || c.is_control());
        if !is_name(name) || !(1..=MOST_NAME).contains(&name.chars().count()) {
            return Err(TokenError::Name(name.to_owned()));
        }
        let (name, secret) = (name.to_owned(), secret.trim());
        if secret.is_empty() {
            return Err(TokenError::Empty(name));
        }
        if secret.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(TokenError::Spaced(name));
        }
        let count = secret.chars().count();
        if count < LEAST_SECRET || secret.len() > MOST_SECRET {
            return Err(TokenError::Length { name, count });
        }
        if operations.is_empty() {
            return Err(TokenError::Useless(name));
        }
        Ok(Self { name, secret: Secret(secret.to_owned()), operations })
    }

    /// A token whose secret is what the file holds. A file that everybody on this machine can read is warned of.
    ///
    /// # Errors
    /// As [`Token::new`], and where the file cannot be read.
    pub fn read(name: &str, file: &Path, operations: Vec<Pattern>) -> Result<Self, TokenError> {
        let unreadable = |error| TokenError::Unreadable { name: name.to_owned(), file: file.to_owned(), error };
        let secret = read_secret(&format!("access.token {name}"), file).map_err(unreadable)?;
        Self::new(name, &secret, operations)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its secret.
    pub(super) fn secret(&self) -> &[u8] {
        self.secret.0.as_bytes()
    }

    /// Whether its holder may call the operation.
    pub fn covers(&self, operation: &str) -> bool {
        self.operations.iter().any(|pattern| pattern.matches(operation))
    }

    /// The patterns of the operations that its holder may call.
    pub fn operations(&self) -> &[Pattern] {
        &self.operations
    }
}

/// What a file of a secret holds, without white space around it. A file that everybody on this machine can read is warned of
/// as what it is there for.
///
/// # Errors
/// What the system says.
pub fn read_secret(what: &str, file: &Path) -> io::Result<String> {
    let mut secret = String::new();
    let opened = File::open(file)?;
    if is_open_to_everybody(&opened)? {
        tracing::warn!("{what}: everybody on this machine can read {}; chmod 600 it", file.display());
    }
    // More than the longest secret and a line feed or two is no secret.
    opened.take(2 * MOST_SECRET as u64).read_to_string(&mut secret)?;
    Ok(secret.trim().to_owned())
}

#[cfg(unix)]
fn is_open_to_everybody(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    /// The bit of a file's mode that lets everybody read it.
    const READ_BY_OTHERS: u32 = 0o004;
    Ok(file.metadata()?.permissions().mode() & READ_BY_OTHERS != 0)
}

#[cfg(not(unix))]
fn is_open_to_everybody(_: &File) -> io::Result<bool> {
    Ok(false)
}

/// Why a token cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The name cannot be shown.
    #[error(
        "access.token: {0:?} is no name for a token, want 1 to {MOST_NAME} characters without white space and colons"
    )]
    Name(String),
    /// The file is not there, or not text.
    #[error("access.token {name}: token_file {file} cannot be read: {error}")]
    Unreadable {
        /// The token.
        name: String,
        /// Where its secret was looked for.
        file: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// There is no secret.
    #[error("access.token {0}: token_file is empty; `openssl rand -hex 32` makes a token")]
    Empty(String),
    /// The file holds more than a secret.
    #[error("access.token {0}: token_file holds more than one word; it holds the token alone")]
    Spaced(String),
    /// The secret is too short to be one, or too long to be shown.
    #[error(
        "access.token {name}: the token has {count} characters, want at least {LEAST_SECRET} and at most {MOST_SECRET} \
         bytes; `openssl rand -hex 32` makes one"
    )]
    Length {
        /// The token.
        name: String,
        /// How many characters there are.
        count: usize,
    },
    /// Nothing may be called with it.
    #[error("access.token {0}: operations is empty; name some, such as [\"search.*\", \"content.read\"]")]
    Useless(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef";

    fn all() -> Vec<Pattern> {
        vec!["*".parse().unwrap()]
    }

    #[test]
    fn a_secret_is_read_from_its_file_and_trimmed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("  {SECRET}\r\n\n")).unwrap();
        let token = Token::read("erp", file.path(), all()).unwrap();
        assert_eq!((token.name(), token.secret()), ("erp", SECRET.as_bytes()));
    }

    #[test]
    fn what_can_be_no_token_is_refused_by_name() {
        for (secret, named) in [
            ("", "token_file is empty"),
            (" \n", "token_file is empty"),
            ("too-short", "has 9 characters, want at least 16"),
            (&"x".repeat(MOST_SECRET + 1), "at most 1024"),
            ("0123456789abcdef two", "more than one word"),
        ] {
            let error = Token::new("erp", secret, all()).unwrap_err().to_string();
            assert!(error.starts_with("access.token erp: ") && error.contains(named), "{error}");
            assert!(secret.trim().is_empty() || !error.contains(secret), "{error}");
        }
        for name in ["", "a:b", "a b", "a\n", &"x".repeat(65)] {
            assert!(matches!(Token::new(name, SECRET, all()), Err(TokenError::Name(_))), "{name:?}");
        }
        assert!(matches!(Token::new("erp", SECRET, Vec::new()), Err(TokenError::Useless(_))));
        let missing = Token::read("erp", Path::new("/nowhere/erp.token"), all()).unwrap_err().to_string();
        assert!(missing.contains("/nowhere/erp.token"), "{missing}");
    }

    #[test]
    fn a_token_covers_what_its_patterns_name() {
        let patterns = ["search.*", "content.read"].map(|pattern| pattern.parse().unwrap());
        let token = Token::new("erp", SECRET, patterns.into()).unwrap();
        assert!(token.covers("search.find") && token.covers("content.read"));
        assert!(!token.covers("content.publish") && !token.covers("content.readall"));
    }

    #[test]
    fn a_secret_is_never_printed() {
        let token = Token::new("erp", SECRET, all()).unwrap();
        assert!(!format!("{token:?}").contains(SECRET));
    }

    #[cfg(unix)]
    #[test]
    fn the_mode_of_a_file_tells_who_can_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let file = tempfile::NamedTempFile::new().unwrap();
        for (mode, open) in [(0o600, false), (0o640, false), (0o644, true)] {
            file.as_file().set_permissions(std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(is_open_to_everybody(file.as_file()).unwrap(), open, "{mode:o}");
        }
    }
}
