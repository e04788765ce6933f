//! The other side of a call: requests as this node makes them, answers as it reads them.

use serde::{Serialize, de::DeserializeOwned};

use super::{Dialect, Long, decode::Opened, encode};
use crate::{
    binding::{
        AnswerError,
        refusal::Refusal,
        xml::{Reader, Token, text_in_stated_encoding, unexpected},
    },
    model::{Fault, FaultKind, Limits},
};

/// A whole `methodCall` with one struct that holds every field of the input, `i8` for longs.
///
/// # Errors
/// InvalidRequest for an input that XML-RPC cannot carry.
pub fn encode_call(method: &str, input: &impl Serialize) -> Result<String, Fault> {
    Ok(encode::call(method, input, Dialect { long: Long::I8, bmp: false })?.into_text())
}

/// A whole `methodCall` as every library takes it: the `required` fields are parameters by position, in the order of the
/// record, the others members of one struct behind them; longs are `int` where they fit.
///
/// # Errors
/// InvalidRequest for an input that XML-RPC cannot carry.
pub fn encode_positional(method: &str, input: &impl Serialize, required: &[&str]) -> Result<String, Fault> {
    Ok(encode::positional_call(method, input, required, Dialect::default())?.into_text())
}

/// Makes sure that a whole `methodResponse` is no fault, whatever value it holds.
///
/// # Errors
/// As for [`decode_response`].
pub fn read_acknowledgement(body: &[u8], limits: &Limits) -> Result<(), AnswerError> {
    decode_response::<serde::de::IgnoredAny>(body, limits).map(drop)
}

/// The record of a whole `methodResponse`. Members that the record does not know are skipped, since a later version
/// may add some.
///
/// # Errors
/// The other side's fault, or that the answer cannot be read.
pub fn decode_response<O: DeserializeOwned>(body: &[u8], limits: &Limits) -> Result<O, AnswerError> {
    let unreadable = |refusal: Refusal| AnswerError::Unreadable(refusal.to_string());
    // Scripts that are included by others leave line ends in front of what they write.
    let text = text_in_stated_encoding(body.trim_ascii_start(), None).map_err(unreadable)?;
    let mut reader = Reader::new(&text, true, limits);
    match response(&mut reader).map_err(unreadable)? {
        Ok(output) => Ok(output),
        Err(fault) => Err(AnswerError::Fault(fault)),
    }
}

fn response<O: DeserializeOwned>(reader: &mut Reader<'_>) -> Result<Result<O, Fault>, Refusal> {
    next(reader, "methodResponse")?;
    let answer = match reader.next_tag()? {
        Token::Open(tag) if tag.name() == "params" => {
            next(reader, "param")?;
            let output = Ok(value(reader)?);
            reader.close()?;
            output
        }
        Token::Open(tag) if tag.name() == "fault" => Err(value::<FaultStruct>(reader)?.into()),
        token => return Err(unexpected("<params> or <fault>", &token)),
    };
    reader.close()?;
    reader.close()?;
    match reader.next_tag()? {
        Token::End => Ok(answer),
        token => Err(unexpected("the end of the document", &token)),
    }
}

fn value<T: DeserializeOwned>(reader: &mut Reader<'_>) -> Result<T, Refusal> {
    match reader.next_tag()? {
        Token::Open(tag) => T::deserialize(Opened::read(reader, &tag)?.content(reader, false)),
        token => Err(unexpected("<value>", &token)),
    }
}

fn next(reader: &mut Reader<'_>, name: &str) -> Result<(), Refusal> {
    match reader.next_tag()? {
        Token::Open(tag) if tag.name() == name => Ok(()),
        token => Err(unexpected(name, &token)),
    }
}

/// A fault as it is sent.
#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct FaultStruct {
    fault_code: i64,
    fault_string: String,
}

impl From<FaultStruct> for Fault {
    fn from(fault: FaultStruct) -> Self {
        let known = FaultKind::ALL.into_iter().find(|kind| i64::from(kind.status()) == fault.fault_code);
        // The codes below -32000 say that the request was wrong; what else a legacy system sends is its own failure.
        let other = if fault.fault_code < -32_000 { FaultKind::InvalidRequest } else { FaultKind::Unavailable };
        Self::new(known.unwrap_or(other), fault.fault_string)
    }
}
