//! JSON over HTTP: the input record in, the output record out, faults as problem details (RFC 9457).

pub mod openapi;

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

use super::{Reply, refusal::shown};
use crate::{
    access::Caller,
    model::{Fault, Journey, Outcome},
    operation::{Format, Operation, describe::Description, dispatch},
    service::Services,
};

/// Exactly what an answer is sent as.
const CONTENT_TYPE: &str = "application/json";
/// Exactly what a fault is sent as.
const PROBLEM: &str = "application/problem+json";
/// Bytes set aside for an answer; a page of 20 hits takes about as many.
const USUAL_ANSWER: usize = 8 << 10;

/// Answers one request to `/api/{path}`, `search/find` or `search.find`. An empty body is an empty record. `journey` is
/// the way that the question has come, where the request tells it.
pub async fn answer(
    services: &Arc<Services>,
    caller: &Caller,
    path: &str,
    body: &[u8],
    journey: Option<&Journey>,
) -> Reply {
    let operation = path.replacen('/', ".", 1);
    match dispatch(services, caller, &operation, Exchange { body, journey }).await {
        Ok(answer) => Reply::whole(200, CONTENT_TYPE, answer),
        Err(refused) => fault(&refused),
    }
}

/// The answer that says why a request was refused.
pub fn fault(fault: &Fault) -> Reply {
    let kind = fault.kind;
    let mut problem = json!({
        "type": format!("urn:peergate:fault:{}", kind.name()),
        "title": kind.when(),
        "status": kind.status(),
        "detail": fault.message,
        "kind": kind.name(),
    });
    if let Some(seconds) = fault.retry_after_seconds {
        problem["retryAfterSeconds"] = seconds.into();
    }
    if let Some(reference) = &fault.reference {
        problem["reference"] = reference.as_str().into();
    }
    Reply::whole(kind.status(), PROBLEM, problem.to_string())
}

/// One request of an operation, as dispatch reads and answers it.
struct Exchange<'a> {
    body: &'a [u8],
    journey: Option<&'a Journey>,
}

impl Format for Exchange<'_> {
    type Answer = Vec<u8>;

    fn decode<I: DeserializeOwned>(&mut self, operation: &'static Description) -> Outcome<I> {
        let body = if self.body.trim_ascii().is_empty() { b"{}" } else { self.body };
        decode(operation, body)
    }

    fn journey(&self) -> Option<&Journey> {
        self.journey
    }

    fn encode<O: Operation>(self, _: &'static Description, output: O::Output) -> Outcome<Vec<u8>> {
        encode(&output)
    }
}

/// Reads a record from the whole body.
///
/// # Errors
/// InvalidRequest that names the field.
pub fn decode<I: DeserializeOwned>(operation: &Description, body: &[u8]) -> Outcome<I> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let input = serde_path_to_error::deserialize(&mut reader).map_err(|e| refused(operation, &e))?;
    reader.end().map_err(|e| Fault::invalid(format!("the body goes on behind its record: {e}")))?;
    Ok(input)
}

/// Writes a record.
///
/// # Errors
/// Internal for a record that JSON cannot carry.
pub fn encode(output: &impl Serialize) -> Outcome<Vec<u8>> {
    let mut out = Vec::with_capacity(USUAL_ANSWER);
    serde_json::to_writer(&mut out, output).map_err(Fault::internal)?;
    Ok(out)
}

/// What serde_json found wrong, in the words of the other bindings where they name more.
fn refused(operation: &Description, error: &serde_path_to_error::Error<serde_json::Error>) -> Fault {
    let reason = error.inner().to_string();
    if error.inner().is_syntax() || error.inner().is_eof() {
        return Fault::invalid(format!("the body is not JSON: {reason}"));
    }
    let quoted = |prefix: &str| reason.strip_prefix(prefix).and_then(|rest| rest.split('`').next());
    if let Some(name) = quoted("unknown field `")
        && operation.input.fields.iter().all(|field| field.name != name)
    {
        let known: Vec<&str> = operation.input.fields.iter().map(|field| field.name.as_str()).collect();
        let known = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
        return Fault::invalid(format!("unknown member {}; {} takes {known}", shown(name), operation.name));
    }
    if let Some(name) = quoted("missing field `") {
        return Fault::invalid(format!("{name}: the field is missing"));
    }
    if let Some(name) = quoted("duplicate field `") {
        return Fault::invalid(format!("{name}: the field is given twice"));
    }
    match error.path().to_string().as_str() {
        "." => Fault::invalid(reason),
        path => Fault::invalid(format!("{path}: {reason}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FaultKind;

    #[test]
    fn a_fault_is_a_problem_with_the_contracts_members() {
        let reply = fault(&Fault::unavailable("no provider"));
        let problem: serde_json::Value = serde_json::from_slice(reply.bytes()).unwrap();
        assert_eq!((reply.status, &*reply.content_type), (503, "application/problem+json"));
        let title = FaultKind::Unavailable.when();
        assert_eq!(
            problem,
            json!({
                "type": "urn:peergate:fault:Unavailable", "title": title, "status": 503, "detail": "no provider",
                "kind": "Unavailable", "retryAfterSeconds": 5,
            })
        );
    }
}
