//! Long-lived work behind the operations.

pub mod library;
