//! A bounded pull reader: elements and whole texts, and nothing that a message has no use for.
//!
//! It checks what a message from a stranger needs: that tags match, a depth, a number of attributes, one root with
//! nothing behind it, no document type, and character references as one text with what surrounds them. A surrogate
//! pair written as two references, as Axis 1.4 does, is read as the character that is meant.

mod markup;
mod tag;
mod text;

use std::borrow::Cow;

use self::{
    markup::{Markup, Piece},
    text::{Text, normalized},
};
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
    markup: Markup<'a>,
    /// A token that was read to look ahead, with its end.
    waiting: Option<(Token<'a>, usize)>,
    end: usize,
    /// The names of the elements that have begun and not ended.
    open: Vec<&'a str>,
    /// Whether the element that began last is an empty one, whose end comes next.
    ends_at_once: bool,
    root_seen: bool,
    instructions: bool,
    max_depth: usize,
    max_attributes: usize,
}

impl<'a> Reader<'a> {
    /// A reader from the beginning of `source`. Processing instructions are skipped with `instructions` and refused
    /// without (SOAP 1.1 section 3 and SOAP 1.2 part 1 section 5 forbid them).
    pub fn new(source: &'a str, instructions: bool, limits: &Limits) -> Self {
        let (max_depth, max_attributes) = (limits.xml_depth, limits.xml_attributes);
        Self {
            source,
            markup: Markup::new(source),
            waiting: None,
            end: 0,
            open: Vec::new(),
            ends_at_once: false,
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
        if self.waiting.is_some()
            && let Some((token, end)) = self.waiting.take()
        {
            self.end = end;
            return Ok(token);
        }
        let token = self.token()?;
        self.end = self.markup.at();
        Ok(token)
    }

    /// The next token, without taking it.
    pub fn peek(&mut self) -> Result<&Token<'a>, Refusal> {
        if self.waiting.is_none() {
            let token = self.token()?;
            self.waiting = Some((token, self.markup.at()));
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

    #[inline]
    fn token(&mut self) -> Result<Token<'a>, Refusal> {
        if self.ends_at_once {
            self.ends_at_once = false;
            self.open.pop();
            return Ok(Token::Close);
        }
        loop {
            let start = self.markup.at();
            match self.markup.next()? {
                Piece::Start(tag, is_empty) => return self.begin(tag, is_empty),
                Piece::End(name) => return self.end(name, start),
                Piece::Nothing => return self.finished(),
                Piece::Comment => {}
                Piece::Declaration if start == 0 => {}
                Piece::Instruction if self.instructions => {}
                Piece::Declaration | Piece::Instruction => {
                    return Err(Refusal::malformed(start, "a processing instruction is not accepted"));
                }
                piece => {
                    let text = self.whole_text(piece, start)?;
                    if !self.open.is_empty() {
                        return Ok(Token::Text(text));
                    }
                    if !is_space(&text) {
                        return Err(Refusal::malformed(start, "text outside of the root element"));
                    }
                }
            }
        }
    }

    /// The text that begins with this piece, to the next tag.
    fn whole_text(&mut self, piece: Piece<'a>, start: usize) -> Result<Cow<'a, str>, Refusal> {
        // Most texts are one piece.
        if let Piece::Text(text, false) = piece
            && !self.markup.text_may_go_on()
        {
            return Ok(Cow::Borrowed(text));
        }
        let mut text = Text::default();
        let (mut piece, mut start) = (piece, start);
        loop {
            match piece {
                Piece::Text(part, _) | Piece::CData(part) => text.push(normalized(part), start)?,
                Piece::Reference(name) => text.push_reference(name, start)?,
                Piece::Instruction if self.instructions => {}
                Piece::Declaration | Piece::Instruction => {
                    return Err(Refusal::malformed(start, "a processing instruction is not accepted"));
                }
                _ => {}
            }
            start = self.markup.at();
            if !self.markup.text_may_go_on() {
                return text.take(start);
            }
            piece = self.markup.next()?;
        }
    }

    #[inline]
    fn begin(&mut self, tag: Tag<'a>, is_empty: bool) -> Result<Token<'a>, Refusal> {
        if self.open.is_empty() && self.root_seen {
            return Err(Refusal::malformed(tag.start, "a second root element"));
        }
        if self.open.len() == self.max_depth {
            let reason = format!("elements lie deeper than limits.xml_depth, {}", self.max_depth);
            return Err(Refusal::malformed(tag.start, reason));
        }
        self.root_seen = true;
        self.ends_at_once = is_empty;
        self.open.push(tag.name());
        if tag.has_attributes() {
            self.check_attributes(&tag)?;
        }
        Ok(Token::Open(tag))
    }

    fn check_attributes(&self, tag: &Tag<'_>) -> Result<(), Refusal> {
        let (mut count, limit) = (0, self.max_attributes);
        tag.attributes(|_| {
            count += 1;
            if count > limit {
                let reason = format_args!("more attributes than limits.xml_attributes, {limit}");
                return Err(Refusal::malformed(tag.start, reason));
            }
            Ok(())
        })
    }

    #[inline]
    fn end(&mut self, name: &str, start: usize) -> Result<Token<'a>, Refusal> {
        match self.open.pop() {
            Some(open) if open == name => Ok(Token::Close),
            Some(open) => Err(Refusal::malformed(start, format_args!("want </{open}>, got </{}>", shown(name)))),
            None => Err(Refusal::malformed(start, format_args!("</{}> ends nothing", shown(name)))),
        }
    }

    fn finished(&self) -> Result<Token<'a>, Refusal> {
        let at = self.markup.at();
        match (self.root_seen, self.open.len()) {
            (true, 0) => Ok(Token::End),
            (true, open) => Err(Refusal::malformed(at, format_args!("the document ends with {open} elements open"))),
            (false, _) => Err(Refusal::malformed(at, "the document has no element")),
        }
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
