//! From a name and a request to an answer: one path for every operation and every binding, top to bottom.

use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use serde::de::DeserializeOwned;

use super::{
    Operation,
    describe::Description,
    registry::{self, REGISTRY},
};
use crate::{
    access::Caller,
    model::{Fault, Journey, Outcome, Payload},
    service::{Services, retries::Retry},
};

/// One request of a binding: how its input is read and how its answer is written.
pub trait Format: Send {
    /// What the binding sends back.
    type Answer: Send;

    /// Reads the input record from the request.
    ///
    /// # Errors
    /// InvalidRequest that names the field that is missing, unknown or ill-typed.
    fn decode<I: DeserializeOwned>(&mut self, operation: &'static Description) -> Outcome<I>;

    /// Takes what the request brings behind its document. Where the document only refers to the bytes of `payload`
    /// (see [`Operation::attachment`]), they become its stream; everything else is read to its end.
    ///
    /// # Errors
    /// InvalidRequest for a reference to nothing, and for a request that breaks off.
    fn attach(&mut self, payload: Option<&mut Payload>) -> impl Future<Output = Outcome<()>> + Send {
        let _ = payload;
        std::future::ready(Ok(()))
    }

    /// Whether [`Format::encode`] can write a [`Payload`] that is a stream. Otherwise dispatch collects it first,
    /// bounded by `limits.inline_bytes`.
    fn streams(&self) -> bool {
        false
    }

    /// The caller's own id of the request, by which a repetition of one with effects is known.
    fn message_id(&self) -> Option<&str> {
        None
    }

    /// The way that the question of the request has come, where its caller is a gateway that tells it.
    fn journey(&self) -> Option<&Journey> {
        None
    }

    /// Writes the output record.
    fn encode<O: Operation>(self, operation: &'static Description, output: O::Output) -> Outcome<Self::Answer>;
}

/// Answers one call: finds the operation, checks the caller's rights, reads its input, takes a permit, calls it within
/// its deadline and counts the outcome.
///
/// # Errors
/// NotFound for an unknown operation, LimitExceeded when too many calls are under way, otherwise what the format or
/// the operation says.
pub async fn dispatch<F: Format>(
    services: &Arc<Services>,
    caller: &Caller,
    name: &str,
    format: F,
) -> Outcome<F::Answer> {
    let operation = REGISTRY.find(name).ok_or_else(|| unknown(name))?;
    caller.authorise(operation.name)?;
    let started = Instant::now();
    let outcome = registry::run(operation, services, caller, format).await;
    operation.meter.record(caller.binding, started.elapsed(), outcome.as_ref().err().map(|fault| fault.kind));
    outcome
}

/// The part of [`dispatch`] that knows the operation's types.
pub(super) async fn run<O: Operation, F: Format>(
    operation: &'static Description,
    services: &Arc<Services>,
    caller: &Caller,
    mut format: F,
) -> Outcome<F::Answer> {
    let mut input: O = format.decode(operation)?;
    if let Some(journey) = input.journey() {
        *journey = format.journey().cloned();
    }
    let _permit = services.permits.take(input.waits())?;
    let (deadline, streams) = (input.deadline(), format.streams());
    // A repetition is told by its input and not by the name that its bytes have in the message.
    in_time(operation, deadline, format.attach(input.attachment())).await?;
    let repeatable = format.message_id().filter(|_| O::HAS_EFFECT);
    let retry = repeatable.map(|id| Retry::new(caller.name(), operation.name, id, &input));
    let answer = {
        let services = services.clone();
        async move {
            let mut output = input.call(&services).await?;
            if let Some(payload) = O::payload(&mut output)
                && !streams
            {
                into_memory(payload, services.about.limits.inline_bytes).await?;
            }
            Outcome::Ok(output)
        }
    };
    let answer = in_time(operation, deadline, answer);
    let output = match retry {
        Some(retry) => services.retries.once(retry, answer).await?,
        None => answer.await?,
    };
    format.encode::<O>(operation, output)
}

/// Collects a stream that has to become part of a document.
async fn into_memory(payload: &mut Payload, limit: u64) -> Outcome<()> {
    match *payload {
        Payload::Stream { size: Some(size), .. } if size > limit => Err(over_inline_bytes(size, limit)),
        _ => payload.collect().await.map(drop),
    }
}

async fn in_time<T>(
    operation: &'static Description,
    deadline: Duration,
    answer: impl Future<Output = Outcome<T>>,
) -> Outcome<T> {
    let late = |_| Fault::timeout(format!("{} did not end within {} s", operation.name, deadline.as_secs()));
    let mut answer = pin!(answer);
    // Most calls never wait; those need no timer.
    if let Poll::Ready(outcome) = futures::poll!(answer.as_mut()) {
        return outcome;
    }
    tokio::time::timeout(deadline, answer).await.map_err(late)?
}

fn unknown(name: &str) -> Fault {
    let shown: String = name.chars().take(100).collect();
    Fault::not_found(format!(
        "there is no operation {shown:?}; system.listMethods, the WSDL and /api/openapi.json list them"
    ))
}

fn over_inline_bytes(size: u64, limit: u64) -> Fault {
    Fault::too_large(format!(
        "the content has {size} bytes and limits.inline_bytes is {limit}; read it in parts with content.read, or get \
         it from /content/{{contentId}}"
    ))
}
