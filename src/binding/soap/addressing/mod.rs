//! WS-Addressing 1.0, and as far as a header goes its member submission of August 2004: what a message calls itself and
//! where its answer goes.
//!
//! The body alone says what is called. An Action may only agree with it, since rights follow the body, and a ReplyTo
//! leads away from the HTTP answer only where the configuration lets it. What is wrong in these headers is kept until
//! all blocks have been read, because a block that is not understood comes first (SOAP 1.1 section 4.2.3).

mod answer;
mod problem;
mod way;

use std::borrow::Cow;

pub use answer::Thread;
pub use problem::{Problem, Reason};
pub use way::{Deliveries, Ways};

use super::names::{Element, Scope, Step};
use crate::{binding::refusal::Refusal, operation::describe::Description};

/// Longest text of a header that is kept.
const MAX_TEXT: usize = 2048;
/// Most reference parameters of an endpoint, and most bytes of all of them.
const MAX_PARAMETERS: usize = 16;
const MAX_PARAMETER_BYTES: usize = 8 << 10;

/// The action of every fault in version 1.0.
pub const FAULT_ACTION: &str = "http://www.w3.org/2005/08/addressing/fault";

/// An edition of WS-Addressing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edition {
    /// The recommendation, version 1.0.
    V1,
    /// The member submission, which WCF and Axis2 still speak when told to.
    August2004,
}

impl Edition {
    /// The edition of a namespace.
    pub fn of(namespace: &str) -> Option<Self> {
        [Self::V1, Self::August2004].into_iter().find(|edition| edition.namespace() == namespace)
    }

    /// Its namespace.
    pub fn namespace(self) -> &'static str {
        match self {
            Self::V1 => "http://www.w3.org/2005/08/addressing",
            Self::August2004 => "http://schemas.xmlsoap.org/ws/2004/08/addressing",
        }
    }

    /// The action of its faults.
    fn fault_action(self) -> &'static str {
        match self {
            Self::V1 => FAULT_ACTION,
            Self::August2004 => "http://schemas.xmlsoap.org/ws/2004/08/addressing/fault",
        }
    }

    /// The address that means the HTTP answer.
    fn anonymous(self) -> &'static str {
        match self {
            Self::V1 => "http://www.w3.org/2005/08/addressing/anonymous",
            Self::August2004 => "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous",
        }
    }

    /// Whether the address means nobody. The submission has none.
    fn is_none(self, address: &str) -> bool {
        self == Self::V1 && address == "http://www.w3.org/2005/08/addressing/none"
    }
}

/// What the addressing headers of a message say; of doubled ones the first counts.
#[derive(Debug, Default)]
pub struct Addressing {
    edition: Option<Edition>,
    action: Option<String>,
    message_id: Option<String>,
    reply_to: Option<Endpoint>,
    fault_to: Option<Endpoint>,
    /// The first thing that is wrong with them.
    problem: Option<Problem>,
}

/// Where an answer goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Endpoint {
    /// Empty when there was none.
    address: String,
    /// Header blocks that the answer has to carry, as they stand in the document.
    parameters: Vec<String>,
}

impl Addressing {
    /// Reads the block of this edition that has begun, with its end. False when it is none that is known.
    ///
    /// # Errors
    /// Malformed. What is merely wrong is kept for [`Addressing::check`].
    pub fn read(&mut self, scope: &mut Scope<'_>, block: &Element<'_>, edition: Edition) -> Result<bool, Refusal> {
        match block.local() {
            "Action" => {
                let action = self.text(scope, "Action")?;
                self.action = self.action.take().or(action);
            }
            "MessageID" => {
                let id = self.text(scope, "MessageID")?;
                self.message_id = self.message_id.take().or(id);
            }
            "ReplyTo" => {
                let endpoint = self.endpoint(scope, edition, "ReplyTo")?;
                self.reply_to.get_or_insert(endpoint);
            }
            "FaultTo" => {
                let endpoint = self.endpoint(scope, edition, "FaultTo")?;
                self.fault_to.get_or_insert(endpoint);
            }
            // A gateway behind a proxy is addressed in many ways, and a request relates to nothing here.
            "To" | "From" | "RelatesTo" => scope.skip()?,
            _ => {
                scope.skip()?;
                return Ok(false);
            }
        }
        self.edition.get_or_insert(edition);
        Ok(true)
    }

    /// Whether all of it fits together with the operation that the body calls.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self, operation: &Description) -> Result<(), Problem> {
        match &self.action {
            Some(action) if !operation.is_action(action) => Err(Problem::of_action(action)),
            _ => Ok(()),
        }
    }

    /// Whether the headers are sound in themselves. A request may leave out ReplyTo, which means the HTTP answer, and
    /// Action, which the body makes up for.
    ///
    /// # Errors
    /// The first thing that is wrong.
    fn check_headers(&self) -> Result<(), Problem> {
        if let Some(problem) = &self.problem {
            return Err(problem.clone());
        }
        let expects_answer = self.edition.is_some_and(|edition| !edition.is_none(self.reply_address(edition)));
        if expects_answer && self.action.is_some() && self.message_id.is_none() {
            return Err(Problem::new(Reason::Required, "MessageID"));
        }
        Ok(())
    }

    /// The edition that the message speaks.
    pub fn edition(&self) -> Edition {
        self.edition.unwrap_or(Edition::V1)
    }

    /// The id by which the caller tells this message from its others.
    pub fn message_id(&self) -> Option<&str> {
        self.message_id.as_deref()
    }

    /// What an answer has to refer to; none when the message has no addressing headers.
    pub fn thread(&self) -> Option<Thread> {
        let (edition, message_id) = (self.edition?, self.message_id.clone());
        let endpoint = |endpoint: &Option<Endpoint>| endpoint.clone().unwrap_or_default();
        let (reply_to, fault_to) = (endpoint(&self.reply_to), self.fault_to.as_ref().or(self.reply_to.as_ref()));
        Some(Thread { edition, message_id, reply_to, fault_to: fault_to.cloned().unwrap_or_default() })
    }

    fn reply_address(&self, edition: Edition) -> &str {
        self.reply_to.as_ref().map_or(edition.anonymous(), |endpoint| &endpoint.address)
    }

    /// The text of a header; none, with the problem kept, when it is of no use.
    fn text(&mut self, scope: &mut Scope<'_>, header: &'static str) -> Result<Option<String>, Refusal> {
        let text: Cow<'_, str> = scope.text()?;
        let text = text.trim();
        if text.is_empty() || text.len() > MAX_TEXT {
            self.problem.get_or_insert(Problem::new(Reason::Invalid, header));
            return Ok(None);
        }
        Ok(Some(text.to_owned()))
    }

    fn endpoint(&mut self, scope: &mut Scope<'_>, edition: Edition, header: &'static str) -> Result<Endpoint, Refusal> {
        let mut endpoint = Endpoint::default();
        while let Step::Open(part) = scope.next()? {
            let is_addressing = scope.uri(part.tag.prefix()) == Some(edition.namespace());
            match part.local() {
                "Address" if is_addressing => {
                    endpoint.address = self.text(scope, header)?.unwrap_or_default();
                }
                "ReferenceParameters" | "ReferenceProperties" if is_addressing => {
                    self.parameters(scope, edition, header, &mut endpoint.parameters)?;
                }
                _ => scope.skip()?,
            }
        }
        if endpoint.address.is_empty() {
            self.problem.get_or_insert(Problem::new(Reason::MissingAddress, header));
        }
        Ok(endpoint)
    }

    fn parameters(
        &mut self,
        scope: &mut Scope<'_>,
        edition: Edition,
        header: &'static str,
        parameters: &mut Vec<String>,
    ) -> Result<(), Refusal> {
        while let Step::Open(parameter) = scope.next()? {
            let copy = scope.copy(&parameter, &answer::mark(edition))?;
            let bytes: usize = parameters.iter().map(String::len).sum();
            if parameters.len() == MAX_PARAMETERS || bytes + copy.len() > MAX_PARAMETER_BYTES {
                self.problem.get_or_insert(Problem::new(Reason::Invalid, header));
            } else {
                parameters.push(copy);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
