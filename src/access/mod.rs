//! Who calls, and what they may do.
//!
//! No credentials can be configured yet: the node answers on loopback only, unless `access.open` says otherwise, and
//! whoever reaches the listener may call every operation.

use crate::model::Outcome;

/// A way to reach the operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// SOAP 1.1 and 1.2.
    Soap,
    /// XML-RPC.
    Xmlrpc,
    /// JSON.
    Json,
    /// The bytes themselves, under `/content`.
    Content,
}

impl Binding {
    /// How many there are.
    pub const COUNT: usize = 4;

    /// The name in logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Soap => "soap",
            Self::Xmlrpc => "xmlrpc",
            Self::Json => "json",
            Self::Content => "content",
        }
    }
}

/// Who calls.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The binding that the call came through.
    pub binding: Binding,
}

impl Caller {
    /// Whether the caller may use the operation; every inner call of a multicall is asked for on its own.
    ///
    /// # Errors
    /// NotPermitted when no right of the caller covers it.
    pub fn authorise(&self, _operation: &str) -> Outcome<()> {
        Ok(())
    }
}
