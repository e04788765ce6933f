//! `docs/operations.md`: the contract as a person reads it.

use std::fmt::Write;

use super::{Contract, Description, Enumeration, Field, Record, Type};
use crate::model::FaultKind;

const OPENING: &str = "\
# Operations

Written by `peergate describe --write` from the registry of operations; a test fails when it is stale.

Every operation has one name on every binding:

| binding | name | input |
|---|---|---|
| XML-RPC | the method `search.find` | the required fields in order, then one struct with the others; or one struct with all |
| SOAP | the body element `SearchFind` in `urn:peergate:v1`, answered by `SearchFindResponse` with one `result` | child elements |
| JSON | `POST /api/search/find` | one object |
| command line | `peergate call search.find --query x` | flags |
";

impl Contract {
    /// The manual of all operations, records and faults, in Markdown.
    pub fn manual(&self) -> String {
        let mut out = OPENING.to_owned();
        let mut service = "";
        for operation in &self.operations {
            if operation.service() != service {
                service = operation.service();
                let _ = write!(out, "\n## {service}\n");
            }
            self.operation(&mut out, operation);
        }
        out.push_str("\n## Records\n");
        for record in &self.records {
            let _ = write!(out, "\n### {}\n\n{}\n", record.name, record.doc);
            fields(&mut out, record);
        }
        out.push_str("\n## Enumerations\n");
        self.enumerations.iter().for_each(|enumeration| words(&mut out, enumeration));
        faults(&mut out);
        out
    }

    fn operation(&self, out: &mut String, operation: &Description) {
        let _ = write!(out, "\n### {}\n\n{}\n", operation.name, operation.input.doc);
        fields(out, &operation.input);
        let output = &operation.output;
        let _ = write!(out, "\nAnswers [{output}](#{}).\n", output.to_lowercase());
        let (request, path) = (operation.example_request(self), operation.name.replacen('.', "/", 1));
        let _ = write!(
            out,
            "\n```sh\ncurl http://127.0.0.1:7070/api/{path} -H 'Content-Type: application/json' -d '{request}'\n```\n"
        );
    }
}

fn fields(out: &mut String, record: &Record) {
    if record.fields.is_empty() {
        return;
    }
    out.push_str("\n| field | type | | |\n|---|---|---|---|\n");
    for field in &record.fields {
        let _ = writeln!(out, "| `{}` | {} | {} | {} |", field.name, type_of(field), presence(field), cell(&field.doc));
    }
}

fn type_of(field: &Field) -> String {
    let name = match &field.kind {
        Type::String => "string".to_owned(),
        Type::Boolean => "boolean".to_owned(),
        Type::Int => "int".to_owned(),
        Type::Long => "long".to_owned(),
        Type::Double => "double".to_owned(),
        Type::Time => "time".to_owned(),
        Type::Bytes => "bytes".to_owned(),
        Type::Record(name) | Type::Enumeration(name) => format!("[{name}](#{})", name.to_lowercase()),
    };
    if field.list { name + "[]" } else { name }
}

fn presence(field: &Field) -> String {
    let mut said = Vec::new();
    match &field.default {
        _ if field.required => said.push("required".to_owned()),
        Some(default) => said.push(format!("default {default}")),
        None => said.push("optional".to_owned()),
    }
    if let (Some(minimum), Some(maximum)) = (field.minimum, field.maximum) {
        said.push(format!("{minimum} to {maximum}"));
    }
    said.join(", ")
}

fn words(out: &mut String, enumeration: &Enumeration) {
    let _ = write!(out, "\n### {}\n\n{}\n\n", enumeration.name, enumeration.doc);
    for (word, doc) in &enumeration.values {
        let _ = writeln!(out, "- `{word}`: {doc}");
    }
}

fn faults(out: &mut String) {
    out.push_str("\n## Faults\n\n| kind | XML-RPC and HTTP | SOAP 1.1, 1.2 | when |\n|---|---|---|---|\n");
    for kind in FaultKind::ALL {
        let code = if kind.is_callers() { "Client, Sender" } else { "Server, Receiver" };
        let _ = writeln!(out, "| {} | {} | {code} | {} |", kind.name(), kind.status(), kind.when());
    }
}

/// A text within one cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
