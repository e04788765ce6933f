//! SOAP 1.1 and 1.2: an envelope in, an envelope of the same version out, the operations in between.
//!
//! A message is told by its body alone: neither the path nor SOAPAction decides what is called, so that rights cannot be
//! gone round with them.

mod addressing;
#[cfg(any(test, fuzzing))]
mod check;
mod client;
mod decode;
mod encode;
mod envelope;
mod fault;
mod header;
mod mtom;
mod names;
mod policy;
mod security;
pub mod wsdl;

use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;
use serde::de::DeserializeOwned;

pub use addressing::Deliveries;
#[cfg(any(test, fuzzing))]
pub use check::check_request;
pub use client::{
    Call, decode_related_response, decode_response, decode_streamed_response, encode_call, encode_related_request,
    encode_request, encode_response, is_compound, read_acknowledgement,
};
pub use envelope::Version;

use self::{
    addressing::Ways,
    decode::{Content, Rigour},
    envelope::{Envelope, Message},
    fault::SoapFault,
    mtom::{Attachment, ContentType, Parts, Related},
    names::Element,
};
use super::{
    Reply,
    xml::{Draft, text_of},
};
use crate::{
    access::Caller,
    model::{ByteStream, Fault, Journey, Limits, Outcome, Payload},
    operation::{Format, Operation, REGISTRY, describe::Description, dispatch},
    service::Services,
};

/// One request as HTTP delivers it.
pub struct Request<'a> {
    /// The Content-Type header.
    pub content_type: Option<&'a str>,
    /// Whether an Accept header [names MTOM](is_mtom).
    pub accepts_mtom: bool,
    /// The body.
    pub body: Incoming,
}

/// The body of a request.
pub enum Incoming {
    /// An envelope, all of it.
    Whole(Bytes),
    /// An envelope with parts beside it, where [`is_related`]; read while the request is answered.
    Parts(ByteStream),
}

/// Whether a body of that type is a compound of an envelope and other parts.
pub fn is_related(content_type: Option<&str>) -> bool {
    let media_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("multipart/related")
}

/// Whether an Accept header says that its sender reads MTOM.
pub fn is_mtom(accept: &str) -> bool {
    accept.to_ascii_lowercase().contains(mtom::XOP_MEDIA_TYPE)
}

/// What a request is answered with.
pub struct Context<'a> {
    /// Bounds on the document.
    pub limits: &'a Limits,
    /// The way to other addresses than the caller's connection.
    pub deliveries: &'a Deliveries,
    /// The way that the question has come, where the request tells it.
    pub journey: Option<&'a Journey>,
}

/// Answers one request. Faults are answers too, all of them with status 500.
pub async fn answer(services: &Arc<Services>, caller: &Caller, request: Request<'_>, context: &Context<'_>) -> Reply {
    let presumed = Version::of_content_type(request.content_type);
    let Received { document, content_type, beside } = match Received::read(request, context.limits).await {
        Ok(received) => received,
        Err(fault) => return SoapFault::new(presumed, fault).reply(),
    };
    let text = match text_of(&document, content_type.as_deref()) {
        Ok(text) => text,
        Err(refusal) => return SoapFault::refused(presumed, refusal).reply(),
    };
    match Envelope::read(&text, presumed, context.limits) {
        Ok(envelope) => respond(services, caller, envelope, beside, context).await,
        Err(fault) => fault.reply(),
    }
}

/// The answer that says why a request was refused before it came here.
pub fn fault(fault: Fault, content_type: Option<&str>) -> Reply {
    SoapFault::new(Version::of_content_type(content_type), fault).reply()
}

/// Answers the message in an envelope, on the way that its addressing headers choose. MustUnderstand comes before
/// anything else that can be wrong with it (WS-I Basic Profile 1.1, section 3.3.1).
async fn respond(
    services: &Arc<Services>,
    caller: &Caller,
    mut envelope: Envelope<'_>,
    beside: Beside,
    context: &Context<'_>,
) -> Reply {
    let (version, thread, early) =
        (envelope.version, envelope.header.addressing.thread(), envelope.header.addressing.early_fault());
    let in_thread = |fault: SoapFault| fault.in_thread(thread.clone()).reply();
    let opened = identify(&mut envelope, caller).and_then(|shown| Ok((shown, envelope.message()?)));
    let (shown, message) = match opened {
        Ok(opened) => opened,
        Err(fault) => return early.carry(in_thread(fault)),
    };
    // Only now, that the caller is admitted, is a name looked up for anybody.
    let ways = match Ways::of(&message.header.addressing, context.deliveries).await {
        Ok(ways) => ways,
        Err(problem) => return early.carry(in_thread(problem.fault(version, message.header.addressing.edition()))),
    };
    match call(services, shown.as_ref().unwrap_or(caller), message, beside, context.journey).await {
        Ok(reply) => ways.reply.carry(reply),
        Err(fault) => ways.fault.carry(in_thread(fault)),
    }
}

/// Calls the operation that the message asks for.
async fn call(
    services: &Arc<Services>,
    caller: &Caller,
    mut message: Message<'_>,
    beside: Beside,
    journey: Option<&Journey>,
) -> Result<Reply, SoapFault> {
    message.scope.parts = beside.parts;
    let version = message.version;
    let in_version = |fault| SoapFault::new(version, fault);
    let operation = operation(&message.scope, &message.body).map_err(in_version)?;
    let addressing = &message.header.addressing;
    addressing.check(operation).map_err(|problem| problem.fault(version, addressing.edition()))?;
    let exchange = Exchange { message, related: beside.related, reads_mtom: beside.reads_mtom, journey };
    dispatch(services, caller, operation.name, exchange).await.map_err(in_version)
}

/// A request up to the end of its envelope.
struct Received<'a> {
    document: Bytes,
    /// What the envelope is sent as.
    content_type: Option<Cow<'a, str>>,
    beside: Beside,
}

/// What came with an envelope.
struct Beside {
    /// The parts in front of it.
    parts: Parts,
    /// The rest of the body.
    related: Option<Related>,
    /// Whether the caller reads MTOM, which he shows by using it.
    reads_mtom: bool,
}

impl<'a> Received<'a> {
    async fn read(request: Request<'a>, limits: &Limits) -> Outcome<Self> {
        let reads_mtom = request.accepts_mtom;
        match request.body {
            Incoming::Whole(document) => Ok(Self {
                document,
                content_type: request.content_type.map(Cow::Borrowed),
                beside: Beside { parts: Parts::default(), related: None, reads_mtom },
            }),
            Incoming::Parts(body) => {
                let content_type = ContentType::parse(request.content_type.unwrap_or_default());
                let (root, related) = Related::open(&content_type, body, limits).await?;
                let parts = Parts { here: root.before, more: true };
                Ok(Self {
                    document: root.document,
                    content_type: root.content_type.map(Cow::Owned),
                    beside: Beside { parts, related: Some(related), reads_mtom: reads_mtom || root.is_xop },
                })
            }
        }
    }
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
struct Exchange<'a> {
    message: Message<'a>,
    related: Option<Related>,
    reads_mtom: bool,
    journey: Option<&'a Journey>,
}

impl Format for Exchange<'_> {
    type Answer = Reply;

    fn decode<I: DeserializeOwned>(&mut self, operation: &'static Description) -> Outcome<I> {
        let Self { message, .. } = self;
        let (element, record) = (message.body, Some(operation.name));
        let content = Content { scope: &mut message.scope, element, record, rigour: Rigour::Strict };
        let input = I::deserialize(content)?;
        message.finish()?;
        Ok(input)
    }

    fn message_id(&self) -> Option<&str> {
        self.message.header.addressing.message_id()
    }

    fn journey(&self) -> Option<&Journey> {
        self.journey
    }

    async fn attach(&mut self, payload: Option<&mut Payload>) -> Outcome<()> {
        let Some(mut related) = self.related.take() else { return Ok(()) };
        if let Some(payload) = payload
            && let Payload::Beside(name) = payload
        {
            let stream = related.attachment(name).await?;
            *payload = Payload::Stream { size: None, stream };
            return Ok(());
        }
        related.finish().await
    }

    fn streams(&self) -> bool {
        self.reads_mtom
    }

    fn encode<O: Operation>(self, operation: &'static Description, mut output: O::Output) -> Outcome<Reply> {
        let Message { version, header, .. } = self.message;
        let thread = header.addressing.thread();
        let header = |out: &mut Draft| {
            if let Some(thread) = thread {
                out.push_str("<soap:Header>");
                thread.write_answer(out, &operation.answer_action());
                out.push_str("</soap:Header>");
            }
        };
        let beside = O::payload(&mut output).filter(|_| self.reads_mtom).map(Attachment::take_out);
        let document = envelope::write(version, header, |out| encode::answer(out, &operation.element, &output));
        let document = document.map_err(Fault::internal)?;
        let Some(beside) = beside else { return Ok(Reply::whole(200, version.content_type(), document.into_bytes())) };
        let (content_type, body) = beside.beside(version, &document.into_text())?;
        Ok(Reply { status: 200, content_type: content_type.into(), body })
    }
}

#[cfg(test)]
pub(super) mod tests;
