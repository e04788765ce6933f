//! A bounded pull reader over quick-xml: elements and whole texts, and nothing that a message has no use for.
//!
//! quick-xml resolves no entities (so none can explode), checks that tags match and stops there. This adds what a
//! message from a stranger needs: a depth, a number of attributes, one root with nothing behind it, no document type,
//! and character references as one text with what surrounds them. A surrogate pair written as two references, as
//! Axis 1.4 does, is read as the character that is meant.

mod tag;
mod text;

use std::borrow::Cow;

use quick_xml::events::Event;

use self::text::Text;
pub use self::{tag::Tag, text::is_space};
use crate::{
    binding::refusal::{Refusal, shown},
    model::Limits,
};

/// One step through a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Token<'a> {
    /// An element begins.
    Open(Tag<'a>),
    /// The element that began last and is still open ends.
    Close,
    /// All text up to the next tag; comments do not split it.
    Text(Cow<'a, str>),
    /// The document ends.
    End,
}

/// Reads a document token by token.
pub struct Reader<'a> {
    source: &'a str,
    events: quick_xml::Reader<&'a [u8]>,
    /// A token that was read to find the end of a text, or to look ahead, with its end.
    waiting: Option<(Token<'a>, usize)>,
    end: usize,
    depth: usize,
    root_seen: bool,
    instructions: bool,
    max_depth: usize,
    max_attributes: usize,
}

impl<'a> Reader<'a> {
    /// A reader from the beginning of `source`. Processing instructions are skipped with `instructions` and refused
    /// without (SOAP 1.1 section 3 and SOAP 1.2 part 1 section 5 forbid them).
    pub fn new(source: &'a str, instructions: bool, limits: &Limits) -> Self {
        let mut events = quick_xml::Reader::from_str(source);
        events.config_mut().expand_empty_elements = true;
        let (max_depth, max_attributes) = (limits.xml_depth, limits.xml_attributes);
        Self {
            source,
            events,
            waiting: None,
            end: 0,
            depth: 0,
            root_seen: false,
            instructions,
            max_depth,
            max_attributes,
        }
    }

    /// The document from `start` to the end of the token that was read last.
    pub fn slice_from(&self, start: usize) -> &'a str {
        &self.source[start..self.end]
    }

    /// The next token.
    ///
    /// # Errors
    /// Malformed, as for everything here.
    pub fn next(&mut self) -> Result<Token<'a>, Refusal> {
        let (token, end) = match self.waiting.take() {
            Some(waiting) => waiting,
            None => self.read()?,
        };
        self.end = end;
        Ok(token)
    }

    /// The next token, without taking it.
    pub fn peek(&mut self) -> Result<&Token<'a>, Refusal> {
        if self.waiting.is_none() {
            self.waiting = Some(self.read()?);
        }
        match &self.waiting {
            Some((token, _)) => Ok(token),
            None => Ok(&Token::End),
        }
    }

    /// The next token that is no white space; other text is refused.
    pub fn next_tag(&mut self) -> Result<Token<'a>, Refusal> {
        match self.next()? {
            Token::Text(text) if is_space(&text) => self.next(),
            Token::Text(text) => {
                Err(Refusal::foreign(format_args!("text {} where an element was expected", shown(text.trim()))))
            }
            token => Ok(token),
        }
    }

    /// Takes white space, if that is what comes next, and shows the token behind it.
    pub fn peek_tag(&mut self) -> Result<&Token<'a>, Refusal> {
        if matches!(self.peek()?, Token::Text(text) if is_space(text)) {
            self.next()?;
        }
        self.peek()
    }

    /// The text of the element that has begun, and its end.
    pub fn text(&mut self) -> Result<Cow<'a, str>, Refusal> {
        match self.next()? {
            Token::Close => Ok(Cow::Borrowed("")),
            Token::Text(text) => match self.next()? {
                Token::Close => Ok(text),
                token => Err(unexpected("text alone", &token)),
            },
            token => Err(unexpected("text alone", &token)),
        }
    }

    /// The end of the element that has begun, or the end of the document.
    pub fn close(&mut self) -> Result<(), Refusal> {
        match self.next_tag()? {
            Token::Close | Token::End => Ok(()),
            token => Err(unexpected("the end of the element", &token)),
        }
    }

    /// The rest of the element that has begun, with its end.
    pub fn skip(&mut self) -> Result<(), Refusal> {
        let mut open = 1_usize;
        while open > 0 {
            match self.next()? {
                Token::Open(_) => open += 1,
                Token::Close => open -= 1,
                Token::Text(_) => {}
                Token::End => return Ok(()),
            }
        }
        Ok(())
    }

    fn read(&mut self) -> Result<(Token<'a>, usize), Refusal> {
        let mut text = Text::default();
        loop {
            let start = self.events.offset();
            let event = self.events.read_event().map_err(|e| Refusal::malformed(start, e))?;
            let token = match event {
                Event::Text(part) => text.push(part.xml10_content(), start).map(|()| None)?,
                Event::CData(part) => text.push(part.xml10_content(), start).map(|()| None)?,
                Event::GeneralRef(reference) => text.push_reference(&reference, start).map(|()| None)?,
                Event::Comment(_) => None,
                Event::Start(_) => Some(self.open(start)?),
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    Some(Token::Close)
                }
                Event::Eof => Some(self.finished(start)?),
                Event::Decl(_) if start == 0 => None,
                Event::PI(_) if self.instructions => None,
                Event::PI(_) | Event::Decl(_) => {
                    return Err(Refusal::malformed(start, "a processing instruction is not accepted"));
                }
                Event::DocType(_) => return Err(Refusal::malformed(start, "a document type is not accepted")),
                Event::Empty(_) => return Err(Refusal::malformed(start, "an empty element was not expanded")),
            };
            let end = self.events.offset();
            let Some(token) = token else { continue };
            let Some(text) = text.take(start)? else { return Ok((token, end)) };
            let at_top = self.depth == usize::from(matches!(token, Token::Open(_)));
            if at_top && !matches!(token, Token::Close) {
                if !is_space(&text) {
                    return Err(Refusal::malformed(start, "text outside of the root element"));
                }
                return Ok((token, end));
            }
            self.waiting = Some((token, end));
            return Ok((Token::Text(text), start));
        }
    }

    fn open(&mut self, start: usize) -> Result<Token<'a>, Refusal> {
        if self.depth == 0 && self.root_seen {
            return Err(Refusal::malformed(start, "a second root element"));
        }
        self.root_seen = true;
        self.depth += 1;
        if self.depth > self.max_depth {
            let limit = self.max_depth;
            return Err(Refusal::malformed(start, format_args!("elements lie deeper than limits.xml_depth, {limit}")));
        }
        let raw = self.source.get(start + 1..self.events.offset());
        let raw = raw.ok_or_else(|| Refusal::malformed(start, "a tag that does not begin and end with characters"))?;
        let content = raw.strip_suffix("/>").or_else(|| raw.strip_suffix('>')).unwrap_or(raw);
        let tag = Tag::new(content, start);
        let (mut count, limit) = (0, self.max_attributes);
        tag.attributes(|_| {
            count += 1;
            if count > limit {
                return Err(Refusal::malformed(
                    start,
                    format_args!("more attributes than limits.xml_attributes, {limit}"),
                ));
            }
            Ok(())
        })?;
        Ok(Token::Open(tag))
    }

    fn finished(&self, at: usize) -> Result<Token<'a>, Refusal> {
        match (self.root_seen, self.depth) {
            (true, 0) => Ok(Token::End),
            (true, open) => Err(Refusal::malformed(at, format_args!("the document ends with {open} elements open"))),
            (false, _) => Err(Refusal::malformed(at, "the document has no element")),
        }
    }
}

/// The position in the source as an index.
trait Position {
    fn offset(&self) -> usize;
}

impl Position for quick_xml::Reader<&[u8]> {
    fn offset(&self) -> usize {
        usize::try_from(self.buffer_position()).unwrap_or(usize::MAX)
    }
}

/// The refusal of a token that may not stand where it does.
pub fn unexpected(want: &str, token: &Token<'_>) -> Refusal {
    match token {
        Token::Open(tag) => Refusal::foreign(format_args!("want {want}, got <{}>", tag.name())),
        Token::Close => Refusal::foreign(format_args!("want {want}, got the end of the element")),
        Token::Text(_) => Refusal::foreign(format_args!("want {want}, got text")),
        Token::End => Refusal::foreign(format_args!("want {want}, got the end of the document")),
    }
}

#[cfg(test)]
mod tests;
