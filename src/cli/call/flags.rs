//! The options of an operation: one a field, of the field's type, and the input that they make.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, value_parser};
use serde_json::{Map, Value as Json, json};

use super::{super::Node, manual};
use crate::{
    cli::failure::Failure,
    model::Time,
    operation::describe::{Description, Field, Type},
};

/// The option that takes the whole input as JSON.
const JSON_INPUT: &str = "json-input";
/// The option that names the file for the answer's bytes.
pub const OUTPUT: &str = "output";
/// Most bytes that are read from a file or standard input; more is streamed with `peergate share`.
const MAX_READ: u64 = 64 << 20;

/// The command of one operation.
pub fn command(operation: &'static Description) -> Command {
    // The options of the node come first, because clap would take their group's documentation for the command's.
    let command = Node::augment_args(Command::new(operation.name))
        .about(operation.summary().to_owned())
        .long_about(operation.input.doc.clone())
        .after_long_help(manual::after(operation))
        .after_help(manual::example(operation));
    let command = operation
        .input
        .fields
        .iter()
        .fold(command.next_help_heading("Fields"), |command, field| command.arg(option(field)));
    let command = command.next_help_heading("Input and output").arg(
        Arg::new(JSON_INPUT)
            .long(JSON_INPUT)
            .value_name("JSON|@FILE|-")
            .help("The input as one JSON object; options override its members"),
    );
    command.arg(
        Arg::new(OUTPUT)
            .long(OUTPUT)
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .help("Write the bytes of the answer to this file (`-`: standard output), not as base64 into the JSON"),
    )
}

fn option(field: &'static Field) -> Arg {
    let long = kebab(&field.name);
    let mut arg = Arg::new(field.name.as_str())
        .long(long.clone())
        .help(manual::field(field))
        .value_name(value_name(field))
        .required_unless_present_any(field.required.then_some(JSON_INPUT))
        .action(if field.list { ArgAction::Append } else { ArgAction::Set });
    if long != field.name {
        arg = arg.alias(field.name.as_str());
    }
    match field.kind {
        Type::Boolean => arg.num_args(0..=1).default_missing_value("true").value_parser(value_parser!(bool)),
        Type::Int | Type::Long => {
            let least = field.minimum.unwrap_or(if field.kind == Type::Int { i32::MIN.into() } else { i64::MIN });
            let most = field.maximum.unwrap_or(if field.kind == Type::Int { i32::MAX.into() } else { i64::MAX });
            arg.value_parser(value_parser!(i64).range(least..=most)).allow_negative_numbers(true)
        }
        Type::Double => arg.value_parser(value_parser!(f64)).allow_negative_numbers(true),
        _ => arg,
    }
}

fn value_name(field: &Field) -> &'static str {
    match field.kind {
        Type::String | Type::Enumeration(_) => "TEXT",
        Type::Boolean => "BOOLEAN",
        Type::Int | Type::Long | Type::Double => "NUMBER",
        Type::Time => "TIME",
        Type::Bytes => "@FILE|TEXT",
        Type::Record(_) => "JSON",
    }
}

/// `mediaType` as `media-type`.
pub fn kebab(name: &str) -> String {
    name.chars().fold(String::new(), |mut out, letter| {
        if letter.is_ascii_uppercase() {
            out.push('-');
        }
        out.push(letter.to_ascii_lowercase());
        out
    })
}

/// The input that the options make.
///
/// # Errors
/// Usage for what is no JSON, no time or too large, and what a file says that cannot be read.
pub fn input(operation: &Description, matches: &ArgMatches) -> anyhow::Result<Json> {
    let mut input = match matches.get_one::<String>(JSON_INPUT) {
        None => Map::new(),
        Some(text) => object(text)?,
    };
    for field in &operation.input.fields {
        let values = match field.kind {
            Type::Boolean => all::<bool>(matches, field, |&value| Ok(json!(value)))?,
            Type::Int | Type::Long => all::<i64>(matches, field, |&value| Ok(json!(value)))?,
            Type::Double => all::<f64>(matches, field, |&value| Ok(json!(value)))?,
            _ => all::<String>(matches, field, |text| text_value(field, text))?,
        };
        match values {
            Some(values) if field.list => input.insert(field.name.clone(), Json::Array(values)),
            Some(mut values) => values.pop().and_then(|value| input.insert(field.name.clone(), value)),
            None => None,
        };
    }
    Ok(Json::Object(input))
}

fn all<T: Clone + Send + Sync + 'static>(
    matches: &ArgMatches,
    field: &Field,
    read: impl Fn(&T) -> anyhow::Result<Json>,
) -> anyhow::Result<Option<Vec<Json>>> {
    matches.get_many::<T>(&field.name).map(|values| values.map(read).collect()).transpose()
}

fn text_value(field: &Field, text: &str) -> anyhow::Result<Json> {
    let usage = |reason: String| Failure::Usage(format!("--{} {reason}", kebab(&field.name)));
    Ok(match field.kind {
        Type::Bytes => {
            let bytes = text.strip_prefix('@').map_or_else(|| Ok(text.as_bytes().to_vec()), read)?;
            json!(base64_simd::STANDARD.encode_to_string(bytes))
        }
        Type::Time => json!(text.parse::<Time>().map_err(usage)?),
        Type::Record(_) => serde_json::from_str(text).map_err(|error| usage(error.to_string()))?,
        _ => json!(text),
    })
}

/// Reads the argument of `--json-input`.
fn object(argument: &str) -> anyhow::Result<Map<String, Json>> {
    let text = match argument.strip_prefix('@') {
        Some(file) => read(file)?,
        None if argument == "-" => read("-")?,
        None => argument.as_bytes().to_vec(),
    };
    let object = serde_json::from_slice(&text);
    object.map_err(|error| Failure::Usage(format!("--{JSON_INPUT} wants one JSON object: {error}")).into())
}

/// Reads a file, or standard input for `-`.
fn read(file: &str) -> anyhow::Result<Vec<u8>> {
    let from: Box<dyn Read> = if file == "-" {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(Path::new(file)).with_context(|| format!("{file} cannot be read"))?)
    };
    let mut bytes = Vec::new();
    from.take(MAX_READ + 1).read_to_end(&mut bytes).with_context(|| format!("{file} cannot be read"))?;
    if bytes.len() as u64 > MAX_READ {
        let way = "stream it with `peergate share`";
        return Err(Failure::Usage(format!("{file} has more than {MAX_READ} bytes; {way}")).into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::{CONTRACT, REGISTRY};

    fn parse(words: &[&str]) -> anyhow::Result<Json> {
        let operation = REGISTRY.find(words[0]).unwrap();
        input(operation, &command(operation).try_get_matches_from(words)?)
    }

    #[test]
    fn every_field_of_every_operation_is_an_option() {
        for operation in &CONTRACT.operations {
            let command = command(operation);
            command.clone().debug_assert();
            for field in &operation.input.fields {
                assert!(
                    command.get_arguments().any(|arg| arg.get_long() == Some(&kebab(&field.name))),
                    "{}",
                    field.name
                );
            }
        }
    }

    #[test]
    fn options_make_an_input_of_the_fields_types() {
        let words =
            ["search.find", "--query", "x", "--tags", "a", "--tags", "b", "--min-size", "5", "--mediaType", "t/p"];
        let want = json!({"query": "x", "tags": ["a", "b"], "minSize": 5, "mediaType": "t/p"});
        assert_eq!(parse(&words).unwrap(), want);
        let removed = parse(&["transfer.remove", "--transfer-id", "t", "--delete-data"]).unwrap();
        assert_eq!(removed, json!({"transferId": "t", "deleteData": true}));
        let kept = parse(&["transfer.remove", "--transfer-id", "t", "--delete-data=false"]).unwrap();
        assert_eq!(kept, json!({"transferId": "t", "deleteData": false}));
        assert_eq!(parse(&["transfer.start", "--content-id", "c", "--priority", "-5"]).unwrap()["priority"], json!(-5));
    }

    #[test]
    fn json_input_is_the_ground_that_options_override() {
        let words = ["search.find", "--json-input", r#"{"query":"x","limit":3}"#, "--limit", "4"];
        assert_eq!(parse(&words).unwrap(), json!({"query": "x", "limit": 4}));
        assert!(parse(&["search.find", "--json-input", "[]"]).is_err());
    }

    #[test]
    fn bytes_come_from_a_file_or_are_the_text() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("data");
        std::fs::write(&file, [0xff, 0]).unwrap();
        let data = |argument: &str| {
            parse(&["content.publish", "--name", "n", "--data", argument]).map(|json| json["data"].clone())
        };
        assert_eq!(data(&format!("@{}", file.display())).unwrap(), json!("/wA="));
        assert_eq!(data("hello").unwrap(), json!("aGVsbG8="));
        assert!(data("@/does/not/exist").is_err());
    }

    #[test]
    fn what_is_missing_or_out_of_range_is_refused_before_anything_is_sent() {
        for words in [&["search.find"][..], &["search.find", "--query", "x", "--limit", "201"], &["node.info", "--x"]] {
            assert!(parse(words).is_err(), "{words:?}");
        }
    }
}
