//! How a caller reaches the operations: SOAP, XML-RPC and JSON, each a serde format of its own and a rendering of the
//! contract in its own description language.
//!
//! A binding reads a body, has the operation dispatched and writes the answer; HTTP itself, with its methods, media
//! types and limits, lies in front of it. Bindings know nothing of each other.

pub mod json;
mod refusal;
pub mod soap;
mod xml;
pub mod xmlrpc;

#[cfg(test)]
mod round_trip;

use bytes::Bytes;

use crate::model::Fault;

/// What a binding sends back over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The content type, exactly as it is sent; empty when there is no body.
    pub content_type: &'static str,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// Nothing to say but that the message was taken: what answers it goes elsewhere, or nowhere.
    pub fn accepted() -> Self {
        Self { status: 202, content_type: "", body: Bytes::new() }
    }
}

/// Why the answer of another node, read by the client side of a binding, holds no record.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// The other side answered a fault.
    #[error("{0}")]
    Fault(Fault),
    /// What it answered cannot be read.
    #[error("the answer cannot be read: {0}")]
    Unreadable(String),
}
