//! Bytes that travel beside the envelope: MTOM with XOP in both directions, SOAP with Attachments on input.
//!
//! Both put the envelope and the bytes into the parts of a multipart/related body (RFC 2387), and a reference in the
//! place of the bytes. What is referred to is always a part of the same message: no other reference is ever followed.

mod content_type;
mod head;
mod parts;
mod related;
mod scanner;
mod transfer;
mod write;

pub use content_type::ContentType;
#[cfg(test)]
pub use parts::Part;
pub use parts::{Parts, Source, reference};
pub use related::Related;
#[cfg(test)]
pub use related::Root;
pub use write::Attachment;

/// The media type of an envelope with parts beside it, in MTOM.
pub const XOP_MEDIA_TYPE: &str = "application/xop+xml";

#[cfg(test)]
mod tests;
