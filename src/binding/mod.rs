//! How a caller reaches the operations: SOAP, XML-RPC and JSON, each a serde format of its own and a rendering of the
//! contract in its own description language.
//!
//! A binding reads a body, has the operation dispatched and writes the answer; HTTP itself, with its methods, media
//! types and limits, lies in front of it. Bindings know nothing of each other.

pub mod json;
#[cfg(test)]
mod mutation;
mod refusal;
pub mod soap;
mod xml;
pub mod xmlrpc;

#[cfg(test)]
mod round_trip;

use std::{borrow::Cow, fmt};

use bytes::Bytes;

use crate::model::{ByteStream, Fault};

/// What a binding sends back over HTTP.
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The content type with its parameters, exactly as it is sent; empty when there is no body.
    pub content_type: Cow<'static, str>,
    /// The body.
    pub body: Body,
}

/// The body of a reply.
pub enum Body {
    /// All of it.
    Whole(Bytes),
    /// A body that is pulled while it is sent. A fault in the stream has to break the connection off, so that what
    /// came before it is not taken for the whole.
    Stream {
        /// How many bytes the stream yields.
        size: u64,
        /// The bytes.
        stream: ByteStream,
    },
}

impl Reply {
    /// A reply whose body lies in memory.
    pub fn whole(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { status, content_type: content_type.into(), body: Body::Whole(body.into()) }
    }

    /// Nothing to say but that the message was taken: what answers it goes elsewhere, or nowhere.
    pub fn accepted() -> Self {
        Self::whole(202, "", Bytes::new())
    }

    /// The bytes of the body; none where it is a stream.
    #[cfg(test)]
    fn bytes(&self) -> &[u8] {
        match &self.body {
            Body::Whole(bytes) => bytes,
            Body::Stream { .. } => &[],
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(bytes) => write!(f, "Whole({} bytes)", bytes.len()),
            Self::Stream { size, .. } => write!(f, "Stream({size} bytes)"),
        }
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
