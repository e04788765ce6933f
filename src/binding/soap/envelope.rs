//! The envelope of a SOAP message: which version it has, what its header demands, and where its body begins.
//!
//! Nothing is done before the whole of it has been looked at: header blocks come before the body, and what stands
//! behind the body's only element is read together with that element, before the operation is called.

use super::{
    fault::{Code, SoapFault},
    header::Header,
    names::{Element, SOAP11, SOAP12, Scope, Space, Step},
};
use crate::{
    binding::refusal::{Refusal, shown},
    model::Limits,
};

/// A version of SOAP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// SOAP 1.1.
    V11,
    /// SOAP 1.2.
    V12,
}

impl Version {
    /// The version that a content type names, for answers to what has no readable envelope.
    pub fn of_content_type(content_type: Option<&str>) -> Self {
        let media_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default();
        if media_type.trim().eq_ignore_ascii_case("application/soap+xml") { Self::V12 } else { Self::V11 }
    }

    /// The namespace of its envelope.
    pub fn namespace(self) -> &'static str {
        match self {
            Self::V11 => SOAP11,
            Self::V12 => SOAP12,
        }
    }

    /// Exactly what every answer is sent as.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::V11 => "text/xml; charset=utf-8",
            Self::V12 => "application/soap+xml; charset=utf-8",
        }
    }

    /// The namespace of the elements of its envelope.
    pub(super) fn space(self) -> Space {
        match self {
            Self::V11 => Space::Soap11,
            Self::V12 => Space::Soap12,
        }
    }
}

/// A message up to the start tag of the only element in its body.
pub struct Message<'a> {
    /// The version of its envelope.
    pub version: Version,
    /// The document, in front of the content of `body`.
    pub scope: Scope<'a>,
    /// The element that the body holds.
    pub body: Element<'a>,
}

impl<'a> Message<'a> {
    /// Reads the envelope, its header and the beginning of its body.
    ///
    /// # Errors
    /// VersionMismatch, MustUnderstand, and Client or Sender for all that is no SOAP message. Until the version is
    /// known, the fault has the version `presumed`.
    pub fn read(text: &'a str, presumed: Version, limits: &Limits) -> Result<Self, SoapFault> {
        let mut scope = Scope::new(text, limits);
        let version = envelope(&mut scope, presumed)?;
        let in_version = |refusal| SoapFault::refused(version, refusal);
        let mut part = part(&mut scope, version).map_err(in_version)?;
        if part.local() == "Header" {
            let header = Header::read(&mut scope, version).map_err(in_version)?;
            if !header.not_understood.is_empty() {
                return Err(SoapFault::not_understood(version, header.not_understood));
            }
            part = self::part(&mut scope, version).map_err(in_version)?;
        }
        if part.local() != "Body" {
            return Err(in_version(Refusal::foreign(format_args!("want the Body, got <{}>", part.tag.name()))));
        }
        match scope.next().map_err(in_version)? {
            Step::Open(body) => Ok(Self { version, scope, body }),
            Step::Close => {
                Err(in_version(Refusal::foreign("the Body is empty; it holds the element of one operation")))
            }
        }
    }

    /// Reads what follows the element of the body, where nothing may follow.
    ///
    /// # Errors
    /// A refusal for a second element in the body, and for anything behind it.
    pub fn finish(&mut self) -> Result<(), Refusal> {
        for place in ["the Body holds more than one element", "the Envelope goes on behind its Body"] {
            if let Step::Open(element) = self.scope.next()? {
                return Err(Refusal::foreign(format_args!("{place}: <{}>", element.tag.name())));
            }
        }
        self.scope.finish()
    }
}

/// Reads the start of the envelope, whose namespace alone says the version.
fn envelope(scope: &mut Scope<'_>, presumed: Version) -> Result<Version, SoapFault> {
    let refused = |refusal| SoapFault::refused(presumed, refusal);
    match scope.next().map_err(refused)? {
        Step::Open(root) => match (root.local(), root.space) {
            ("Envelope", Space::Soap11) => Ok(Version::V11),
            ("Envelope", Space::Soap12) => Ok(Version::V12),
            ("Envelope", _) => {
                let space = scope.uri(root.tag.prefix()).unwrap_or_default();
                let message = format!("the envelope's namespace {} is none of {SOAP11} and {SOAP12}", shown(space));
                Err(SoapFault::of_code(presumed, Code::VersionMismatch, message))
            }
            _ => Err(refused(Refusal::foreign(format_args!("want a SOAP Envelope, got <{}>", root.tag.name())))),
        },
        Step::Close => Err(refused(Refusal::foreign("want a SOAP Envelope"))),
    }
}

/// Reads the start of the next part of the envelope.
fn part<'a>(scope: &mut Scope<'a>, version: Version) -> Result<Element<'a>, Refusal> {
    match scope.next()? {
        Step::Open(part) if part.space == version.space() => Ok(part),
        Step::Open(part) => Err(Refusal::foreign(format_args!("<{}> is no part of an Envelope", part.tag.name()))),
        Step::Close => Err(Refusal::foreign("the Envelope has no Body")),
    }
}

/// Puts a body into an envelope of this version.
pub fn write(version: Version, content: impl FnOnce(&mut String) -> Result<(), Refusal>) -> Result<String, Refusal> {
    let mut out = String::with_capacity(USUAL_ANSWER);
    open(&mut out, version, |_| ());
    content(&mut out)?;
    out.push_str(CLOSE);
    Ok(out)
}

/// Bytes set aside for an answer; a page of 20 hits takes about as many.
const USUAL_ANSWER: usize = 16 << 10;
/// What ends every envelope.
pub const CLOSE: &str = "</soap:Body></soap:Envelope>";

/// Opens an envelope and its body; `header` may append a `soap:Header` in between.
pub fn open(out: &mut String, version: Version, header: impl FnOnce(&mut String)) {
    for part in ["<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<soap:Envelope xmlns:soap=\"", version.namespace(), "\">"]
    {
        out.push_str(part);
    }
    header(out);
    out.push_str("<soap:Body>");
}
