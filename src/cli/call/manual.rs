//! The manual of the operations for a terminal, from their descriptions.

use std::fmt::Write;

use super::flags::kebab;
use crate::operation::{
    CONTRACT,
    describe::{Description, Field, Type},
};

/// Every operation by service, with its summary.
pub fn list() -> String {
    let mut text = String::new();
    let mut service = "";
    let width = CONTRACT.operations.iter().map(|operation| operation.name.len()).max().unwrap_or(0);
    for operation in &CONTRACT.operations {
        if operation.service() != service {
            service = operation.service();
            let _ = writeln!(text, "{}{service}:", if text.is_empty() { "" } else { "\n" });
        }
        let _ = writeln!(text, "  {:<width$}  {}", operation.name, sentence(operation.summary()));
    }
    text + "\nExamples:\n  peergate call search.find --help\n  peergate call search.find --query 'debian netinst' --limit 5\n  \
            peergate call content.read --content-id bafkr4i… --output part.bin"
}

/// The first sentence.
fn sentence(text: &str) -> &str {
    text.split_inclusive(". ").next().unwrap_or(text).trim_end()
}

/// A field's documentation, with its type, its default and its range.
pub fn field(field: &Field) -> String {
    let mut text = format!("{} [{}", field.doc, type_name(field));
    match (field.minimum, field.maximum) {
        (Some(least), Some(most)) => _ = write!(text, ", {least} to {most}"),
        (Some(least), None) => _ = write!(text, ", at least {least}"),
        (None, Some(most)) => _ = write!(text, ", at most {most}"),
        (None, None) => {}
    }
    if let Some(default) = &field.default {
        let _ = write!(text, ", default {default}");
    }
    if field.required {
        text += ", required";
    }
    text + "]"
}

fn type_name(field: &Field) -> String {
    let name = match &field.kind {
        Type::String => "string",
        Type::Boolean => "boolean",
        Type::Int => "int",
        Type::Long => "long",
        Type::Double => "double",
        Type::Time => "time",
        Type::Bytes => "bytes: @file or the text itself",
        Type::Record(name) | Type::Enumeration(name) => name,
    };
    if field.list { format!("{name}, repeatable") } else { name.to_owned() }
}

/// A command that can be typed.
pub fn example(operation: &Description) -> String {
    let mut text = format!("Example:\n  peergate call {}", operation.name);
    let input = operation.example_request(&CONTRACT);
    for (name, value) in input.as_object().into_iter().flatten() {
        let field = operation.input.fields.iter().find(|field| field.name == *name);
        let value = match (field.map(|field| &field.kind), value.as_str()) {
            (Some(Type::Bytes), _) => "@file".to_owned(),
            (_, Some(word)) if word.chars().all(|c| c.is_alphanumeric() || "./-_:".contains(c)) => word.to_owned(),
            (_, Some(words)) => format!("'{words}'"),
            (_, None) => value.to_string(),
        };
        let _ = write!(text, " --{} {value}", kebab(name));
    }
    text
}

/// What follows the options in the long manual: the answer and an example.
pub fn after(operation: &Description) -> String {
    let mut text = format!("Answers {}:\n", operation.output);
    let fields = CONTRACT.record(&operation.output).into_iter().flat_map(|record| &record.fields);
    for field in fields {
        let mark = if field.required || field.list { "" } else { "?" };
        let list = if field.list { "[]" } else { "" };
        let kind = match &field.kind {
            Type::Bytes => "bytes".to_owned(),
            _ => type_name(&Field { list: false, ..field.clone() }),
        };
        let _ = writeln!(text, "  {}{mark}: {kind}{list}  {}", field.name, field.doc);
    }
    text + "\n" + &example(operation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::REGISTRY;

    #[test]
    fn every_operation_is_listed_once_under_its_service() {
        let list = list();
        for operation in &CONTRACT.operations {
            assert_eq!(list.matches(&format!("\n  {} ", operation.name)).count(), 1, "{list}");
            assert!(list.contains(&format!("{}:\n", operation.service())));
        }
    }

    #[test]
    fn the_manual_tells_types_ranges_and_defaults() {
        let find = REGISTRY.find("search.find").unwrap();
        let limit = find.input.fields.iter().find(|field| field.name == "limit").unwrap();
        assert_eq!(field(limit), "Most hits wanted. [int, 1 to 200, default 20]");
        assert_eq!(example(find), "Example:\n  peergate call search.find --query 'debian netinst'");
        assert!(after(find).contains("hits: Hit[]"), "{}", after(find));
    }
}
