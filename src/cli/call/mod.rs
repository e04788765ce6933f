//! `call`: any operation by its name. Options, checks and manuals are derived from the registry and from nothing else.

mod flags;
mod manual;

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{ArgMatches, Args, Command, FromArgMatches};
use serde_json::Value as Json;

use super::{Node, failure::Failure, output, units};
use crate::operation::{
    CONTRACT, REGISTRY,
    describe::{Description, Type},
};

/// The verb: an operation with its options, or none to list them all.
pub struct Call {
    chosen: Option<Chosen>,
}

struct Chosen {
    operation: &'static Description,
    matches: ArgMatches,
    node: Node,
}

impl Args for Call {
    fn augment_args(command: Command) -> Command {
        let command = command
            .about("Call any operation by its name")
            .help_template("{about}\n\n{usage-heading} peergate call OPERATION [OPTIONS]{after-help}\n")
            .after_help(manual::list())
            .disable_help_subcommand(true)
            .subcommand_value_name("OPERATION");
        CONTRACT.operations.iter().fold(command, |command, operation| command.subcommand(flags::command(operation)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Call {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let Some((name, matches)) = matches.subcommand() else { return Ok(Self { chosen: None }) };
        let unknown = || clap::Error::new(clap::error::ErrorKind::InvalidSubcommand);
        let operation = REGISTRY.find(name).ok_or_else(unknown)?;
        let node = Node::from_arg_matches(matches)?;
        Ok(Self { chosen: Some(Chosen { operation, matches: matches.clone(), node }) })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Call {
    /// Calls the operation and prints its answer, or lists the operations.
    pub async fn run(self) -> anyhow::Result<()> {
        let Some(Chosen { operation, matches, node }) = self.chosen else { return Ok(output::line(manual::list())?) };
        let input = flags::input(operation, &matches)?;
        let mut answer = node.client()?.call_json(operation, &input).await?;
        match matches.get_one::<PathBuf>(flags::OUTPUT) {
            None => output::json(&answer),
            Some(file) => {
                let said = write_bytes(operation, &mut answer, file)?;
                if file == Path::new("-") {
                    return Ok(());
                }
                output::note(said);
                output::json(&answer)
            }
        }
    }
}

/// Moves the bytes of an answer to a file; says so.
fn write_bytes(operation: &Description, answer: &mut Json, file: &Path) -> anyhow::Result<String> {
    let fields = CONTRACT.record(&operation.output).into_iter().flat_map(|record| &record.fields);
    let field = fields.into_iter().find(|field| field.kind == Type::Bytes && !field.list);
    let field = field.ok_or_else(|| Failure::Usage(format!("the answer of {} holds no bytes", operation.name)))?;
    let base64 = answer.as_object_mut().and_then(|object| object.shift_remove(&field.name)).unwrap_or_default();
    let bytes = base64_simd::forgiving_decode_to_vec(base64.as_str().unwrap_or_default().as_bytes())?;
    if file == Path::new("-") {
        std::io::Write::write_all(&mut std::io::stdout().lock(), &bytes)?;
    } else {
        std::fs::write(file, &bytes).with_context(|| format!("{} cannot be written", file.display()))?;
    }
    Ok(format!("wrote {} of {} to {}", units::size(bytes.len() as u64), field.name, file.display()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bytes_of_an_answer_go_to_the_file_and_leave_the_document() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("part");
        let mut answer = json!({"data": "aGVsbG8=", "offset": 0, "size": 5, "eof": true});
        write_bytes(REGISTRY.find("content.read").unwrap(), &mut answer, &file).unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"hello");
        assert_eq!(answer, json!({"offset": 0, "size": 5, "eof": true}));
        let none = write_bytes(REGISTRY.find("node.info").unwrap(), &mut json!({}), &file).unwrap_err();
        assert!(none.to_string().contains("holds no bytes"), "{none}");
    }
}
