//! What the tests stand on: nodes as processes, the bindings as a caller speaks them, files to share, and waiting for
//! a condition instead of for a time.

mod api;
mod config;
mod fault;
mod files;
mod json;
mod legacy;
mod node;
mod openapi;
mod pair;
mod raw;
mod receiver;
pub mod soap;
mod wait;
mod xml;
mod xmlrpc;

pub use api::{Api, Binding, Reply};
pub use config::NodeConfig;
pub use fault::{Fault, Kind};
pub use files::{Library, content_id, noise, write_noise};
pub use legacy::{Conduct, Legacy};
pub use node::{Node, small_disk_works};
pub use openapi::OpenApi;
pub use pair::{Pair, connected};
pub use raw::{Connection, RawReply};
pub use receiver::{Manner, Receiver};
pub use wait::{eventually, within};
pub use xml::Element;
