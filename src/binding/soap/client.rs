//! The other side of a call: requests as this node makes them, answers as it reads them.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, DeserializeOwned},
};

use super::{
    decode::{Content, Rigour},
    encode,
    envelope::{self, Envelope, Message, Version},
    mtom::{Attachment, ContentType, Parts, Related},
    names::Space,
};
use crate::{
    binding::{AnswerError, Body, refusal::Refusal, xml::text_of},
    model::{ByteStream, Fault, FaultKind, Limits, Outcome, Payload},
    operation::{
        Operation,
        describe::{action_name, element_name},
    },
};

/// A whole request: an envelope with the element of the operation, such as `SearchFind`.
///
/// # Errors
/// InvalidRequest for an input that XML cannot carry.
pub fn encode_request(version: Version, element: &str, input: &impl Serialize) -> Result<String, Fault> {
    Ok(envelope::write(version, |_| (), |out| encode::request(out, element, input))?.into_text())
}

/// A call of SOAP 1.1 as HTTP posts it.
#[derive(Debug)]
pub struct Call {
    /// The header SOAPAction, in quotes.
    pub action: String,
    /// The header Content-Type.
    pub content_type: &'static str,
    /// The body.
    pub document: String,
}

/// A whole call of the operation with that name, `service.operation`.
///
/// # Errors
/// InvalidRequest for an input that XML cannot carry.
pub fn encode_call(operation: &str, input: &impl Serialize) -> Result<Call, Fault> {
    let (version, element) = (Version::V11, element_name(operation));
    let document = encode_request(version, &element, input)?;
    let action = format!("\"{}\"", action_name(&element));
    Ok(Call { action, content_type: version.content_type(), document })
}

/// A whole answer, as the node writes it.
///
/// # Errors
/// InvalidRequest for an output that XML cannot carry.
pub fn encode_response(version: Version, element: &str, output: &impl Serialize) -> Result<String, Fault> {
    Ok(envelope::write(version, |_| (), |out| encode::answer(out, element, output))?.into_text())
}

/// The content type and the body of a request whose bytes travel beside it, as an MTOM part of any size.
///
/// # Errors
/// InvalidRequest for an input that XML cannot carry, Internal for one whose bytes have no known size.
pub fn encode_related_request<O: Operation>(version: Version, element: &str, mut input: O) -> Outcome<(String, Body)> {
    let attachment = input.attachment().map(Attachment::take_out);
    let document = encode_request(version, element, &input)?;
    match attachment {
        Some(attachment) => attachment.beside(version, &document),
        None => Ok((version.content_type().to_owned(), Body::Whole(document.into()))),
    }
}

/// The record of an answer in multipart/related with that content type. Its parts are read into memory, as many bytes
/// as `limits.inline_bytes` permits.
///
/// # Errors
/// As for [`decode_response`], and for what the limits refuse.
pub async fn decode_related_response<O: DeserializeOwned>(
    content_type: &str,
    body: ByteStream,
    limits: &Limits,
) -> Result<O, AnswerError> {
    let unreadable = |fault: Fault| AnswerError::Unreadable(fault.message);
    let opened = Related::open(&ContentType::parse(content_type), body, limits).await;
    let (mut root, related) = opened.map_err(unreadable)?;
    root.before.extend(related.keep_all().await.map_err(unreadable)?);
    decode(&root.document, Parts { here: root.before, more: false }, limits)
}

/// As [`decode_related_response`], but that the bytes of `payload` may lie in a part behind the envelope: they become its
/// stream then, which ends well only when the whole body does.
///
/// # Errors
/// As for [`decode_related_response`].
pub async fn decode_streamed_response<O: DeserializeOwned>(
    content_type: &str,
    body: ByteStream,
    limits: &Limits,
    payload: impl FnOnce(&mut O) -> &mut Payload,
) -> Result<O, AnswerError> {
    let unreadable = |fault: Fault| AnswerError::Unreadable(fault.message);
    let opened = Related::open(&ContentType::parse(content_type), body, limits).await;
    let (root, mut related) = opened.map_err(unreadable)?;
    let mut answer: O = decode(&root.document, Parts { here: root.before, more: true }, limits)?;
    let payload = payload(&mut answer);
    match payload {
        Payload::Beside(name) => {
            let stream = related.attachment(name).await.map_err(unreadable)?;
            *payload = Payload::Stream { size: None, stream };
        }
        _ => related.finish().await.map_err(unreadable)?,
    }
    Ok(answer)
}

/// Whether a body of that type is a compound of an envelope and other parts, whatever it calls their relation.
pub fn is_compound(content_type: &str) -> bool {
    let content_type = ContentType::parse(content_type);
    content_type.media_type.starts_with("multipart/") && content_type.parameter("boundary").is_some()
}

/// The record of a whole answer. Elements that the record does not know are skipped, since a later version may add some.
///
/// # Errors
/// The other side's fault, or that the answer cannot be read.
pub fn decode_response<O: DeserializeOwned>(body: &[u8], limits: &Limits) -> Result<O, AnswerError> {
    decode(body, Parts::default(), limits)
}

fn decode<O: DeserializeOwned>(body: &[u8], parts: Parts, limits: &Limits) -> Result<O, AnswerError> {
    // Scripts that are included by others leave line ends in front of what they write.
    let text = text_of(body.trim_ascii_start(), None).map_err(unreadable)?;
    let mut message = answered(&text, limits)?;
    message.scope.parts = parts;
    read::<Answer<O>>(message).map(|answer| answer.result).map_err(unreadable)
}

/// Makes sure that an answer is no fault, whatever it holds; a message that was merely accepted has none.
///
/// # Errors
/// As for [`decode_response`].
pub fn read_acknowledgement(body: &[u8], limits: &Limits) -> Result<(), AnswerError> {
    if body.trim_ascii().is_empty() {
        return Ok(());
    }
    answered(&text_of(body, None).map_err(unreadable)?, limits).map(drop)
}

/// The answer in front of its content, unless it is a fault.
fn answered<'a>(text: &'a str, limits: &Limits) -> Result<Message<'a>, AnswerError> {
    let message = Envelope::read(text, Version::V11, limits).and_then(Envelope::message);
    let message = message.map_err(|fault| AnswerError::Unreadable(fault.message()))?;
    let is_fault = message.body.local() == "Fault" && matches!(message.body.space, Space::Soap11 | Space::Soap12);
    if is_fault { Err(AnswerError::Fault(fault(message).or_else(|_| bare_fault(text, limits))?)) } else { Ok(message) }
}

/// The fault that a message is.
fn fault(message: Message<'_>) -> Result<Fault, Refusal> {
    Ok(match message.version {
        Version::V11 => read::<Fault11>(message)?.into(),
        Version::V12 => read::<Fault12>(message)?.into(),
    })
}

/// The same without its detail, in which everybody puts what he likes.
fn bare_fault(text: &str, limits: &Limits) -> Result<Fault, AnswerError> {
    let message = Envelope::read(text, Version::V11, limits).and_then(Envelope::message);
    let message = message.map_err(|fault| AnswerError::Unreadable(fault.message()))?;
    let fault = match message.version {
        Version::V11 => read::<Bare11>(message).map(|bare| to_fault(&bare.faultcode, bare.faultstring, None)),
        Version::V12 => {
            let reason = |bare: Bare12| to_fault(&bare.code.value, bare.reason.first(), None);
            read::<Bare12>(message).map(reason)
        }
    };
    fault.map_err(unreadable)
}

fn unreadable(refusal: Refusal) -> AnswerError {
    AnswerError::Unreadable(refusal.to_string())
}

fn read<T: DeserializeOwned>(mut message: Message<'_>) -> Result<T, Refusal> {
    let content = Content { element: message.body, scope: &mut message.scope, record: None, rigour: Rigour::Lenient };
    let read = T::deserialize(content)?;
    message.finish()?;
    Ok(read)
}

/// What wraps every answer: one child, which is ours by the name of `result`; stacks that write from their own code call
/// it otherwise (`return` of JAX-WS, `CatalogSearchResult` of spyne).
struct Answer<O> {
    result: O,
}

impl<'de, O: Deserialize<'de>> Deserialize<'de> for Answer<O> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Wrapped<O>(PhantomData<O>);
        impl<'de, O: Deserialize<'de>> de::Visitor<'de> for Wrapped<O> {
            type Value = Answer<O>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an element that holds the result")
            }

            fn visit_map<M: de::MapAccess<'de>>(self, mut children: M) -> Result<Answer<O>, M::Error> {
                if children.next_key::<de::IgnoredAny>()?.is_none() {
                    return Err(de::Error::missing_field("result"));
                }
                let result = children.next_value()?;
                while children.next_entry::<de::IgnoredAny, de::IgnoredAny>()?.is_some() {}
                Ok(Answer { result })
            }
        }
        deserializer.deserialize_map(Wrapped(PhantomData))
    }
}

/// A fault of SOAP 1.1 as far as it is not up to whoever sends it.
#[derive(Deserialize)]
struct Bare11 {
    #[serde(default)]
    faultcode: String,
    #[serde(default)]
    faultstring: String,
}

/// The same of SOAP 1.2.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Bare12 {
    code: Fault12Code,
    reason: Fault12Reason,
}

/// A fault of SOAP 1.1.
#[derive(Deserialize)]
struct Fault11 {
    faultcode: String,
    #[serde(default)]
    faultstring: String,
    detail: Option<Detail>,
}

/// A fault of SOAP 1.2.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Fault12 {
    code: Fault12Code,
    reason: Fault12Reason,
    detail: Option<Detail>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Fault12Code {
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Fault12Reason {
    #[serde(default)]
    text: Vec<String>,
}

impl Fault12Reason {
    fn first(self) -> String {
        self.text.into_iter().next().unwrap_or_default()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Detail {
    fault: Option<DetailFault>,
}

/// The contract's own detail.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DetailFault {
    kind: String,
    message: String,
    retry_after_seconds: Option<u32>,
    reference: Option<String>,
}

impl From<Fault11> for Fault {
    fn from(fault: Fault11) -> Self {
        to_fault(&fault.faultcode, fault.faultstring, fault.detail)
    }
}

impl From<Fault12> for Fault {
    fn from(fault: Fault12) -> Self {
        to_fault(&fault.code.value, fault.reason.first(), fault.detail)
    }
}

/// The fault that the detail tells, or what the code of a stranger comes closest to.
fn to_fault(code: &str, reason: String, detail: Option<Detail>) -> Fault {
    if let Some(detail) = detail.and_then(|detail| detail.fault)
        && let Some(kind) = FaultKind::ALL.into_iter().find(|kind| kind.name() == detail.kind)
    {
        let retry_after_seconds = detail.retry_after_seconds;
        return Fault { kind, message: detail.message, retry_after_seconds, reference: detail.reference };
    }
    let local = code.trim().rsplit(':').next().unwrap_or_default();
    let is_server = matches!(local, "Server" | "Receiver");
    Fault::new(if is_server { FaultKind::Unavailable } else { FaultKind::InvalidRequest }, reason)
}
