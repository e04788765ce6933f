//! What this node holds.
