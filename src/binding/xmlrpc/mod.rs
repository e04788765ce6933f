//! XML-RPC: a document in, a document out, the operations in between.

mod call;
#[cfg(any(test, fuzzing))]
mod check;
mod client;
mod decode;
mod dialect;
pub mod encode;
pub mod manual;
mod method;
mod multicall;
mod system;
mod validator;

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};

#[cfg(any(test, fuzzing))]
pub use check::check_request;
pub use client::{decode_response, encode_call, encode_positional, read_acknowledgement};
pub use dialect::{Dialect, Long};

use self::call::{Call, Parameters};
use super::{
    Reply,
    refusal::{Mistake, Refusal, shown},
    xml::{Draft, text_in_stated_encoding},
};
use crate::{
    access::Caller,
    model::{Fault, FaultKind, Journey, Limits, Outcome},
    operation::{Format, Operation, REGISTRY, describe::Description, dispatch},
    service::Services,
};

/// Exactly what every answer is sent as.
const CONTENT_TYPE: &str = "text/xml; charset=utf-8";
// The codes of the fault-code interop note.
const NOT_WELL_FORMED: i32 = -32700;
const UNKNOWN_ENCODING: i32 = -32701;
const INVALID_CHARACTER: i32 = -32702;
const NOT_XMLRPC: i32 = -32600;
const NO_SUCH_METHOD: i32 = -32601;
const BAD_PARAMETERS: i32 = -32602;

/// How one request is read and answered.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The forms of the answer.
    pub dialect: Dialect,
    /// The bounds of the request.
    pub limits: &'a Limits,
    /// Whether the methods that test clients are answered.
    pub validator: bool,
    /// The way that the question has come, where the request tells it.
    pub journey: Option<&'a Journey>,
}

/// Who asks for what, the same for every call of one request.
#[derive(Clone, Copy)]
struct Scope<'a> {
    services: &'a Arc<Services>,
    caller: &'a Caller,
    context: &'a Context<'a>,
}

/// Answers one request. Faults are answers too.
pub async fn answer(
    services: &Arc<Services>,
    caller: &Caller,
    body: &[u8],
    content_type: Option<&str>,
    context: &Context<'_>,
) -> Reply {
    match respond(Scope { services, caller, context }, body, content_type).await {
        Ok(document) => reply(document),
        Err(refused) => refused.reply(context.dialect),
    }
}

/// The answer that says why a request was refused before it came here.
pub fn fault(fault: &Fault, dialect: Dialect) -> Reply {
    Refused::new(None, fault).reply(dialect)
}

fn reply(document: Draft) -> Reply {
    Reply::whole(200, CONTENT_TYPE, document.into_bytes())
}

async fn respond(scope: Scope<'_>, body: &[u8], content_type: Option<&str>) -> Result<Draft, Refused> {
    let text = text_in_stated_encoding(body, content_type)?;
    let Call { method, parameters } = Call::read(&text, scope.context.limits)?;
    if method == system::MULTICALL {
        return multicall::answer(scope, parameters).await;
    }
    call(scope, &method, parameters, Frame::Document).await
}

/// One call, of an operation or of a method beside them, its answer in the frame.
async fn call(
    Scope { services, caller, context }: Scope<'_>,
    method: &str,
    mut parameters: Parameters<'_>,
    frame: Frame,
) -> Result<Draft, Refused> {
    let operation = REGISTRY.find(method);
    if operation.is_none()
        && let Some(method) = method::find(method, context)
    {
        return (method.answer)(&mut parameters, context, frame);
    }
    caller.admitted()?;
    if operation.is_none() {
        return Err(Refused::no_such_method(method));
    }
    let mut code = None;
    let format = Exchange { parameters, context, frame, code: &mut code };
    let outcome = dispatch(services, caller, method, format).await;
    outcome.map_err(|fault| Refused::new(code, &fault))
}

/// What stands around the value of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frame {
    /// A document of its own.
    Document,
    /// The array with one item that answers an inner call of a multicall.
    Item,
}

impl Frame {
    fn write(self, value: &impl Serialize, context: &Context<'_>) -> Result<Draft, Refusal> {
        match self {
            Self::Document => encode::response(value, context.dialect),
            Self::Item => {
                let mut out = Draft::default();
                encode::value(&mut out, &(value,), context.dialect).map(|()| out)
            }
        }
    }
}

/// One request of an operation, as dispatch reads and answers it.
struct Exchange<'a> {
    parameters: Parameters<'a>,
    context: &'a Context<'a>,
    frame: Frame,
    /// The code of a refusal that no kind of fault has.
    code: &'a mut Option<i32>,
}

impl Format for Exchange<'_> {
    type Answer = Draft;

    fn decode<I: DeserializeOwned>(&mut self, operation: &'static Description) -> Outcome<I> {
        self.parameters.read(operation).map_err(|refusal| {
            *self.code = code_of(refusal.mistake);
            refusal.into()
        })
    }

    fn journey(&self) -> Option<&Journey> {
        self.context.journey
    }

    fn encode<O: Operation>(self, _: &'static Description, output: O::Output) -> Outcome<Draft> {
        self.frame.write(&output, self.context).map_err(Fault::internal)
    }
}

/// A refusal as XML-RPC says it.
#[derive(Clone, Debug)]
struct Refused {
    code: i32,
    message: String,
}

impl Refused {
    fn new(code: Option<i32>, fault: &Fault) -> Self {
        let mut message = fault.message.clone();
        if let Some(seconds) = fault.retry_after_seconds {
            // A fault of XML-RPC has two members and no place for more.
            message.push_str(&format!("; try again after {seconds} s"));
        }
        Self { code: code.unwrap_or(fault.kind.status().into()), message }
    }

    /// The answer. A credential that is missing or wrong is the one fault that HTTP has to know of: clients that wait
    /// for a challenge show theirs only then.
    fn reply(&self, dialect: Dialect) -> Reply {
        let unauthorised = FaultKind::NotAuthenticated.status();
        let status = if self.code == i32::from(unauthorised) { unauthorised } else { 200 };
        Reply { status, ..reply(encode::fault(self.code, &self.message, dialect)) }
    }

    fn no_such_method(name: &str) -> Self {
        let message = format!("there is no method {}; system.listMethods names them all", shown(name));
        Self { code: NO_SUCH_METHOD, message }
    }
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Self::new(None, &fault)
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let code = code_of(refusal.mistake);
        Self::new(code, &refusal.into())
    }
}

/// The code of a mistake in the document itself.
fn code_of(mistake: Mistake) -> Option<i32> {
    match mistake {
        Mistake::Malformed => Some(NOT_WELL_FORMED),
        Mistake::UnknownEncoding => Some(UNKNOWN_ENCODING),
        Mistake::InvalidCharacter => Some(INVALID_CHARACTER),
        Mistake::Foreign => Some(NOT_XMLRPC),
        Mistake::Misfit => Some(BAD_PARAMETERS),
        Mistake::IllTyped | Mistake::Invalid => None,
    }
}

#[cfg(test)]
pub(super) mod tests;
