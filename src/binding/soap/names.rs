//! Namespaces as far as a SOAP message needs them: which of the few that matter here an element is in.
//!
//! quick-xml's own resolver looks at every attribute of every element; messages declare their namespaces once, at the
//! top, so this one looks only where there are attributes at all.

use std::borrow::Cow;

use super::mtom::Parts;
use crate::{
    binding::{
        refusal::{Refusal, shown},
        xml::{Draft, Reader, Tag, Token},
    },
    model::Limits,
};

/// The namespace of the contract.
pub const CONTRACT: &str = "urn:peergate:v1";
/// The namespace of a SOAP 1.1 envelope.
pub const SOAP11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
/// The namespace of a SOAP 1.2 envelope.
pub const SOAP12: &str = "http://www.w3.org/2003/05/soap-envelope";
/// The namespace of XOP's Include.
pub const XOP: &str = "http://www.w3.org/2004/08/xop/include";
const SCHEMA_INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// The namespaces that mean something here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// None at all.
    Unqualified,
    /// That of the contract.
    Contract,
    /// That of SOAP 1.1.
    Soap11,
    /// That of SOAP 1.2.
    Soap12,
    /// That of `xsi:nil`.
    SchemaInstance,
    /// That of XOP.
    Xop,
    /// Any other.
    Foreign,
}

impl Space {
    fn of(uri: &str) -> Self {
        match uri {
            "" => Self::Unqualified,
            CONTRACT => Self::Contract,
            SOAP11 => Self::Soap11,
            SOAP12 => Self::Soap12,
            SCHEMA_INSTANCE => Self::SchemaInstance,
            XOP => Self::Xop,
            _ => Self::Foreign,
        }
    }
}

/// An element that has begun.
#[derive(Clone, Copy, Debug)]
pub struct Element<'a> {
    /// Its start tag.
    pub tag: Tag<'a>,
    /// The namespace that it is in.
    pub space: Space,
    /// Whether `xsi:nil` says that it stands for nothing.
    pub is_nil: bool,
}

impl<'a> Element<'a> {
    /// Its name without prefix.
    pub fn local(&self) -> &'a str {
        self.tag.local()
    }

    /// Whether it may be a field of a record. SOAP::Lite leaves fields unqualified.
    pub fn is_field(&self) -> bool {
        matches!(self.space, Space::Contract | Space::Unqualified)
    }
}

/// One step through the elements of a document.
#[derive(Debug)]
pub enum Step<'a> {
    /// An element begins.
    Open(Element<'a>),
    /// The current element ends, or the document.
    Close,
}

/// A reader that knows the namespaces in scope, and the parts that the document can refer to.
pub struct Scope<'a> {
    /// The parts of the message beside the document.
    pub parts: Parts,
    reader: Reader<'a>,
    declared: Vec<Declaration>,
    depth: usize,
}

struct Declaration {
    depth: usize,
    prefix: String,
    uri: String,
    space: Space,
}

impl<'a> Scope<'a> {
    /// A reader from the beginning of the document.
    pub fn new(text: &'a str, limits: &Limits) -> Self {
        Self { parts: Parts::default(), reader: Reader::new(text, false, limits), declared: Vec::new(), depth: 0 }
    }

    /// The next start or end of an element; text between elements is refused.
    ///
    /// # Errors
    /// Malformed, also for prefixes that were not declared.
    pub fn next(&mut self) -> Result<Step<'a>, Refusal> {
        match self.reader.next_tag()? {
            Token::Open(tag) => self.enter(tag).map(Step::Open),
            Token::Close | Token::Text(_) => {
                self.leave();
                Ok(Step::Close)
            }
            Token::End => Ok(Step::Close),
        }
    }

    /// Whether the next step is the start of an element of that local name.
    pub fn continues_with(&mut self, local: &str) -> Result<bool, Refusal> {
        Ok(matches!(self.reader.peek_tag()?, Token::Open(tag) if tag.local() == local))
    }

    /// Whether the next step, behind white space, is the start of an element.
    pub fn begins_with_element(&mut self) -> Result<bool, Refusal> {
        Ok(matches!(self.reader.peek_tag()?, Token::Open(_)))
    }

    /// The text of the element that has begun, and its end.
    pub fn text(&mut self) -> Result<Cow<'a, str>, Refusal> {
        self.leave();
        self.reader.text()
    }

    /// The rest of the element that has begun, with its end.
    pub fn skip(&mut self) -> Result<(), Refusal> {
        self.leave();
        self.reader.skip()
    }

    /// The element that has begun, as it stands in the document, and its end. It declares every namespace that is in
    /// scope around it, and carries `attribute` besides its own.
    ///
    /// # Errors
    /// Malformed, as for everything here.
    pub fn copy(&mut self, element: &Element<'a>, attribute: &str) -> Result<String, Refusal> {
        let mut declarations = Draft::default();
        let (own, around): (Vec<_>, Vec<_>) = self.declared.iter().partition(|declared| declared.depth == self.depth);
        for (i, declared) in around.iter().enumerate() {
            let hides = |other: &&Declaration| other.prefix == declared.prefix;
            if !own.iter().any(hides) && !around[i + 1..].iter().any(hides) {
                let colon = if declared.prefix.is_empty() { "" } else { ":" };
                for part in [" xmlns", colon, &declared.prefix, "=\""] {
                    declarations.push_str(part);
                }
                declarations.push_attribute(&declared.uri);
                declarations.push_str("\"");
            }
        }
        self.skip()?;
        let (name, rest) = self.reader.slice_from(element.tag.start).split_at(1 + element.tag.name().len());
        Ok([name, &declarations.into_text(), attribute, rest].concat())
    }

    /// Reads the end of the document.
    ///
    /// # Errors
    /// Foreign, when there is more.
    pub fn finish(&mut self) -> Result<(), Refusal> {
        match self.reader.next_tag()? {
            Token::End => Ok(()),
            _ => Err(Refusal::foreign("the document goes on behind its root element")),
        }
    }

    /// The namespace that the prefix stands for in the current element; empty for none.
    pub fn uri(&self, prefix: &str) -> Option<&str> {
        let declared = self.declared.iter().rev().find(|declared| declared.prefix == prefix);
        declared.map(|declared| &*declared.uri).or((prefix.is_empty()).then_some(""))
    }

    fn space(&self, prefix: &str) -> Option<Space> {
        let declared = self.declared.iter().rev().find(|declared| declared.prefix == prefix);
        declared.map(|declared| declared.space).or((prefix.is_empty()).then_some(Space::Unqualified))
    }

    /// Calls `each` with namespace, local name and value of each attribute of the element that was begun last.
    pub fn attributes(&self, element: &Element<'a>, mut each: impl FnMut(Space, &str, &str)) -> Result<(), Refusal> {
        element.tag.attributes(|attribute| {
            let name = attribute.key.as_ref();
            let (prefix, local) = name.split_once(':').unwrap_or(("", name));
            // An attribute without prefix is in no namespace, whatever the default one is.
            let space = if prefix.is_empty() { Some(Space::Unqualified) } else { self.space(prefix) };
            each(space.unwrap_or(Space::Foreign), local, &value(&element.tag, attribute)?);
            Ok(())
        })
    }

    fn enter(&mut self, tag: Tag<'a>) -> Result<Element<'a>, Refusal> {
        self.depth += 1;
        let (depth, declared) = (self.depth, &mut self.declared);
        let mut has_others = false;
        tag.attributes(|attribute| {
            let prefix = match attribute.key.as_ref() {
                "xmlns" => "",
                name => match name.strip_prefix("xmlns:") {
                    Some(prefix) => prefix,
                    None => {
                        has_others = true;
                        return Ok(());
                    }
                },
            };
            let uri = value(&tag, attribute)?.into_owned();
            declared.push(Declaration { depth, prefix: prefix.to_owned(), space: Space::of(&uri), uri });
            Ok(())
        })?;
        let undeclared = || format!("the prefix {} is not declared", shown(tag.prefix()));
        let space = self.space(tag.prefix()).ok_or_else(|| Refusal::malformed(tag.start, undeclared()))?;
        let mut element = Element { tag, space, is_nil: false };
        if has_others {
            let mut is_nil = false;
            self.attributes(&element, |space, local, value| {
                is_nil |= space == Space::SchemaInstance && local == "nil" && matches!(value.trim(), "true" | "1");
            })?;
            element.is_nil = is_nil;
        }
        Ok(element)
    }

    fn leave(&mut self) {
        while self.declared.last().is_some_and(|declared| declared.depth >= self.depth) {
            self.declared.pop();
        }
        self.depth = self.depth.saturating_sub(1);
    }
}

fn value<'v>(tag: &Tag<'_>, attribute: &quick_xml::events::attributes::Attribute<'v>) -> Result<Cow<'v, str>, Refusal> {
    let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0);
    value.map_err(|e| Refusal::malformed(tag.start, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spaces(text: &str) -> Result<Vec<Space>, String> {
        let mut scope = Scope::new(text, &Limits::default());
        let (mut seen, mut open) = (Vec::new(), 0);
        loop {
            match scope.next().map_err(|e| e.to_string())? {
                Step::Open(element) => {
                    open += 1;
                    seen.push(element.space);
                }
                Step::Close => open -= 1,
            }
            if open == 0 {
                return scope.finish().map(|()| seen).map_err(|e| e.to_string());
            }
        }
    }

    #[test]
    fn prefixes_mean_what_was_declared_last_around_them() {
        let text = "<a xmlns='urn:peergate:v1'><p:b xmlns:p='urn:x'><p:c xmlns:p='urn:peergate:v1'/><p:d/></p:b>\
                    <e xmlns=''/><f/></a>";
        use Space::{Contract, Foreign, Unqualified};
        assert_eq!(spaces(text).unwrap(), [Contract, Foreign, Contract, Foreign, Unqualified, Contract]);
        assert!(spaces("<a><b xmlns:p='x'/><p:c/></a>").unwrap_err().contains("\"p\" is not declared"));
    }

    #[test]
    fn nil_counts_only_in_its_namespace() {
        let nil = |attributes: &str| {
            let text = format!("<a xmlns:i='{SCHEMA_INSTANCE}' xmlns:o='urn:o' {attributes}/>");
            match Scope::new(&text, &Limits::default()).next().unwrap() {
                Step::Open(element) => element.is_nil,
                Step::Close => panic!("no element"),
            }
        };
        assert!(nil("i:nil='true'") && nil("i:nil=' 1 '"));
        assert!(!nil("i:nil='false'") && !nil("o:nil='true'") && !nil("nil='true'"));
    }
}
