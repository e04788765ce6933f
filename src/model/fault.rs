//! The faults that callers see: one closed list of kinds, each with its code on every binding.
//!
//! A fault's message is written for the person who calls: it names the field, the limit or the way round, and never
//! holds the cause of an internal error, which goes to the log under the fault's reference.

use std::fmt;

/// What an operation answers: its output, or the fault that says why not.
pub type Outcome<T> = Result<T, Fault>;

/// Why an operation was refused or failed. The kinds and their codes are fixed by the contract (section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// A field is missing, malformed or out of range; the message names it.
    InvalidRequest,
    /// No credential, or a wrong one.
    NotAuthenticated,
    /// The caller's rights do not cover the operation.
    NotPermitted,
    /// The id is unknown.
    NotFound,
    /// The state forbids it.
    Conflict,
    /// Over a stated limit; the message names the limit and the way round.
    TooLarge,
    /// On the deny-list.
    Denied,
    /// Over a rate or a quota; carries `retry_after_seconds`.
    LimitExceeded,
    /// The overlay cannot do it.
    Unsupported,
    /// No provider, an overlay that is down, or a node that shuts down; carries `retry_after_seconds`.
    Unavailable,
    /// The deadline passed.
    Timeout,
    /// A fault of ours; the message holds a reference id, the log holds the cause.
    Internal,
}

impl FaultKind {
    /// Every kind, in the contract's order.
    pub const ALL: [Self; 12] = [
        Self::InvalidRequest,
        Self::NotAuthenticated,
        Self::NotPermitted,
        Self::NotFound,
        Self::Conflict,
        Self::TooLarge,
        Self::Denied,
        Self::LimitExceeded,
        Self::Unsupported,
        Self::Unavailable,
        Self::Timeout,
        Self::Internal,
    ];

    /// The name on every wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "InvalidRequest",
            Self::NotAuthenticated => "NotAuthenticated",
            Self::NotPermitted => "NotPermitted",
            Self::NotFound => "NotFound",
            Self::Conflict => "Conflict",
            Self::TooLarge => "TooLarge",
            Self::Denied => "Denied",
            Self::LimitExceeded => "LimitExceeded",
            Self::Unsupported => "Unsupported",
            Self::Unavailable => "Unavailable",
            Self::Timeout => "Timeout",
            Self::Internal => "Internal",
        }
    }

    /// The HTTP status of JSON and `/content`; XML-RPC's faultCode is the same number.
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidRequest => 400,
            Self::NotAuthenticated => 401,
            Self::NotPermitted => 403,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::Denied => 451,
            Self::LimitExceeded => 429,
            Self::Unsupported => 501,
            Self::Unavailable => 503,
            Self::Timeout => 504,
            Self::Internal => 500,
        }
    }

    /// Whether the caller has to change something (SOAP's Client and Sender) or only to try again later.
    pub fn is_callers(self) -> bool {
        !matches!(self, Self::LimitExceeded | Self::Unavailable | Self::Timeout | Self::Internal)
    }

    /// One line on when it is given, for the generated manuals.
    pub fn when(self) -> &'static str {
        match self {
            Self::InvalidRequest => "a field is missing, malformed or out of range; the message names it",
            Self::NotAuthenticated => "no credential, or a wrong one",
            Self::NotPermitted => "the caller's rights do not cover the operation",
            Self::NotFound => "the id is unknown",
            Self::Conflict => "the state forbids it",
            Self::TooLarge => "over a stated limit; the message names the limit and the way round",
            Self::Denied => "on the deny-list",
            Self::LimitExceeded => "over a rate or a quota; try again after retryAfterSeconds",
            Self::Unsupported => "the overlay cannot do it",
            Self::Unavailable => "no provider, overlay down or shutting down; try again after retryAfterSeconds",
            Self::Timeout => "the deadline passed",
            Self::Internal => "a fault of ours; the message holds a reference that the log explains",
        }
    }
}

/// A refusal or a failure as the caller sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The kind, from which each binding takes its code.
    pub kind: FaultKind,
    /// A sentence for the caller: lower case, names the field or the limit.
    pub message: String,
    /// Seconds after which the same call may succeed.
    pub retry_after_seconds: Option<u32>,
    /// The id under which the log holds the cause.
    pub reference: Option<String>,
}

/// Seconds that a caller is asked to wait when nothing more precise is known.
const DEFAULT_RETRY_SECONDS: u32 = 5;

impl Fault {
    /// A fault of the given kind without further details.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        let retry = matches!(kind, FaultKind::LimitExceeded | FaultKind::Unavailable).then_some(DEFAULT_RETRY_SECONDS);
        Self { kind, message: message.into(), retry_after_seconds: retry, reference: None }
    }

    /// A field is missing, malformed or out of range.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(FaultKind::InvalidRequest, message)
    }

    /// The id is unknown.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(FaultKind::NotFound, message)
    }

    /// The state forbids it.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(FaultKind::Conflict, message)
    }

    /// Over a stated limit.
    pub fn too_large(message: impl Into<String>) -> Self {
        Self::new(FaultKind::TooLarge, message)
    }

    /// The overlay cannot do it.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(FaultKind::Unsupported, message)
    }

    /// Nobody can answer now.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(FaultKind::Unavailable, message)
    }

    /// The deadline passed.
    pub fn timeout(message: impl Into<String>) -> Self {
        Self::new(FaultKind::Timeout, message)
    }

    /// A fault of ours: logs `cause` under a new reference and tells the caller only the reference.
    pub fn internal(cause: impl fmt::Display) -> Self {
        let reference = uuid::Uuid::now_v7().simple().to_string();
        tracing::error!(%reference, "{cause}");
        Self {
            kind: FaultKind::Internal,
            message: format!("internal error; the node's log explains reference {reference}"),
            retry_after_seconds: None,
            reference: Some(reference),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.message)
    }
}

impl std::error::Error for Fault {}
