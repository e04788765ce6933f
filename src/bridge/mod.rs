//! Bridges: peers of one overlay find and fetch what lies in another one.
//!
//! A bridge speaks to both sides through the trait [`Overlay`](crate::overlay::Overlay) alone. `rules.rs` says what may
//! cross, `live.rs` is one bridge as it runs, `bridges.rs` all of them; `offer.rs` is what an overlay offers to its peers
//! with them, `search.rs` and `content/` are how questions and bytes cross, `guard.rs` ends echoes, `cache/` keeps
//! what crossed, and `explain.rs` says which rule decides.

mod bridges;
mod budget;
mod cache;
mod content;
mod counters;
mod explain;
mod guard;
mod keeper;
mod labels;
mod live;
mod offer;
mod patience;
mod report;
mod rules;
mod search;
mod selector;
mod state;

#[cfg(test)]
mod tests;

pub use bridges::{Bridges, Policy};
pub use offer::{BridgeDoors, BridgeOffer};
pub use patience::Patience;
pub use rules::{MAX_HOPS, Settings};
pub use selector::Selector;
