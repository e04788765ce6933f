//! A bounded pull reader over quick-xml: elements and whole texts, and nothing that a message has no use for.
//!
//! quick-xml resolves no entities (so none can explode), checks that tags match and stops there. This adds what a
//! message from a stranger needs: a depth, a number of attributes, one root with nothing behind it, no document type,
//! and character references as one text with what surrounds them. A surrogate pair written as two references, as
//! Axis 1.4 does, is read as the character that is meant.

use std::borrow::Cow;

use quick_xml::events::{BytesRef, BytesStart, Event, attributes::Attribute};

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

/// The start tag of an element, as it lies in the document.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tag<'a> {
    content: &'a str,
    name_len: usize,
    /// Where in the document it begins.
    pub start: usize,
}

impl<'a> Tag<'a> {
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
        let raw = &self.source[start + 1..self.events.offset()];
        let content = raw.strip_suffix("/>").or_else(|| raw.strip_suffix('>')).unwrap_or(raw);
        let name_len = content.find([' ', '\t', '\n', '\r']).unwrap_or(content.len());
        let tag = Tag { content, name_len, start };
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

/// A text as it comes in parts.
#[derive(Default)]
struct Text<'a> {
    text: Option<Cow<'a, str>>,
    /// The first half of a surrogate pair that was written as two references.
    high: Option<u32>,
}

impl<'a> Text<'a> {
    fn push(&mut self, part: Cow<'a, str>, at: usize) -> Result<(), Refusal> {
        if !part.is_empty() {
            self.no_half(at)?;
            match &mut self.text {
                None => self.text = Some(part),
                Some(text) => text.to_mut().push_str(&part),
            }
        }
        Ok(())
    }

    fn push_reference(&mut self, reference: &BytesRef<'_>, at: usize) -> Result<(), Refusal> {
        let name: &str = reference;
        let character = match name.strip_prefix('#') {
            Some(number) => match self.character(number, at)? {
                Some(character) => character,
                None => return Ok(()),
            },
            None => {
                self.no_half(at)?;
                let known = [("lt", '<'), ("gt", '>'), ("amp", '&'), ("quot", '"'), ("apos", '\'')];
                let found = known.into_iter().find(|(known, _)| *known == name).map(|(_, character)| character);
                let unknown = || format!("the entity {} is not declared", shown(name));
                found.ok_or_else(|| Refusal::malformed(at, unknown()))?
            }
        };
        self.text.get_or_insert_default().to_mut().push(character);
        Ok(())
    }

    /// The character of a reference; none yet after the first half of a surrogate pair.
    fn character(&mut self, number: &str, at: usize) -> Result<Option<char>, Refusal> {
        let code = match number.strip_prefix('x') {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        let refused = || Refusal::malformed(at, format_args!("the reference &#{number}; is no character"));
        let code = code.map_err(|_| refused())?;
        match (self.high.take(), code) {
            (None, 0xD800..=0xDBFF) => {
                self.high = Some(code);
                Ok(None)
            }
            (Some(high), 0xDC00..=0xDFFF) => Ok(char::from_u32(0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00))),
            (None, 9 | 10 | 13 | 0x20..=0xFFFD | 0x10000..) => char::from_u32(code).map(Some).ok_or_else(refused),
            _ => Err(refused()),
        }
    }

    fn no_half(&self, at: usize) -> Result<(), Refusal> {
        match self.high {
            None => Ok(()),
            Some(_) => Err(Refusal::malformed(at, "half of a surrogate pair")),
        }
    }

    fn take(&mut self, at: usize) -> Result<Option<Cow<'a, str>>, Refusal> {
        self.no_half(at)?;
        Ok(self.text.take())
    }
}

/// Whether it is white space as XML has it.
pub fn is_space(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
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
mod tests {
    use super::*;

    fn tokens(source: &str) -> Result<Vec<String>, String> {
        let mut reader = Reader::new(source, true, &Limits::default());
        let mut seen = Vec::new();
        loop {
            seen.push(match reader.next().map_err(|e| e.to_string())? {
                Token::Open(tag) => format!("<{}", tag.name()),
                Token::Close => ">".into(),
                Token::Text(text) => text.into_owned(),
                Token::End => return Ok(seen),
            });
        }
    }

    #[test]
    fn a_text_comes_whole_whatever_it_is_written_with() {
        let source =
            "<?xml version='1.0'?><!-- c --><a>x &lt;&#65;<!-- y --><![CDATA[<z>&amp;]]>\r\n<b/></a> <!-- end --> ";
        assert_eq!(tokens(source).unwrap(), ["<a", "x <A<z>&amp;\n", "<b", ">", ">"]);
        assert_eq!(tokens("<a>&#xD83D;&#xDE00;&#128512;</a>").unwrap(), ["<a", "😀😀", ">"]);
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for source in [
            "",
            " ",
            "x",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>x",
            "x<a/>",
            "<a>&x;</a>",
            "<a>&#0;</a>",
            "<a>&#xFFFF;</a>",
            "<a>&#xD83D;</a>",
            "<a>&#xD83D;x</a>",
            "<a>&#xDE00;</a>",
            "<a>&#xD83D;&#65;</a>",
            "<a b='1' b='2'/>",
            "<a b/>",
            "<!DOCTYPE a><a/>",
            "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
            "<a><?xml version='1.0'?></a>",
            "<a>&",
            "<a",
        ] {
            assert!(tokens(source).is_err(), "{source}: {:?}", tokens(source));
        }
    }

    #[test]
    fn depth_and_attributes_are_bounded() {
        let nested = |depth: usize| "<a>".repeat(depth) + &"</a>".repeat(depth);
        assert!(tokens(&nested(64)).is_ok());
        assert!(tokens(&nested(65)).unwrap_err().contains("limits.xml_depth, 64"));
        let attributes = |count: usize| (0..count).map(|i| format!(" a{i}='v'")).collect::<String>();
        assert!(tokens(&format!("<a{}/>", attributes(64))).is_ok());
        assert!(tokens(&format!("<a{}/>", attributes(65))).unwrap_err().contains("limits.xml_attributes, 64"));
    }

    #[test]
    fn a_slice_of_the_document_is_what_an_element_occupies() {
        let mut reader = Reader::new("<a> <b x='1'>t<c/></b> </a>", true, &Limits::default());
        reader.next().unwrap();
        let Token::Open(tag) = reader.next_tag().unwrap() else { panic!("no tag") };
        reader.skip().unwrap();
        assert_eq!(reader.slice_from(tag.start), "<b x='1'>t<c/></b>");
        assert_eq!((tag.local(), tag.prefix()), ("b", ""));
    }

    #[test]
    fn instructions_are_refused_where_the_format_forbids_them() {
        let mut reader = Reader::new("<a><?x y?></a>", false, &Limits::default());
        assert!(reader.next().is_ok() && reader.next().is_err());
        assert!(tokens("<a><?x y?></a>").is_ok());
    }
}
