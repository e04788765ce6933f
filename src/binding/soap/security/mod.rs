//! WS-Security 1.1, as far as it says who sends a message: a UsernameToken (UsernameToken Profile 1.1), and a Timestamp.
//!
//! The header is read together with the others and judged once all of them are understood, before anything of the body
//! is looked at. Signatures and encryption are not verified here, so a message that holds one is refused: whoever
//! signs relies on being checked.

mod problem;
mod timestamp;
mod username;

use std::borrow::Cow;

pub use problem::{Code, Problem, Refused};

use self::{timestamp::Timestamp, username::UsernameToken};
use super::names::{Element, Scope, Step};
use crate::{access::Caller, binding::refusal::Refusal};

/// The namespace of the header and of its tokens; that of version 1.0, which 1.1 keeps.
pub const WSSE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
/// The namespace of what version 1.1 adds.
const WSSE11: &str = "http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd";
/// The namespace of times and ids.
pub const WSU: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
const SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#";
const ENCRYPTION: &str = "http://www.w3.org/2001/04/xmlenc#";

/// What the Security header of a message holds, as it stands there.
#[derive(Debug, Default)]
pub struct Security {
    is_there: bool,
    timestamp: Option<Timestamp>,
    username: Option<UsernameToken>,
    /// The first thing that is wrong with it, which is told once all headers are understood.
    problem: Option<Problem>,
}

impl Security {
    /// Reads a block that is meant for this node, with its end. Answers whether it is understood.
    ///
    /// # Errors
    /// Malformed; what is wrong with the header otherwise is told by [`Security::caller`].
    pub fn read(&mut self, scope: &mut Scope<'_>, block: &Element<'_>, is_mandatory: bool) -> Result<bool, Refusal> {
        if block.local() != "Security" {
            return scope.skip().map(|()| false);
        }
        if std::mem::replace(&mut self.is_there, true) {
            self.fail(Problem::new(Code::InvalidSecurity, "there are two Security headers for this node; send one"));
            return scope.skip().map(|()| true);
        }
        while let Step::Open(child) = scope.next()? {
            self.child(scope, &child, is_mandatory)?;
        }
        Ok(true)
    }

    fn child(&mut self, scope: &mut Scope<'_>, child: &Element<'_>, is_mandatory: bool) -> Result<(), Refusal> {
        match (Part::of(scope, child), child.local()) {
            (Part::Security, "UsernameToken") => match UsernameToken::read(scope)? {
                Ok(token) => self.set(token, |security| &mut security.username, "UsernameToken"),
                Err(problem) => self.fail(problem),
            },
            (Part::Utility, "Timestamp") => match Timestamp::read(scope)? {
                Ok(timestamp) => self.set(timestamp, |security| &mut security.timestamp, "Timestamp"),
                Err(problem) => self.fail(problem),
            },
            (Part::Signature, name) => {
                let message = format!("{name}: signatures and encryption are not verified here; send neither");
                self.fail(Problem::new(Code::UnsupportedSecurityToken, message));
                scope.skip()?;
            }
            (Part::Security11, _) => scope.skip()?,
            (_, name) => {
                if is_mandatory {
                    let name: String = name.chars().take(100).collect();
                    let message = format!("{name} is not understood here, want a UsernameToken and a Timestamp");
                    self.fail(Problem::new(Code::UnsupportedSecurityToken, message));
                }
                scope.skip()?;
            }
        }
        Ok(())
    }

    fn set<T>(&mut self, value: T, field: impl FnOnce(&mut Self) -> &mut Option<T>, name: &str) {
        if field(self).replace(value).is_some() {
            self.fail(Problem::new(Code::InvalidSecurity, format!("the Security header holds two of {name}")));
        }
    }

    fn fail(&mut self, problem: Problem) {
        self.problem.get_or_insert(problem);
    }

    /// Who sends the message: the caller whom HTTP knows, with what this header adds; none where it adds nothing.
    ///
    /// # Errors
    /// What is wrong with the header, with its credential, or with its age.
    pub fn caller(self, caller: &Caller) -> Result<Option<Caller>, Refused> {
        if let Some(problem) = self.problem {
            return Err(problem.into());
        }
        if let Some(timestamp) = self.timestamp {
            timestamp.check(caller.access())?;
        }
        self.username.map(|token| token.caller(caller)).transpose()
    }
}

/// Which part of the standards an element belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Security,
    Security11,
    Utility,
    Signature,
    Other,
}

impl Part {
    fn of(scope: &Scope<'_>, element: &Element<'_>) -> Self {
        match scope.uri(element.tag.prefix()).unwrap_or_default() {
            WSSE => Self::Security,
            WSSE11 => Self::Security11,
            WSU => Self::Utility,
            SIGNATURE | ENCRYPTION => Self::Signature,
            _ => Self::Other,
        }
    }
}

/// The texts of elements that each may stand once.
struct Texts<'a, const N: usize> {
    names: [&'static str; N],
    texts: [Option<Cow<'a, str>>; N],
    twice: Option<&'static str>,
}

impl<'a, const N: usize> Texts<'a, N> {
    fn new(names: [&'static str; N]) -> Self {
        Self { names, texts: [const { None }; N], twice: None }
    }

    /// Takes the text of an element that has begun, with its end; passes over one that has no place here.
    fn take(&mut self, scope: &mut Scope<'a>, element: &Element<'a>) -> Result<(), Refusal> {
        let known = matches!(Part::of(scope, element), Part::Security | Part::Utility);
        let Some(index) = self.names.iter().position(|name| known && *name == element.local()) else {
            return scope.skip();
        };
        if self.texts[index].replace(scope.text()?).is_some() {
            self.twice = Some(self.names[index]);
        }
        Ok(())
    }

    /// The texts, in the order of their names.
    fn finish(self, of: &str) -> Result<[Option<Cow<'a, str>>; N], Problem> {
        match self.twice {
            None => Ok(self.texts),
            Some(name) => {
                Err(Problem::new(Code::InvalidSecurityToken, format!("the {of} holds {name} more than once")))
            }
        }
    }
}

#[cfg(test)]
mod tests;
