//! Plain data that every other module speaks: no I/O, no wire format, nothing else of this crate.
//!
//! The records here are the contract's section 4; what only one operation takes or gives lies beside that operation.

mod content_id;
mod event;
mod fault;
mod hashing;
mod journey;
mod limits;
mod native_id;
mod pattern;
mod payload;
mod piece;
mod query;
mod records;
mod scalar;
mod sha256;
mod time_text;

pub use content_id::{ContentId, ContentIdError};
pub use event::{CallbackBinding, Event, Topic, Topics};
pub use fault::{Fault, FaultKind, Outcome};
pub use hashing::Hashing;
pub use journey::Journey;
pub use limits::Limits;
pub use pattern::Pattern;
pub use payload::{ByteStream, Data, Payload};
pub use piece::{Parent, Piece};
pub use query::{Query, Term};
pub use records::*;
pub use scalar::{Ascii, BESIDE_TOKEN, BYTES_TOKEN, Bounded, ID_TOKEN, TIME_TOKEN, Time};
pub use sha256::Sha256;
