//! search/1: a query goes to all connected peers at once, each answers with pages of hits from its own index.
//!
//! Both sides bound what the other may cost them: the asker the number, the size and the time of the answers, the
//! answerer the number and the time of the queries that it works on.

mod client;
mod messages;
mod server;

pub(super) use client::ask_all;
pub(super) use server::serve;
