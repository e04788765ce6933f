//! The contract's faults (section 6) as a caller sees them on each binding.

use super::Binding;

/// The kinds of fault, each with what the contract fixes for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    InvalidRequest,
    NotAuthenticated,
    NotPermitted,
    NotFound,
    Conflict,
    TooLarge,
    Denied,
    LimitExceeded,
    Unsupported,
    Unavailable,
    Timeout,
    Internal,
}

impl Kind {
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

    /// The HTTP status, and the XML-RPC fault code.
    pub fn number(self) -> u16 {
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

    /// The name on the SOAP and JSON bindings.
    pub fn name(self) -> String {
        format!("{self:?}")
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    fn numbered(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| i64::from(kind.number()) == code)
    }

    /// SOAP's word for whose fault it is.
    fn soap_code(self, binding: Binding) -> &'static str {
        let callers = !matches!(self, Self::LimitExceeded | Self::Unavailable | Self::Timeout | Self::Internal);
        match (binding, callers) {
            (Binding::Soap12, true) => "Sender",
            (Binding::Soap12, false) => "Receiver",
            (_, true) => "Client",
            (_, false) => "Server",
        }
    }
}

/// One fault as it was received.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub binding: Binding,
    /// The HTTP status.
    pub status: u16,
    /// The binding's own code: the problem's `type`, the `faultCode`, or the local name of SOAP's code.
    pub code: String,
    /// The kind by name; XML-RPC has only the code.
    pub kind: Option<String>,
    pub message: String,
    pub retry_after_seconds: Option<i64>,
}

impl Fault {
    /// The kind, whatever the binding. The interop codes of XML-RPC count as what they stand for.
    pub fn kind(&self) -> Kind {
        let kind = match (self.binding, self.code.parse::<i64>()) {
            (Binding::XmlRpc, Ok(-32700 | -32701 | -32702 | -32600 | -32602)) => Some(Kind::InvalidRequest),
            (Binding::XmlRpc, Ok(-32601)) => Some(Kind::NotFound),
            (Binding::XmlRpc, Ok(code)) => Kind::numbered(code),
            _ => self.kind.as_deref().and_then(Kind::named),
        };
        kind.unwrap_or_else(|| panic!("no kind of the contract: {self:?}"))
    }

    /// Asserts the kind together with every code that the contract fixes for it on this binding.
    #[track_caller]
    pub fn assert_is(&self, kind: Kind) -> &Self {
        assert_eq!(self.kind(), kind, "{self:?}");
        let (status, code) = match self.binding {
            Binding::Json => (kind.number(), format!("urn:peergate:fault:{}", kind.name())),
            Binding::XmlRpc => (200, self.code.clone()),
            Binding::Soap11 | Binding::Soap12 => (500, kind.soap_code(self.binding).to_owned()),
        };
        // What is missing or wrong is a credential of HTTP, which says so itself.
        let status = if kind == Kind::NotAuthenticated { kind.number() } else { status };
        assert_eq!((self.status, &self.code), (status, &code), "{self:?}");
        if matches!(kind, Kind::Unavailable | Kind::LimitExceeded) && self.binding != Binding::XmlRpc {
            assert!(self.retry_after_seconds.is_some(), "no retryAfterSeconds: {self:?}");
        }
        self
    }

    /// Asserts that the message names all of `words`, whatever their case.
    #[track_caller]
    pub fn assert_names(&self, words: &[&str]) -> &Self {
        let message = self.message.to_lowercase();
        for word in words {
            assert!(message.contains(&word.to_lowercase()), "the message does not name {word:?}: {self:?}");
        }
        self
    }
}
