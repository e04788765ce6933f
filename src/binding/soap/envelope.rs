//! The envelope of a SOAP message: which version it has, what its header demands, and where its body begins.
//!
//! Nothing is done before the whole of it has been looked at: header blocks come before the body, and what stands
//! behind the body's only element is read together with that element, before the operation is called.

use super::{
    fault::{Code, SoapFault},
    header::Header,
    mtom::ContentType,
    names::{Element, SOAP11, SOAP12, Scope, Space, Step},
};
use crate::{
    binding::{
        refusal::{Refusal, shown},
        xml::Draft,
    },
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
        let content_type = content_type.unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        let is_soap12 = media_type.eq_ignore_ascii_case(Self::V12.media_type())
            || media_type.eq_ignore_ascii_case("multipart/related") && ContentType::parse(content_type).is_soap12();
        if is_soap12 { Self::V12 } else { Self::V11 }
    }

    /// The namespace of its envelope.
    pub fn namespace(self) -> &'static str {
        match self {
            Self::V11 => SOAP11,
            Self::V12 => SOAP12,
        }
    }

    /// The media type of its envelope.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::V11 => "text/xml",
            Self::V12 => "application/soap+xml",
        }
    }

    /// Exactly what every answer without parts is sent as.
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

/// An envelope up to the end of its header.
pub struct Envelope<'a> {
    /// Its version.
    pub version: Version,
    /// What its header says.
    pub header: Header,
    /// The document, behind the header.
    scope: Scope<'a>,
    /// The part that was begun in place of a header.
    part: Option<Element<'a>>,
}

impl<'a> Envelope<'a> {
    /// Reads the start of an envelope and its header.
    ///
    /// # Errors
    /// VersionMismatch, and Client or Sender for what is no SOAP message. Until the version is known, the fault has the
    /// version `presumed`.
    pub fn read(text: &'a str, presumed: Version, limits: &Limits) -> Result<Self, SoapFault> {
        let mut scope = Scope::new(text, limits);
        let version = version_of(&mut scope, presumed)?;
        let in_version = |refusal| SoapFault::refused(version, refusal);
        let first = part(&mut scope, version).map_err(in_version)?;
        if first.local() != "Header" {
            return Ok(Self { version, header: Header::default(), scope, part: Some(first) });
        }
        let header = Header::read(&mut scope, version).map_err(in_version)?;
        Ok(Self { version, header, scope, part: None })
    }

    /// Whether all header blocks are understood that have to be, which comes before anything else that can be wrong
    /// with them (WS-I Basic Profile 1.1, section 3.3.1).
    ///
    /// # Errors
    /// MustUnderstand that names the others.
    pub fn understood(&self) -> Result<(), SoapFault> {
        match self.header.not_understood.as_slice() {
            [] => Ok(()),
            blocks => Err(SoapFault::not_understood(self.version, blocks.to_vec())),
        }
    }

    /// Reads on to the only element in the body.
    ///
    /// # Errors
    /// MustUnderstand, and Client or Sender for all that is no SOAP message.
    pub fn message(mut self) -> Result<Message<'a>, SoapFault> {
        self.understood()?;
        let version = self.version;
        let body = self.body().map_err(|refusal| SoapFault::refused(version, refusal))?;
        Ok(Message { version, header: self.header, scope: self.scope, body })
    }

    fn body(&mut self) -> Result<Element<'a>, Refusal> {
        let part = self.part.take().map_or_else(|| part(&mut self.scope, self.version), Ok)?;
        if part.local() != "Body" {
            return Err(Refusal::foreign(format_args!("want the Body, got <{}>", part.tag.name())));
        }
        match self.scope.next()? {
            Step::Open(body) => Ok(body),
            Step::Close => Err(Refusal::foreign("the Body is empty; it holds the element of one operation")),
        }
    }
}

/// A message up to the start tag of the only element in its body.
pub struct Message<'a> {
    /// The version of its envelope.
    pub version: Version,
    /// What its header says.
    pub header: Header,
    /// The document, in front of the content of `body`.
    pub scope: Scope<'a>,
    /// The element that the body holds.
    pub body: Element<'a>,
}

impl Message<'_> {
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
fn version_of(scope: &mut Scope<'_>, presumed: Version) -> Result<Version, SoapFault> {
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
            // SOAP 1.2 part 1, section 5.4.6: a mismatch of the name is one of the version too.
            _ if presumed == Version::V12 => {
                let message = format!("want a SOAP Envelope, got <{}>", root.tag.name());
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

/// Puts a body into an envelope of this version, behind what `header` appends.
pub fn write(
    version: Version,
    header: impl FnOnce(&mut Draft),
    content: impl FnOnce(&mut Draft) -> Result<(), Refusal>,
) -> Result<Draft, Refusal> {
    let mut out = Draft::with_capacity(USUAL_ANSWER);
    open(&mut out, version, header);
    content(&mut out)?;
    out.push_str(CLOSE);
    Ok(out)
}

/// Bytes set aside for an answer; a page of 20 hits takes about as many.
const USUAL_ANSWER: usize = 16 << 10;
/// What ends every envelope.
pub const CLOSE: &str = "</soap:Body></soap:Envelope>";

/// Opens an envelope and its body; `header` may append a `soap:Header` in between.
pub fn open(out: &mut Draft, version: Version, header: impl FnOnce(&mut Draft)) {
    for part in ["<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<soap:Envelope xmlns:soap=\"", version.namespace(), "\">"]
    {
        out.push_str(part);
    }
    header(out);
    out.push_str("<soap:Body>");
}
