//! What the XML bindings share: text and numbers as they are written, and a bounded reader of what comes in.

mod charset;
mod document;
mod reader;
mod scan;
mod write;

pub use charset::text_in_stated_encoding;
pub use document::text_of;
pub use reader::{Reader, Tag, Token, is_space, unexpected};
pub use write::{Draft, Escape};
