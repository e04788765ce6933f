//! `system.multicall`: several calls in one request, each dispatched, authorised, counted and answered on its own.
//!
//! Calls that change nothing have no order between them, so some of them run at once; one that has an effect waits for
//! those before it, and those behind it wait for it. The answers stand in the order of the calls.

use std::{fmt, time::Duration};

use futures::{StreamExt, stream::FuturesOrdered};
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, SeqAccess};
use tokio::time::Instant;

use super::{
    Frame, Refused, Scope,
    call::{InnerCall, Parameters},
    decode::Raw,
    encode::{self, fault_value},
    system::MULTICALL,
};
use crate::{
    binding::xml::Draft,
    model::{FaultKind, Limits},
    operation::REGISTRY,
};

/// Calls without an effect that one request has under way at one time.
const AT_ONCE: usize = 4;
/// How long after the first call another one may still begin; each then has the time that its operation takes.
const BEGIN_WITHIN: Duration = Duration::from_secs(60);

/// Makes the calls and answers with all of their answers.
///
/// # Errors
/// NotAuthenticated for a caller who may do nothing at all, Misfit for anything but one array, TooLarge for more calls
/// than `limits.multicall_calls`.
pub(super) async fn answer(scope: Scope<'_>, parameters: Parameters<'_>) -> Result<Draft, Refused> {
    // Once, instead of once a call: what HTTP has to know of is the same for all of them.
    scope.caller.admitted()?;
    let values = inner_calls(parameters, scope.context.limits)?;
    let read = |value| InnerCall::read(value, scope.context.limits).map_err(Refused::from);
    let calls: Vec<_> = values.into_iter().map(read).collect();
    let mut answers = Answers::new(scope);
    for run in calls.chunk_by(|one, next| !has_effect(one) && !has_effect(next)) {
        answers.add(run).await;
    }
    Ok(answers.finish())
}

/// The `value` that each call occupies in the document.
///
/// # Errors
/// As for [`answer`].
pub(super) fn inner_calls<'a>(mut parameters: Parameters<'a>, limits: &Limits) -> Result<Vec<&'a str>, Refused> {
    let limit = limits.multicall_calls;
    let Values { first, count } = parameters.read_one_as(AtMost(limit))?;
    if count > limit {
        return Err(too_large(format!("{count} calls in one request; limits.multicall_calls is {limit}")));
    }
    Ok(first.into_iter().map(|Raw(value)| value).collect())
}

/// What a multicall inside of a multicall is answered.
pub(super) fn nested() -> Refused {
    Refused {
        code: FaultKind::InvalidRequest.status().into(),
        message: "a multicall inside of a multicall is refused".to_owned(),
    }
}

fn too_large(message: String) -> Refused {
    Refused { code: FaultKind::TooLarge.status().into(), message }
}

/// Whether a call has to keep its place among the others.
fn has_effect(call: &Result<InnerCall<'_>, Refused>) -> bool {
    call.as_ref().is_ok_and(|call| REGISTRY.find(&call.method).is_some_and(|operation| operation.has_effect))
}

/// The answer as it grows.
struct Answers<'a> {
    scope: Scope<'a>,
    out: Draft,
    started: Instant,
}

impl<'a> Answers<'a> {
    fn new(scope: Scope<'a>) -> Self {
        let mut out = encode::begin("methodResponse", scope.context.dialect);
        out.push_str("<params><param><value><array><data>");
        Self { scope, out, started: Instant::now() }
    }

    /// Makes these calls, between which there is no order, and adds their answers.
    async fn add(&mut self, calls: &[Result<InnerCall<'a>, Refused>]) {
        let at_once = AT_ONCE.min(self.scope.context.limits.concurrent_requests).max(1);
        let (mut waiting, mut under_way) = (calls.iter(), FuturesOrdered::new());
        loop {
            while under_way.len() < at_once
                && let Some(call) = waiting.next()
            {
                under_way.push_back(make(self.scope, call, self.admit()));
            }
            match under_way.next().await {
                Some(Ok(value)) => self.out.push(&value),
                Some(Err(refused)) => {
                    fault_value(&mut self.out, refused.code, &refused.message, self.scope.context.dialect);
                }
                None => break,
            }
        }
    }

    /// Whether another call may begin.
    fn admit(&self) -> Result<(), Refused> {
        let limit = self.scope.context.limits.inline_bytes;
        if self.out.len() as u64 > limit {
            let full = "the answers before this one fill limits.inline_bytes";
            return Err(too_large(format!("{full}, {limit}; make this call on its own")));
        }
        if self.started.elapsed() > BEGIN_WITHIN {
            let seconds = BEGIN_WITHIN.as_secs();
            let message = format!("the calls before this one took more than {seconds} s; make this call on its own");
            return Err(Refused { code: FaultKind::Timeout.status().into(), message });
        }
        Ok(())
    }

    fn finish(mut self) -> Draft {
        self.out.push_str("</data></array></value></param></params></methodResponse>");
        self.out
    }
}

/// One call, answered with the array that holds its one result.
async fn make(
    scope: Scope<'_>,
    call: &Result<InnerCall<'_>, Refused>,
    admitted: Result<(), Refused>,
) -> Result<Draft, Refused> {
    let call = call.as_ref().map_err(Clone::clone)?;
    admitted?;
    let parameters = Parameters::of_inner_call(call, scope.context.limits)?;
    super::call(scope, call.method.trim(), parameters, Frame::Item).await
}

/// The first values of an array, and how many there are.
struct Values<'a> {
    first: Vec<Raw<'a>>,
    count: usize,
}

/// Reads an array of which no more than so many values are kept.
struct AtMost(usize);

impl<'de> DeserializeSeed<'de> for AtMost {
    type Value = Values<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Values<'de>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> de::Visitor<'de> for AtMost {
    type Value = Values<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of calls for {MULTICALL}")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Values<'de>, A::Error> {
        let mut first = Vec::new();
        while first.len() < self.0 {
            match items.next_element()? {
                Some(value) => first.push(value),
                None => return Ok(Values { count: first.len(), first }),
            }
        }
        let mut count = first.len();
        while items.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Values { first, count })
    }
}
