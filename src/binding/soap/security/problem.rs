//! What is wrong with a Security header, with the codes of WS-Security 1.1, section 12.

use super::{WSSE, WSU};
use crate::{binding::soap::fault::HeaderFault, model::Fault};

/// The codes, all of them the sender's to mend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The token could not be authenticated.
    FailedAuthentication,
    /// The token is not one.
    InvalidSecurityToken,
    /// The header is not one.
    InvalidSecurity,
    /// The token is of a kind that is not taken here.
    UnsupportedSecurityToken,
    /// The message is too old, or from the future.
    MessageExpired,
}

impl Code {
    /// Namespace, usual prefix and local name.
    fn name(self) -> (&'static str, &'static str, &'static [&'static str]) {
        match self {
            Self::FailedAuthentication => (WSSE, "wsse", &["FailedAuthentication"]),
            Self::InvalidSecurityToken => (WSSE, "wsse", &["InvalidSecurityToken"]),
            Self::InvalidSecurity => (WSSE, "wsse", &["InvalidSecurity"]),
            Self::UnsupportedSecurityToken => (WSSE, "wsse", &["UnsupportedSecurityToken"]),
            // Section 10 has it in this namespace, unlike all others.
            Self::MessageExpired => (WSU, "wsu", &["MessageExpired"]),
        }
    }

    /// The fault with that code.
    pub fn fault(self) -> HeaderFault {
        let (namespace, prefix, codes) = self.name();
        HeaderFault { prefix, namespace, codes, detail: String::new(), header: String::new(), is_about_body: true }
    }
}

/// What is wrong with a Security header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The code.
    pub code: Code,
    /// A sentence for the caller.
    pub message: String,
}

impl Problem {
    /// A problem with that code.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// Why a Security header lets nobody in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Something is wrong with it.
    Problem(Problem),
    /// Something is wrong here, which may pass.
    Fault(Fault),
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}
