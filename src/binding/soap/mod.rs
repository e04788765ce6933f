//! SOAP 1.1 and 1.2: an envelope in, an envelope of the same version out, the operations in between.
//!
//! A message is told by its body alone: neither the path nor SOAPAction decides what is called, so that rights cannot be
//! gone round with them.

mod client;
mod decode;
mod encode;
mod envelope;
mod fault;
mod header;
mod names;
pub mod wsdl;

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};

pub use client::{decode_response, encode_request, encode_response};
pub use envelope::Version;

use self::{
    decode::{Content, Rigour},
    envelope::Message,
    fault::SoapFault,
    names::Element,
};
use super::{Reply, refusal::Refusal, xml::text_of};
use crate::{
    access::Caller,
    model::{Fault, Limits, Outcome},
    operation::{Format, REGISTRY, describe::Description, dispatch},
    service::Services,
};

/// Answers one request. Faults are answers too, all of them with status 500.
pub async fn answer(
    services: &Arc<Services>,
    caller: &Caller,
    body: &[u8],
    content_type: Option<&str>,
    limits: &Limits,
) -> Reply {
    respond(services, caller, body, content_type, limits).await.unwrap_or_else(|fault| fault.reply())
}

/// The answer that says why a request was refused before it came here.
pub fn fault(fault: Fault, content_type: Option<&str>) -> Reply {
    SoapFault::new(Version::of_content_type(content_type), fault).reply()
}

async fn respond(
    services: &Arc<Services>,
    caller: &Caller,
    body: &[u8],
    content_type: Option<&str>,
    limits: &Limits,
) -> Result<Reply, SoapFault> {
    let presumed = Version::of_content_type(content_type);
    let text = text_of(body, content_type).map_err(|refusal| SoapFault::refused(presumed, refusal))?;
    let message = Message::read(&text, presumed, limits)?;
    let version = message.version;
    let in_version = |fault| SoapFault::new(version, fault);
    caller.admitted().map_err(in_version)?;
    let operation = operation(&message.scope, &message.body).map_err(in_version)?;
    let document = dispatch(services, caller, operation.name, Exchange(message)).await.map_err(in_version)?;
    Ok(Reply { status: 200, content_type: version.content_type(), body: document.into() })
}

/// The operation whose element the body holds.
fn operation(scope: &names::Scope<'_>, body: &Element<'_>) -> Outcome<&'static Description> {
    let found = REGISTRY.find_element(body.local()).filter(|_| body.is_field());
    found.ok_or_else(|| {
        let (local, space) = (body.local(), scope.uri(body.tag.prefix()).unwrap_or_default());
        let shown: String = format!("{{{space}}}{local}").chars().take(200).collect();
        Fault::not_found(format!("there is no operation with the element {shown}; the WSDL lists them all"))
    })
}

/// One request of an operation, as dispatch reads and answers it.
struct Exchange<'a>(Message<'a>);

impl Format for Exchange<'_> {
    type Answer = String;

    fn decode<I: DeserializeOwned>(&mut self, operation: &'static Description) -> Outcome<I> {
        let Self(message) = self;
        let (element, record) = (message.body, Some(operation.name));
        let content = Content { scope: &mut message.scope, element, record, rigour: Rigour::Strict };
        let input = I::deserialize(content)?;
        message.finish()?;
        Ok(input)
    }

    fn encode<O: Serialize>(self, operation: &'static Description, output: O) -> Outcome<String> {
        let document = envelope::write(self.0.version, |out| encode::answer(out, &operation.element, &output));
        document.map_err(|refusal: Refusal| Fault::internal(refusal))
    }
}

#[cfg(test)]
pub(super) mod tests;
