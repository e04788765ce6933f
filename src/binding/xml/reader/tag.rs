//! The start tag of an element.

use quick_xml::events::{BytesStart, attributes::Attribute};

use crate::binding::refusal::Refusal;

/// The start tag of an element, as it lies in the document.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tag<'a> {
    content: &'a str,
    name_len: usize,
    /// Where in the document it begins.
    pub start: usize,
}

impl<'a> Tag<'a> {
    /// The tag that begins at `start`, from what stands between its brackets.
    pub(super) fn new(content: &'a str, start: usize) -> Self {
        let name_len = content.find([' ', '\t', '\n', '\r']).unwrap_or(content.len());
        Self { content, name_len, start }
    }

    /// The name with its prefix.
    pub fn name(&self) -> &'a str {
        &self.content[..self.name_len]
    }

    /// The name without its prefix.
    pub fn local(&self) -> &'a str {
        self.name().split_once(':').map_or(self.name(), |(_, local)| local)
    }

    /// The prefix, empty for none.
    pub fn prefix(&self) -> &'a str {
        self.name().split_once(':').map_or("", |(prefix, _)| prefix)
    }

    /// Calls `each` with every attribute. Most elements of a message have none, which costs nothing.
    ///
    /// # Errors
    /// Malformed, for attributes that are not, or that are given twice.
    pub fn attributes(&self, mut each: impl FnMut(&Attribute<'_>) -> Result<(), Refusal>) -> Result<(), Refusal> {
        if self.content.len() == self.name_len {
            return Ok(());
        }
        let tag = BytesStart::from_content(self.content, self.name_len);
        tag.attributes().try_for_each(|attribute| each(&attribute.map_err(|e| Refusal::malformed(self.start, e))?))
    }
}
