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
    /// The tag that begins at `start`, from what stands between its brackets and the length of its name.
    pub(super) fn new(content: &'a str, name_len: usize, start: usize) -> Self {
        Self { content, name_len, start }
    }

    /// The name with its prefix.
    #[inline]
    pub fn name(&self) -> &'a str {
        &self.content[..self.name_len]
    }

    /// The name without its prefix.
    pub fn local(&self) -> &'a str {
        let name = self.name();
        self.colon().map_or(name, |colon| &name[colon + 1..])
    }

    /// The prefix, empty for none.
    pub fn prefix(&self) -> &'a str {
        self.colon().map_or("", |colon| &self.name()[..colon])
    }

    // Names are too short for a search that has to be prepared.
    #[inline]
    fn colon(&self) -> Option<usize> {
        self.name().bytes().position(|byte| byte == b':')
    }

    /// Whether anything stands behind the name; most elements of a message have no attributes.
    #[inline]
    pub fn has_attributes(&self) -> bool {
        self.content.len() > self.name_len
    }

    /// Calls `each` with every attribute.
    ///
    /// # Errors
    /// Malformed, for attributes that are not, or that are given twice.
    pub fn attributes(&self, mut each: impl FnMut(&Attribute<'_>) -> Result<(), Refusal>) -> Result<(), Refusal> {
        if !self.has_attributes() {
            return Ok(());
        }
        let tag = BytesStart::from_content(self.content, self.name_len);
        tag.attributes().try_for_each(|attribute| each(&attribute.map_err(|e| Refusal::malformed(self.start, e))?))
    }
}
