//! Shared folders.
