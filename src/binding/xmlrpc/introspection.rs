//! `system.*`: what the node answers, told by the registry of operations.

use std::fmt::Write;

use serde_json::{Value as Json, json};

use super::{Frame, Refused, call::Parameters, dialect::Dialect};
use crate::{
    model::FaultKind,
    operation::{
        CONTRACT, REGISTRY,
        describe::{Description, Field, Type},
    },
};

/// The methods beside the operations: name, signature and help.
const SYSTEM: [(&str, &[&str], &str); 5] = [
    ("system.getCapabilities", &["struct"], "Which conventions the node follows, each with its specification."),
    ("system.listMethods", &["array"], "The names of all methods."),
    ("system.methodHelp", &["string", "string"], "What the method of that name does, with an example."),
    ("system.methodSignature", &["array", "string"], "The types that the method of that name answers and takes."),
    (
        MULTICALL,
        &["array", "array"],
        "Makes several calls, each a struct of methodName and params. Answers an array that holds, for each call in \
         order, an array with its one result, or the struct of its fault.",
    ),
];
/// Several calls in one, which needs the operations themselves.
pub const MULTICALL: &str = "system.multicall";

/// Answers a method of `system` other than multicall; none when there is no such method.
///
/// # Errors
/// As the parameters deserve.
pub(super) fn answer(
    method: &str,
    parameters: &mut Parameters<'_>,
    dialect: Dialect,
    frame: Frame,
) -> Option<Result<String, Refused>> {
    let answer = match method {
        "system.listMethods" => parameters.read_tuple::<[u8; 0]>().map(|_| json!(names())).map_err(Refused::from),
        "system.getCapabilities" => parameters.read_tuple::<[u8; 0]>().map(|_| capabilities()).map_err(Refused::from),
        "system.methodHelp" => about(parameters, |operation| help(operation).into(), |_, help| help.into()),
        "system.methodSignature" => {
            about(parameters, |operation| json!(signatures(operation)), |types, _| json!([types]))
        }
        _ => return None,
    };
    Some(answer.and_then(|answer| Ok(frame.write(&answer, dialect)?)))
}

/// What is asked about the method that the only parameter names.
fn about(
    parameters: &mut Parameters<'_>,
    of_operation: impl Fn(&'static Description) -> Json,
    of_system: impl Fn(&[&str], &str) -> Json,
) -> Result<Json, Refused> {
    let (name,) = parameters.read_tuple::<(String,)>()?;
    if let Some((_, types, help)) = SYSTEM.iter().find(|(system, ..)| *system == name) {
        return Ok(of_system(types, help));
    }
    REGISTRY.find(&name).map(of_operation).ok_or_else(|| Refused::no_such_method(&name))
}

fn names() -> Vec<&'static str> {
    CONTRACT.operations.iter().map(|operation| operation.name).chain(SYSTEM.map(|(name, ..)| name)).collect()
}

fn capabilities() -> Json {
    let capability = |url: &str, version: i32| json!({ "specUrl": url, "specVersion": version });
    json!({
        "xmlrpc": capability("http://xmlrpc.com/spec.md", 1),
        "introspect": capability("http://xmlrpc-c.sourceforge.net/introspection.html", 1),
        "system.multicall": capability("http://mirrors.talideon.com/articles/multicall.html", 1),
        "faults_interop": capability("http://xmlrpc-epi.sourceforge.net/specs/rfc.fault_codes.php", 20010516),
    })
}

/// Every form in which the operation may be called, each as the type of the answer and those of the parameters.
pub fn signatures(operation: &Description) -> Vec<Vec<&'static str>> {
    let positional: Vec<_> = ["struct"].into_iter().chain(operation.required().map(type_name)).collect();
    let with_options = [&positional[..], &["struct"]].concat();
    let single = vec!["struct", "struct"];
    let mut forms = vec![positional];
    if operation.optional().next().is_some() {
        forms.push(with_options);
    }
    if !operation.input.fields.is_empty() && !forms.contains(&single) {
        forms.push(single);
    }
    forms
}

/// The XML-RPC type of a field, as it is written when the URL asks for no dialect.
pub fn type_name(field: &Field) -> &'static str {
    if field.list {
        return "array";
    }
    match field.kind {
        Type::String | Type::Enumeration(_) => "string",
        Type::Boolean => "boolean",
        Type::Int | Type::Long => "int",
        Type::Double => "double",
        Type::Time => "dateTime.iso8601",
        Type::Bytes => "base64",
        Type::Record(_) => "struct",
    }
}

/// The manual of an operation: what it does, what it takes and answers, and a call to copy.
pub fn help(operation: &Description) -> String {
    let mut help = format!("{}\n\n{}\n", operation.input.doc, super::call::usage(operation));
    parameters(&mut help, "Parameters", operation.required());
    parameters(&mut help, "Options, the members of the struct at the end", operation.optional());
    if let Some(record) = CONTRACT.record(&operation.output) {
        parameters(&mut help, "Answers a struct", record.fields.iter());
    }
    help.push_str("\nFaults carry one of:\n");
    for kind in FaultKind::ALL {
        // Writing to a string cannot fail.
        let _ = writeln!(help, "  {} {}: {}", kind.status(), kind.name(), kind.when());
    }
    let _ = write!(help, "\nExample, in Python:\n  {}", example(operation));
    help
}

fn parameters<'a>(help: &mut String, title: &str, fields: impl Iterator<Item = &'a Field>) {
    let mut fields = fields.peekable();
    if fields.peek().is_some() {
        let _ = write!(help, "\n{title}:\n");
    }
    for field in fields {
        let default = field.default.as_ref().map(|default| format!(" (default {default})")).unwrap_or_default();
        let range = match (field.minimum, field.maximum) {
            (Some(least), Some(most)) => format!(" ({least} to {most})"),
            _ => String::new(),
        };
        let _ =
            writeln!(help, "  {} {}: {}{default}{range}", type_name(field), field.name, field.doc.replace('\n', " "));
    }
}

fn example(operation: &Description) -> String {
    let given = operation.example_request(&CONTRACT);
    let given: Vec<String> = operation.required().map(|field| given[&field.name].to_string()).collect();
    format!("xmlrpc.client.ServerProxy(\"http://127.0.0.1:7070/xmlrpc\").{}({})", operation.name, given.join(", "))
}
