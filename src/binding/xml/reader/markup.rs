//! A document taken apart into tags and the text between them.
//!
//! A general event reader makes each piece a value of its own and looks at its encoding again; messages are made of
//! hundreds of tags of ten bytes, for which that is most of the work. Here a piece is a slice of the document, whose
//! encoding was checked once. Entities are told by name and never resolved, so that none can explode.

use memchr::{memchr, memmem};

use super::Tag;
use crate::binding::{refusal::Refusal, xml::scan};

/// A piece of a document.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Piece<'a> {
    /// A start tag, and whether the element ends with it.
    Start(Tag<'a>, bool),
    /// An end tag with that name.
    End(&'a str),
    /// Character data without references, up to the next tag or reference, and whether it holds a carriage return.
    Text(&'a str, bool),
    /// The content of a CDATA section.
    CData(&'a str),
    /// A reference with that name, or a number behind `#`.
    Reference(&'a str),
    /// A comment.
    Comment,
    /// An XML declaration.
    Declaration,
    /// Another processing instruction.
    Instruction,
    /// The document has ended.
    Nothing,
}

/// Takes a document apart from its beginning on.
pub(super) struct Markup<'a> {
    source: &'a str,
    at: usize,
}

impl<'a> Markup<'a> {
    pub fn new(source: &'a str) -> Self {
        Self { source, at: 0 }
    }

    /// Where the next piece begins.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Whether a text that ends here may go on behind what comes next.
    pub fn text_may_go_on(&self) -> bool {
        match self.rest() {
            [b'<', next, ..] => matches!(next, b'!' | b'?'),
            [] | [b'<'] => false,
            _ => true,
        }
    }

    /// The next piece.
    ///
    /// # Errors
    /// Malformed, for a document type too, which is the only thing here that could define anything.
    #[inline(always)]
    pub fn next(&mut self) -> Result<Piece<'a>, Refusal> {
        match self.rest() {
            [] => Ok(Piece::Nothing),
            [b'<', b'/', ..] => self.end_tag(),
            [b'<', b'!', ..] => self.declared(),
            [b'<', b'?', ..] => self.instruction(),
            [b'<', ..] => self.start_tag(),
            [b'&', ..] => self.reference(),
            _ => Ok(self.text()),
        }
    }

    #[inline]
    fn text(&mut self) -> Piece<'a> {
        let bytes = self.source.as_bytes();
        let mut end = scan::position(bytes, self.at, |byte| (byte == b'<') | (byte == b'&') | (byte == b'\r'));
        let returns = bytes.get(end) == Some(&b'\r');
        if returns {
            end = scan::position(bytes, end, |byte| (byte == b'<') | (byte == b'&'));
        }
        Piece::Text(self.take(end, 0), returns)
    }

    #[inline]
    fn rest(&self) -> &'a [u8] {
        self.source.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// The document up to `end`; goes on so many bytes behind that.
    #[inline]
    fn take(&mut self, end: usize, behind: usize) -> &'a str {
        let taken = &self.source[self.at..end];
        self.at = end + behind;
        taken
    }

    fn refused(&self, reason: &str) -> Refusal {
        Refusal::malformed(self.at, reason)
    }

    /// Takes the content between an opening of so many bytes and what closes it.
    fn between(&mut self, opening: usize, closing: &str, what: &str) -> Result<&'a str, Refusal> {
        let content = self.rest().get(opening..).unwrap_or_default();
        match memmem::find(content, closing.as_bytes()) {
            Some(length) => {
                self.at += opening;
                Ok(self.take(self.at + length, closing.len()))
            }
            None => Err(self.refused(what)),
        }
    }

    #[inline]
    fn start_tag(&mut self) -> Result<Piece<'a>, Refusal> {
        let (start, bytes) = (self.at, self.source.as_bytes());
        let name = start + 1;
        let name_end = end_of_name(bytes, name);
        if name_end == name || !is_name_start(bytes[name]) {
            return Err(self.refused("a tag without a name"));
        }
        // Most tags of a message are a name and nothing else.
        let end = match bytes.get(name_end) {
            Some(b'>') => name_end,
            Some(b' ' | b'\t' | b'\n' | b'\r' | b'/') => self.end_of_tag(name_end)?,
            _ => return Err(self.refused("a tag that does not end, or a character that no name has")),
        };
        let is_empty = bytes[end - 1] == b'/';
        self.at = end + 1;
        let content = &self.source[name..end - usize::from(is_empty)];
        Ok(Piece::Start(Tag::new(content, name_end - name, start), is_empty))
    }

    /// The place of the `>` that ends a tag; one within quotes does not.
    fn end_of_tag(&self, from: usize) -> Result<usize, Refusal> {
        let bytes = self.source.as_bytes();
        let mut at = from;
        loop {
            at = scan::position(bytes, at, |byte| (byte == b'>') | (byte == b'"') | (byte == b'\'') | (byte == b'<'));
            match bytes.get(at) {
                Some(b'>') => return Ok(at),
                Some(quote @ (b'"' | b'\'')) => match memchr(*quote, &bytes[at + 1..]) {
                    Some(length) => at += length + 2,
                    None => return Err(self.refused("an attribute's value does not end")),
                },
                _ => return Err(self.refused("a tag does not end")),
            }
        }
    }

    #[inline]
    fn end_tag(&mut self) -> Result<Piece<'a>, Refusal> {
        let (name, bytes) = (self.at + 2, self.source.as_bytes());
        let name_end = end_of_name(bytes, name);
        let mut end = name_end;
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = bytes.get(end) {
            end += 1;
        }
        if bytes.get(end) != Some(&b'>') {
            return Err(self.refused("an end tag does not end"));
        }
        self.at = end + 1;
        Ok(Piece::End(&self.source[name..name_end]))
    }

    /// What begins with `<!`.
    fn declared(&mut self) -> Result<Piece<'a>, Refusal> {
        let rest = self.rest();
        if rest.starts_with(b"<!--") {
            self.between(4, "-->", "a comment does not end").map(|_| Piece::Comment)
        } else if rest.starts_with(b"<![CDATA[") {
            self.between(9, "]]>", "a CDATA section does not end").map(Piece::CData)
        } else if rest.get(..9).is_some_and(|start| start.eq_ignore_ascii_case(b"<!DOCTYPE")) {
            Err(self.refused("a document type is not accepted"))
        } else {
            Err(self.refused("it is no comment, no CDATA section and no tag"))
        }
    }

    fn instruction(&mut self) -> Result<Piece<'a>, Refusal> {
        let content = self.between(2, "?>", "a processing instruction does not end")?;
        let target = &content[..end_of_name(content.as_bytes(), 0)];
        Ok(if target == "xml" { Piece::Declaration } else { Piece::Instruction })
    }

    fn reference(&mut self) -> Result<Piece<'a>, Refusal> {
        let name = self.at + 1;
        let bytes = self.source.as_bytes();
        let end = scan::position(bytes, name, |byte| (byte == b';') | (byte == b'&') | (byte == b'<'));
        if bytes.get(end) != Some(&b';') {
            return Err(self.refused("a reference does not end; & itself is written &amp;"));
        }
        self.at = name;
        Ok(Piece::Reference(self.take(end, 1)))
    }
}

/// The place behind a name that begins at `from`.
#[inline]
fn end_of_name(bytes: &[u8], from: usize) -> usize {
    let name = bytes.get(from..).unwrap_or_default();
    from + name.iter().position(|&byte| !IS_NAME[usize::from(byte)]).unwrap_or(name.len())
}

/// Whether each byte may stand in a name (XML 1.0 section 2.3); beyond ASCII every character is taken for a letter.
const IS_NAME: [bool; 256] = {
    let (mut is_name, mut byte) = ([false; 256], 0);
    while byte < is_name.len() {
        is_name[byte] =
            matches!(byte as u8, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b':' | b'-' | b'.' | 0x80..);
        byte += 1;
    }
    is_name
};

fn is_name_start(byte: u8) -> bool {
    IS_NAME[usize::from(byte)] && !matches!(byte, b'0'..=b'9' | b'-' | b'.')
}
