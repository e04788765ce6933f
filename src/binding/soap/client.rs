//! The other side of a call: requests as this node makes them, answers as it reads them.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    decode::{Content, Rigour},
    encode,
    envelope::{self, Envelope, Message, Version},
    mtom::{Attachment, ContentType, Parts, Related},
    names::Space,
};
use crate::{
    binding::{AnswerError, Body, refusal::Refusal, xml::text_of},
    model::{ByteStream, Fault, FaultKind, Limits, Outcome},
    operation::Operation,
};

/// A whole request: an envelope with the element of the operation, such as `SearchFind`.
///
/// # Errors
/// InvalidRequest for an input that XML cannot carry.
pub fn encode_request(version: Version, element: &str, input: &impl Serialize) -> Result<String, Fault> {
    Ok(envelope::write(version, |_| (), |out| encode::request(out, element, input))?.into_text())
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

/// The record of a whole answer. Elements that the record does not know are skipped, since a later version may add some.
///
/// # Errors
/// The other side's fault, or that the answer cannot be read.
pub fn decode_response<O: DeserializeOwned>(body: &[u8], limits: &Limits) -> Result<O, AnswerError> {
    decode(body, Parts::default(), limits)
}

fn decode<O: DeserializeOwned>(body: &[u8], parts: Parts, limits: &Limits) -> Result<O, AnswerError> {
    let text = text_of(body, None).map_err(unreadable)?;
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
    Err(AnswerError::Fault(match (is_fault, message.version) {
        (true, Version::V11) => read::<Fault11>(message).map_err(unreadable)?.into(),
        (true, Version::V12) => read::<Fault12>(message).map_err(unreadable)?.into(),
        (false, _) => return Ok(message),
    }))
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

/// What wraps every answer.
#[derive(Deserialize)]
struct Answer<O> {
    result: O,
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
        to_fault(&fault.code.value, fault.reason.text.into_iter().next().unwrap_or_default(), fault.detail)
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
