//! `system.multicall`: several calls in one request, each dispatched, authorised and answered on its own.

use std::{fmt, sync::Arc};

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess};

use super::{
    Context, Frame, Refused,
    call::Parameters,
    decode::Raw,
    encode::{self, fault_value},
    introspection::MULTICALL,
};
use crate::{access::Caller, binding::refusal::Refusal, model::FaultKind, service::Services};

/// Most inner calls that are collected before the limit of the configuration is looked at.
const MOST_CALLS: usize = 100_000;

/// Makes the calls one after the other and answers with all of their answers.
///
/// # Errors
/// NotAuthenticated for a caller who may do nothing at all, Misfit for anything but one array of calls, TooLarge for
/// more calls than `limits.multicall_calls`.
pub(super) async fn answer(
    services: &Arc<Services>,
    caller: &Caller,
    mut parameters: Parameters<'_>,
    context: &Context<'_>,
) -> Result<String, Refused> {
    // Once, instead of once a call: what HTTP has to know of is the same for all of them.
    caller.admitted()?;
    let (Calls(calls),) = parameters.read_tuple::<(Calls<'_>,)>()?;
    let limit = context.limits.multicall_calls;
    if calls.len() > limit {
        let message = format!("{} calls in one request; limits.multicall_calls is {limit}", calls.len());
        return Err(Refused { code: FaultKind::TooLarge.status().into(), message });
    }
    let mut out = encode::begin("methodResponse", context.dialect);
    out.push_str("<params><param><value><array><data>");
    for call in calls {
        let answered = if out.len() as u64 > context.limits.inline_bytes {
            Err(over_inline_bytes(context.limits.inline_bytes))
        } else {
            inner(services, caller, call, context).await
        };
        match answered {
            Ok(value) => out.push_str(&value),
            Err(refused) => fault_value(&mut out, refused.code, &refused.message, context.dialect),
        }
    }
    out.push_str("</data></array></value></param></params></methodResponse>");
    Ok(out)
}

/// One call, answered with the array that holds its one result.
async fn inner(
    services: &Arc<Services>,
    caller: &Caller,
    call: InnerCall<'_>,
    context: &Context<'_>,
) -> Result<String, Refused> {
    let method = call.method.ok_or_else(|| Refused::from(Refusal::foreign("a call without methodName")))?;
    if method == MULTICALL {
        return Err(Refused { code: 400, message: "a multicall inside of a multicall is refused".to_owned() });
    }
    let parameters = match call.parameters {
        Some(Raw(value)) => Parameters::of_inner_call(value, context.limits)?,
        None => Parameters::none(context.limits),
    };
    super::call(services, caller, &method, parameters, context, Frame::Item).await
}

fn over_inline_bytes(limit: u64) -> Refused {
    let message = format!("the answers before this one fill limits.inline_bytes, {limit}; make this call on its own");
    Refused { code: FaultKind::TooLarge.status().into(), message }
}

/// One call as it stands in the request; its parameters are read once it is its turn.
#[derive(Default)]
struct InnerCall<'a> {
    method: Option<String>,
    parameters: Option<Raw<'a>>,
}

impl<'de> Deserialize<'de> for InnerCall<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = InnerCall<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a struct of methodName and params")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<InnerCall<'de>, A::Error> {
                let mut call = InnerCall::default();
                while let Some(name) = members.next_key::<String>()? {
                    match name.as_str() {
                        "methodName" => call.method = Some(members.next_value()?),
                        "params" => call.parameters = Some(members.next_value()?),
                        _ => drop(members.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(call)
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

/// The calls of a request, bounded while they are read.
struct Calls<'a>(Vec<InnerCall<'a>>);

impl<'de> Deserialize<'de> for Calls<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Calls<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of calls")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Calls<'de>, A::Error> {
                let mut calls = Vec::new();
                while let Some(call) = items.next_element()? {
                    if calls.len() == MOST_CALLS {
                        return Err(de::Error::custom(format_args!("more than {MOST_CALLS} calls in one request")));
                    }
                    calls.push(call);
                }
                Ok(Calls(calls))
            }
        }
        deserializer.deserialize_seq(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        binding::xmlrpc::call::Call,
        model::Limits,
        operation::{REGISTRY, node, search},
    };

    #[test]
    fn the_members_of_a_call_come_in_any_order_and_its_parameters_are_read_later() {
        let name = |name: &str| format!("<member><name>methodName</name><value>{name}</value></member>");
        let params =
            "<member><name>params</name> <value><array><data> <value>x &amp; y</value></data></array></value></member>";
        let document = format!(
            "<methodCall><methodName>{MULTICALL}</methodName><params><param><value><array><data>\
             <value><struct>{params}{}</struct></value><value><struct>{}<member><name>more</name><value/></member></struct></value>\
             <value><struct></struct></value></data></array></value></param></params></methodCall>",
            name("search.find"),
            name("node.info"),
        );
        let mut call = Call::read(&document, &Limits::default()).unwrap();
        let (Calls(calls),) = call.parameters.read_tuple::<(Calls<'_>,)>().unwrap();
        let methods: Vec<_> = calls.iter().map(|call| call.method.as_deref()).collect();
        assert_eq!(methods, [Some("search.find"), Some("node.info"), None]);
        let Some(Raw(value)) = &calls[0].parameters else { panic!("no parameters") };
        let mut parameters = Parameters::of_inner_call(value, &Limits::default()).unwrap();
        let find: search::Find = parameters.read(REGISTRY.find("search.find").unwrap()).unwrap();
        assert_eq!(find.query, "x & y");
        let none = Parameters::none(&Limits::default()).read::<node::Info>(REGISTRY.find("node.info").unwrap());
        assert!(none.is_ok() && calls[1].parameters.is_none());
    }

    #[test]
    fn parameters_of_an_inner_call_are_an_array() {
        assert!(Parameters::of_inner_call("<value><string>x</string></value>", &Limits::default()).is_err());
    }
}
