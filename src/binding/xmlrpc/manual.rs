//! What `system.methodHelp` and `system.methodSignature` say of an operation.

use std::fmt::Write;

use serde_json::Value as Json;

use crate::{
    model::FaultKind,
    operation::{
        CONTRACT,
        describe::{Contract, Description, Field, Type},
    },
};

/// Options that the example shows.
const OPTIONS_SHOWN: usize = 2;

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

/// How a method that another system serves is called: with all fields in order, as its libraries take them.
pub fn served_signature(operation: &Description) -> Vec<&'static str> {
    ["struct"].into_iter().chain(operation.input.fields.iter().map(type_name)).collect()
}

/// The manual of a method that another system serves, for whoever writes it: what is passed and what to answer.
pub fn served_help(contract: &Contract, operation: &Description) -> String {
    let mut help = format!("{}\n", operation.input.doc);
    parameters(&mut help, "Parameters", operation.input.fields.iter());
    let mut told = Vec::new();
    record(&mut help, "Answers a struct", contract, &operation.output, &mut told);
    help
}

/// A record and those that it holds, each once.
fn record(help: &mut String, title: &str, contract: &Contract, name: &str, told: &mut Vec<String>) {
    let Some(found) = contract.record(name).filter(|_| !told.iter().any(|known| known == name)) else { return };
    told.push(name.to_owned());
    let must_be = |field: &&Field| field.required || field.list;
    parameters(help, title, found.fields.iter().filter(must_be));
    parameters(help, "It may also hold", found.fields.iter().filter(|field| !must_be(field)));
    for field in &found.fields {
        if let Type::Record(inner) = &field.kind {
            record(help, &format!("Each of {} is a struct", field.name), contract, inner, told);
        }
    }
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
    let _ = write!(
        help,
        "\nExample, in Python:\n  import xmlrpc.client\n  \
         gate = xmlrpc.client.ServerProxy(\"http://127.0.0.1:7070/xmlrpc\")\n  {}",
        example(operation)
    );
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

/// A call with every required parameter and some of the options.
fn example(operation: &Description) -> String {
    let given = operation.example_full_request(&CONTRACT);
    let literal = |field: &Field| python(&field.kind, &given[&field.name]);
    let mut arguments: Vec<String> = operation.required().map(literal).collect();
    let mut options: Vec<_> = operation.optional().filter(|field| field.default.is_some()).collect();
    if options.is_empty() {
        options = operation.optional().filter(|field| field.example.is_some()).collect();
    }
    let options =
        options.into_iter().take(OPTIONS_SHOWN).map(|field| format!("\"{}\": {}", field.name, literal(field)));
    let options = options.collect::<Vec<_>>().join(", ");
    if !options.is_empty() {
        arguments.push(format!("{{{options}}}"));
    }
    format!("gate.{}({})", operation.name, arguments.join(", "))
}

/// A value as it is written in Python.
fn python(kind: &Type, value: &Json) -> String {
    match (kind, value) {
        (_, Json::Array(items)) => {
            format!("[{}]", items.iter().map(|item| python(kind, item)).collect::<Vec<_>>().join(", "))
        }
        (Type::Bytes, Json::String(base64)) => {
            let bytes = base64_simd::STANDARD.decode_to_vec(base64).unwrap_or_default();
            format!("xmlrpc.client.Binary(b\"{}\")", bytes.escape_ascii())
        }
        (Type::Time, Json::String(moment)) => {
            format!("xmlrpc.client.DateTime(\"{}\")", moment.replace('-', "").trim_end_matches('Z'))
        }
        (_, Json::Bool(true)) => "True".to_owned(),
        (_, Json::Bool(false)) => "False".to_owned(),
        // The literals of JSON's numbers and strings are Python's, too.
        (_, other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::REGISTRY;

    #[test]
    fn examples_are_python() {
        let example = |name: &str| example(REGISTRY.find(name).unwrap());
        assert_eq!(
            example("search.find"),
            "gate.search.find(\"debian netinst\", {\"limit\": 20, \"timeoutMs\": 3000})"
        );
        assert!(example("content.publish").contains("(\"minutes.txt\", xmlrpc.client.Binary(b\"hello\")"));
        assert_eq!(example("node.info"), "gate.node.info()");
        let removed = example("transfer.remove");
        assert!(removed.ends_with("{\"deleteData\": False})"), "{removed}");
        assert_eq!(
            python(&Type::Time, &"2026-11-22T06:49:55Z".into()),
            "xmlrpc.client.DateTime(\"20261122T06:49:55\")"
        );
    }
}
