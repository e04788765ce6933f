//! Who calls, and what they may do.
//!
//! A [`Caller`] begins as a stranger and becomes the holder of a [`Token`] by showing a credential; how a credential
//! looks on the wire is the business of `http/` and of the bindings. What a caller may do follows from the operation
//! that is dispatched, and from nothing else of the request.

mod caller;
mod nonces;
mod token;
mod tokens;

pub use caller::{Binding, Caller};
pub use token::{Token, TokenError, read_secret};
pub use tokens::{Access, AccessError};

/// Whether two secrets are the same, in a time that tells nothing about where they differ.
pub fn same(one: &[u8], other: &[u8]) -> bool {
    // The equality of blake3's hashes takes constant time, and hides the lengths as well.
    blake3::hash(one) == blake3::hash(other)
}
