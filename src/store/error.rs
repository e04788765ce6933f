//! What goes wrong in the store, and what a caller is told of it.
//!
//! A full disk is told apart from every other trouble of the disk: it is the one that the people who run the node
//! can mend, and the one that an upload meets first.

use std::{io, path::PathBuf, sync::Arc};

use crate::model::Fault;

/// Seconds after which a full disk, or a changed file that is indexed again, is worth another try.
const RETRY_SECONDS: u32 = 30;

/// Why the store could not do it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the data folder open.
    #[error("the data folder {0} is in use by another node; stop that node, or give this one a folder of its own")]
    Locked(PathBuf),
    /// The disk is full, or the user's quota of it.
    #[error("the node's disk is full; remove contents or give it more room")]
    Full,
    /// A file that is shared in place is no longer what was published.
    #[error("the shared file {0:?} has changed since it was published; it is being indexed again under a new id")]
    Changed(String),
    /// Stored bytes do not fit their id any more, though nobody was to change them.
    #[error("the stored bytes of {0} are damaged; publish or fetch them again")]
    Damaged(String),
    /// The disk or the file system says no.
    #[error("{what}: {error}")]
    Io {
        /// What was being done.
        what: String,
        /// What the system said.
        error: Arc<io::Error>,
    },
    /// The catalogue says no.
    #[error("catalogue: {0}")]
    Catalogue(Arc<sqlx::Error>),
    /// The full-text index says no.
    #[error("index: {0}")]
    Index(String),
    /// The store was closed.
    #[error("the node is shutting down")]
    Closed,
    /// A caller asked for what cannot be.
    #[error("{0}")]
    Refused(Fault),
}

impl StoreError {
    /// Names what was being done when the system refused.
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |error| match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io { what: what.into(), error: Arc::new(error) },
        }
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        Self::io("disk")(error)
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        /// SQLite's result code for a full disk.
        const SQLITE_FULL: &str = "13";
        if matches!(error, sqlx::Error::PoolClosed) {
            return Self::Closed;
        }
        let full = error.as_database_error().is_some_and(|error| error.code().as_deref() == Some(SQLITE_FULL));
        if full { Self::Full } else { Self::Catalogue(Arc::new(error)) }
    }
}

impl From<sqlx::migrate::MigrateError> for StoreError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        Self::from(sqlx::Error::Migrate(Box::new(error)))
    }
}

impl From<tantivy::TantivyError> for StoreError {
    fn from(error: tantivy::TantivyError) -> Self {
        match &error {
            tantivy::TantivyError::IoError(inner) => match Self::io("index")(io::Error::from(inner.kind())) {
                Self::Full => Self::Full,
                _ => Self::Index(error.to_string()),
            },
            _ => Self::Index(error.to_string()),
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        Self::Refused(fault)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(fault) => fault,
            StoreError::Full | StoreError::Changed(_) | StoreError::Damaged(_) => {
                Self { retry_after_seconds: Some(RETRY_SECONDS), ..Self::unavailable(error.to_string()) }
            }
            StoreError::Closed => Self::unavailable(error.to_string()),
            _ => Self::internal(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FaultKind;

    #[test]
    fn a_full_disk_is_unavailable_and_says_so() {
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded] {
            let fault = Fault::from(StoreError::from(io::Error::from(kind)));
            assert_eq!(fault.kind, FaultKind::Unavailable);
            assert!(fault.message.starts_with("the node's disk is full"), "{fault}");
        }
    }

    #[test]
    fn other_troubles_of_the_disk_stay_in_the_log() {
        let fault = Fault::from(StoreError::from(io::Error::other("/secret/path")));
        assert_eq!(fault.kind, FaultKind::Internal);
        assert!(!fault.message.contains("secret"));
    }
}
