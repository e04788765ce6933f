//! The way of an answer: back over the connection, or to nobody.

use super::{Addressing, Edition, Endpoint, Problem};
use crate::binding::Reply;

/// The HTTP status that asks for a credential.
const CHALLENGE: u16 = 401;

/// Where one answer goes.
#[derive(Debug)]
pub enum Way {
    /// Into the HTTP answer.
    Here,
    /// To nobody: the caller learns that the message was accepted.
    Nowhere,
}

/// Where the answer or the fault of a message goes.
#[derive(Debug)]
pub struct Ways {
    /// Where the answer goes.
    pub reply: Way,
    /// Where a fault goes.
    pub fault: Way,
}

impl Way {
    /// Sends the answer on this way, and says what the HTTP answer is.
    pub fn carry(self, reply: Reply) -> Reply {
        match self {
            // A challenge is a matter of HTTP, and its answer is the message again.
            _ if reply.status == CHALLENGE => reply,
            Self::Here => reply,
            Self::Nowhere => Reply::accepted(),
        }
    }
}

impl Ways {
    /// Checks the headers and the addresses in them before anything is done.
    ///
    /// # Errors
    /// What is wrong with the headers, or that an answer cannot go where they say.
    pub fn of(addressing: &Addressing) -> Result<Self, Problem> {
        let Some(edition) = addressing.edition else { return Ok(Self { reply: Way::Here, fault: Way::Here }) };
        addressing.check_headers()?;
        let reply = way(addressing.reply_to.as_ref(), edition, "ReplyTo")?;
        let fault = match &addressing.fault_to {
            Some(fault_to) => way(Some(fault_to), edition, "FaultTo")?,
            None => way(addressing.reply_to.as_ref(), edition, "ReplyTo")?,
        };
        Ok(Self { reply, fault })
    }
}

impl Addressing {
    /// The way of a fault that comes before [`Ways::of`].
    pub fn early_fault(&self) -> Way {
        let endpoint = self.fault_to.as_ref().or(self.reply_to.as_ref());
        match (self.edition, endpoint) {
            (Some(edition), Some(endpoint)) if edition.is_none(&endpoint.address) => Way::Nowhere,
            _ => Way::Here,
        }
    }
}

fn way(endpoint: Option<&Endpoint>, edition: Edition, header: &'static str) -> Result<Way, Problem> {
    match endpoint.map(|endpoint| endpoint.address.as_str()) {
        None => Ok(Way::Here),
        Some(address) if address == edition.anonymous() => Ok(Way::Here),
        Some(address) if edition.is_none(address) => Ok(Way::Nowhere),
        Some(_) => Err(Problem::of_address(header, "answers are sent over the connection only".to_owned())),
    }
}
