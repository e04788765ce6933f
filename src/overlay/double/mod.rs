//! Doubles for tests: contents in memory, and the overlays and far sides that hold them, in every manner good and bad.
//!
//! A [`Shelf`] is what somebody has; it offers it to the peers of a real overlay. A [`Double`] is an overlay by itself,
//! honest, failing, slow or lying, for the tests of whatever stands on overlays. What misbehaves does so in one place, so
//! that all tests mean the same by it.

mod article;
mod gate;
mod network;
mod shelf;

pub use article::{Article, Manner, content};
pub use gate::Gate;
pub use network::{Double, Temper};
pub use shelf::Shelf;
