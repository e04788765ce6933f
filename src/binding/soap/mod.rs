//! SOAP 1.1 and 1.2: an envelope in, an envelope of the same version out, the operations in between.
//!
//! A message is told by its body alone: neither the path nor SOAPAction decides what is called, so that rights cannot be
//! gone round with them.

mod addressing;
mod client;
mod decode;
mod encode;
mod envelope;
mod fault;
mod header;
mod names;
mod policy;
mod security;
pub mod wsdl;

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};

pub use client::{decode_response, encode_request, encode_response, read_acknowledgement};
pub use envelope::Version;

use self::{
    addressing::Ways,
    decode::{Content, Rigour},
    envelope::{Envelope, Message},
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
    let presumed = Version::of_content_type(content_type);
    let text = match text_of(body, content_type) {
        Ok(text) => text,
        Err(refusal) => return SoapFault::refused(presumed, refusal).reply(),
    };
    match Envelope::read(&text, presumed, limits) {
        Ok(envelope) => respond(services, caller, envelope).await,
        Err(fault) => fault.reply(),
    }
}

/// The answer that says why a request was refused before it came here.
pub fn fault(fault: Fault, content_type: Option<&str>) -> Reply {
    SoapFault::new(Version::of_content_type(content_type), fault).reply()
}

/// Answers the message in an envelope, on the way that its addressing headers choose. MustUnderstand comes before
/// anything else that can be wrong with it (WS-I Basic Profile 1.1, section 3.3.1).
async fn respond(services: &Arc<Services>, caller: &Caller, mut envelope: Envelope<'_>) -> Reply {
    let (version, thread, early) =
        (envelope.version, envelope.header.addressing.thread(), envelope.header.addressing.early_fault());
    let in_thread = |fault: SoapFault| fault.in_thread(thread.clone()).reply();
    let opened = identify(&mut envelope, caller).and_then(|shown| Ok((shown, envelope.message()?)));
    let (shown, message) = match opened {
        Ok(opened) => opened,
        Err(fault) => return early.carry(in_thread(fault)),
    };
    let ways = match Ways::of(&message.header.addressing) {
        Ok(ways) => ways,
        Err(problem) => return early.carry(in_thread(problem.fault(version, message.header.addressing.edition()))),
    };
    match call(services, shown.as_ref().unwrap_or(caller), message).await {
        Ok(reply) => ways.reply.carry(reply),
        Err(fault) => ways.fault.carry(in_thread(fault)),
    }
}

/// Calls the operation that the message asks for.
async fn call(services: &Arc<Services>, caller: &Caller, message: Message<'_>) -> Result<Reply, SoapFault> {
    let version = message.version;
    let in_version = |fault| SoapFault::new(version, fault);
    let operation = operation(&message.scope, &message.body).map_err(in_version)?;
    let addressing = &message.header.addressing;
    addressing.check(operation).map_err(|problem| problem.fault(version, addressing.edition()))?;
    let document = dispatch(services, caller, operation.name, Exchange(message)).await.map_err(in_version)?;
    Ok(Reply { status: 200, content_type: version.content_type(), body: document.into() })
}

/// The caller whom the message itself shows, if it does; before anything of its body is looked at.
fn identify(envelope: &mut Envelope<'_>, caller: &Caller) -> Result<Option<Caller>, SoapFault> {
    envelope.understood()?;
    let shown = envelope.header.security.take().map(|security| security.caller(caller)).transpose();
    let shown = shown.map_err(|refused| SoapFault::insecure(envelope.version, refused))?.flatten();
    let admitted = shown.as_ref().unwrap_or(caller).admitted();
    admitted.map_err(|fault| SoapFault::new(envelope.version, fault))?;
    Ok(shown)
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

    fn message_id(&self) -> Option<&str> {
        self.0.header.addressing.message_id()
    }

    fn encode<O: Serialize>(self, operation: &'static Description, output: O) -> Outcome<String> {
        let Self(Message { version, header, .. }) = self;
        let thread = header.addressing.thread();
        let header = |out: &mut String| {
            if let Some(thread) = thread {
                out.push_str("<soap:Header>");
                thread.write_answer(out, &operation.answer_action());
                out.push_str("</soap:Header>");
            }
        };
        let document = envelope::write(version, header, |out| encode::answer(out, &operation.element, &output));
        document.map_err(|refusal: Refusal| Fault::internal(refusal))
    }
}

#[cfg(test)]
pub(super) mod tests;
