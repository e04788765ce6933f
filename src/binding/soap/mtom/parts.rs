//! The parts that came with an envelope, and the references to them that stand in it.

use std::fmt;

use bytes::Bytes;
use percent_encoding::percent_decode_str;

use super::head::bare_id;
use crate::binding::{
    refusal::{Mistake, Refusal, shown},
    soap::names::{Element, Scope, Space, Step},
    xml::is_space,
};

/// A part whose bytes are in memory.
pub struct Part {
    /// Its Content-ID without angle brackets.
    pub id: String,
    /// Its bytes.
    pub bytes: Bytes,
}

/// What an envelope can refer to. A message without parts has none.
#[derive(Debug, Default)]
pub struct Parts {
    /// Parts in memory.
    pub here: Vec<Part>,
    /// Whether more of them follow.
    pub more: bool,
}

/// Where the bytes of a reference are.
#[derive(Debug, PartialEq, Eq)]
pub enum Source {
    /// In memory.
    Here(Bytes),
    /// In a part that is still to come, under this name (see [`is_named`]).
    ToCome(String),
}

impl Parts {
    /// The bytes that the reference means.
    ///
    /// # Errors
    /// Invalid for a reference to anything but a part of this message.
    pub fn resolve(&self, href: &str) -> Result<Source, Refusal> {
        let refused =
            |reason: &str| Refusal::new(Mistake::Invalid, format_args!("the reference {} {reason}", shown(href)));
        let name = match href.trim().split_at_checked(4) {
            Some((scheme, name)) if scheme.eq_ignore_ascii_case("cid:") => name,
            _ => return Err(refused("is no cid: of a part of this message, and nothing else is ever fetched")),
        };
        match self.here.iter().find(|part| is_named(name, &part.id)) {
            Some(part) => Ok(Source::Here(part.bytes.clone())),
            None if self.more => Ok(Source::ToCome(name.to_owned())),
            None => Err(refused("names no part of this message")),
        }
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Part({}, {} bytes)", self.id, self.bytes.len())
    }
}

/// Whether `name`, what stands behind `cid:`, means the part with that Content-ID. RFC 2392 wants the name
/// percent-encoded and without angle brackets; some stacks do neither.
pub fn is_named(name: &str, id: &str) -> bool {
    let decoded = percent_decode_str(name).decode_utf8_lossy();
    !id.is_empty() && (bare_id(&decoded) == id || bare_id(name) == id)
}

/// The reference that stands in the place of the text of the element that has begun: an `xop:Include`, or the `href` of
/// SOAP with Attachments (SOAP::Lite, Axis 1.4). With a reference the element is read to its end, without one nothing.
///
/// # Errors
/// Foreign for another element, and for a reference with something beside it.
pub fn reference<'a>(scope: &mut Scope<'a>, element: &Element<'a>) -> Result<Option<String>, Refusal> {
    if let Some(href) = href(scope, element)? {
        return if is_space(&scope.text()?) { Ok(Some(href)) } else { Err(beside(element)) };
    }
    if !scope.begins_with_element()? {
        return Ok(None);
    }
    let Step::Open(include) = scope.next()? else { return Ok(None) };
    if (include.space, include.local()) != (Space::Xop, "Include") {
        return Err(Refusal::foreign(format_args!("want base64 or xop:Include, got <{}>", include.tag.name())));
    }
    let href = href(scope, &include)?.ok_or_else(|| Refusal::foreign("the xop:Include has no href"))?;
    scope.skip()?;
    match scope.next()? {
        Step::Close => Ok(Some(href)),
        Step::Open(_) => Err(beside(element)),
    }
}

fn href<'a>(scope: &Scope<'a>, element: &Element<'a>) -> Result<Option<String>, Refusal> {
    let mut href = None;
    scope.attributes(element, |space, local, value| {
        if (space, local) == (Space::Unqualified, "href") {
            href = Some(value.to_owned());
        }
    })?;
    Ok(href)
}

fn beside(element: &Element<'_>) -> Refusal {
    Refusal::foreign(format_args!("<{}> holds more than a reference", element.tag.name()))
}
