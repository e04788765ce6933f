//! `system.*`: what the node answers, told by the registry of operations.

use serde_json::{Value as Json, json};

use super::{
    Context, Refused, manual,
    method::{self, Method},
    multicall,
};
use crate::operation::{CONTRACT, REGISTRY};

/// The name under which several calls come in one, which needs the operations themselves.
pub const MULTICALL: &str = "system.multicall";

/// The methods of `system`.
pub const METHODS: &[Method] = &[
    Method {
        name: "system.getCapabilities",
        signatures: &[&["struct"]],
        help: "Which conventions the node follows, each with its specification; its own limits under peergate.",
        answer: |parameters, context, frame| {
            parameters.read_none()?;
            Ok(frame.write(&capabilities(context), context)?)
        },
    },
    Method {
        name: "system.listMethods",
        signatures: &[&["array"]],
        help: "The names of all methods.",
        answer: |parameters, context, frame| {
            parameters.read_none()?;
            let operations = CONTRACT.operations.iter().map(|operation| operation.name);
            let names: Vec<_> = operations.chain(method::methods(context).map(|method| method.name)).collect();
            Ok(frame.write(&names, context)?)
        },
    },
    Method {
        name: "system.methodExist",
        signatures: &[&["boolean", "string"]],
        help: "Whether there is a method of that name.",
        answer: |parameters, context, frame| {
            let name = parameters.read_text()?;
            let exists = REGISTRY.find(&name).is_some() || method::find(&name, context).is_some();
            Ok(frame.write(&exists, context)?)
        },
    },
    Method {
        name: "system.methodHelp",
        signatures: &[&["string", "string"]],
        help: "What the method of that name does, with an example.",
        answer: |parameters, context, frame| {
            let name = parameters.read_text()?;
            match (REGISTRY.find(&name), method::find(&name, context)) {
                (Some(operation), _) => Ok(frame.write(&manual::help(operation), context)?),
                (None, Some(method)) => Ok(frame.write(&method.help, context)?),
                (None, None) => Err(Refused::no_such_method(&name)),
            }
        },
    },
    Method {
        name: "system.methodSignature",
        signatures: &[&["array", "string"]],
        help: "Every form in which the method of that name may be called: an array with the type of the answer and \
               those of the parameters for each.",
        answer: |parameters, context, frame| {
            let name = parameters.read_text()?;
            match (REGISTRY.find(&name), method::find(&name, context)) {
                (Some(operation), _) => Ok(frame.write(&manual::signatures(operation), context)?),
                (None, Some(method)) => Ok(frame.write(&method.signatures, context)?),
                (None, None) => Err(Refused::no_such_method(&name)),
            }
        },
    },
    Method {
        name: MULTICALL,
        signatures: &[&["array", "array"]],
        help: "Makes several calls, each a struct of methodName and params. Answers an array that holds, for each \
               call in order, an array with its one result, or the struct of its fault. Calls that change nothing may \
               be made at the same time; one that does waits for those before it, and those behind it wait for it.",
        answer: |_, _, _| Err(multicall::nested()),
    },
];

fn capabilities(context: &Context<'_>) -> Json {
    let capability = |url: &str, version: i32| json!({ "specUrl": url, "specVersion": version });
    json!({
        "xmlrpc": capability("http://xmlrpc.com/spec.md", 1),
        "introspection": capability("http://xmlrpc-c.sourceforge.net/introspection.html", 1),
        // The name under which older libraries look for the same.
        "introspect": capability("http://xmlrpc-c.sourceforge.net/introspection.html", 1),
        "system.multicall": capability("http://mirrors.talideon.com/articles/multicall.html", 1),
        "faults_interop": capability("http://xmlrpc-epi.sourceforge.net/specs/rfc.fault_codes.php", 20010516),
        "peergate": { "specUrl": "urn:peergate:v1", "specVersion": 1, "limits": context.limits },
    })
}
