//! Calls of systems that are reached over HTTP only, in SOAP 1.1 or XML-RPC: one address with one credential, behind which
//! another gateway or a legacy catalogue answers.
//!
//! Servers as they really are differ in everything but the document: faults come with HTTP 200, 400 or 500, content types
//! are wrong or missing, answers end with their connection, and numbers are texts. So the document decides, whatever
//! stands around it. All calls made here are without effect, so one that meets a connection which the other side had just
//! closed is made again.

mod address;
mod call;
mod client;
mod failure;
mod health;

#[cfg(test)]
pub mod canned;
#[cfg(test)]
mod tests;

pub use address::{Address, AddressError, Speech};
pub use call::{Method, Remote, Terms};
pub use client::{Answer, Patience};
pub use failure::{Cause, Failure};
pub use health::Health;
