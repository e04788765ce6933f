//! How far a node is with hashing the files that it shares.

/// A reading of the hashing of one scan, or of the last one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hashing {
    /// Files of this scan that are hashed.
    pub files_done: u64,
    /// Files of this scan that have to be hashed.
    pub files_total: u64,
    /// Bytes that are hashed.
    pub bytes_done: u64,
    /// Bytes that have to be hashed.
    pub bytes_total: u64,
    /// The file that was begun last.
    pub current: Option<String>,
    /// Whether a scan is running or due.
    pub busy: bool,
    /// Scans that have ended since the start.
    pub scans: u64,
}

impl Hashing {
    /// Whether files are being hashed, not only looked at.
    pub fn is_under_way(&self) -> bool {
        self.busy && self.files_done < self.files_total
    }
}
