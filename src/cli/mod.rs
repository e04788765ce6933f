//! The command line: verbs for people and scripts, and the demo.
//!
//! All verbs but `serve`, `describe` and `demo` are XML-RPC clients of a running node, so that they work from any
//! machine and prove with every use that the binding does.

mod bridges;
mod call;
mod client;
mod demo;
mod describe;
mod events;
mod failure;
mod file_name;
pub mod generated;
mod get;
pub mod hashing;
mod list;
mod output;
mod peers;
mod pick;
mod progress;
mod search;
mod serve;
mod share;
mod table;
mod transfers;
mod units;
mod value;

use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

pub use failure::exit_code;
pub use serve::Serve;

use client::Client;
use failure::Failure;

/// Where a node answers when nobody says otherwise.
const DEFAULT_URL: &str = "http://127.0.0.1:7070/xmlrpc";

/// A peer-to-peer gateway node: search and verified transfer over libp2p, offered as SOAP, XML-RPC and JSON.
#[derive(Parser)]
#[command(name = "peergate", version)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

/// What to do.
#[derive(Subcommand)]
pub enum Verb {
    /// Run a node
    Serve(Serve),
    /// See the main job end to end, on this machine, in less than a minute
    Demo(demo::Demo),
    /// Search every overlay
    Search(search::Search),
    /// Get a content, verified, and write it to a file
    Get(get::Get),
    /// Publish files
    Share(share::Share),
    /// List what the node shares
    List(list::List),
    /// List, follow and steer transfers
    Transfers(transfers::Transfers),
    /// List, connect, trust and block peers
    Peers(peers::Peers),
    /// List, explain and steer the bridges between overlays
    Bridges(bridges::Bridges),
    /// Print what happens at the node, as it happens
    Events(events::Events),
    /// Call any operation by its name
    Call(call::Call),
    /// Write what is generated from the contract: WSDL, schemas, manual, configuration
    Describe(describe::Describe),
}

/// The verbs as the help groups them.
const GROUPS: [(&str, &[&str]); 5] = [
    ("Run a node", &["serve", "demo"]),
    ("Find and get", &["search", "get"]),
    ("Share", &["share", "list"]),
    ("Look after", &["transfers", "peers", "bridges", "events"]),
    ("Build upon", &["call", "describe"]),
];

const AFTER_HELP: &str = "\
Begin with:
  peergate demo                       see it work
  peergate serve --share ./library    run a node
  peergate search debian netinst      ask it, from another terminal

Exit codes:
  0    done
  1    it failed: the node answered a fault, or a file could not be read or written
  2    the command line was wrong
  3    no node was reached
  4    nothing was found: a search without a hit, or no such id
  130  interrupted";

/// The node that a verb talks to.
#[derive(Args)]
pub struct Node {
    /// The node's XML-RPC address; http://name:token@host/xmlrpc shows a token
    #[arg(long, global = true, env = "PEERGATE_URL", hide_env_values = true, default_value = DEFAULT_URL)]
    #[arg(help_heading = "Node", value_name = "URL")]
    url: String,
    /// The file with the token to show; PEERGATE_TOKEN holds a token itself, and one in the address goes before both
    #[arg(long, global = true, env = "PEERGATE_TOKEN_FILE", help_heading = "Node", value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// The variable that holds the token to show. There is no flag for it, since everybody can see the flags of a process.
const TOKEN: &str = "PEERGATE_TOKEN";

impl Node {
    fn client(&self) -> anyhow::Result<Client> {
        Ok(Client::new(&self.url, self.token()?.as_deref())?)
    }

    fn token(&self) -> anyhow::Result<Option<String>> {
        let Some(file) = &self.token_file else { return Ok(std::env::var(TOKEN).ok()) };
        let token = std::fs::read_to_string(file);
        let token = token.map_err(|error| Failure::Usage(format!("--token-file {}: {error}", file.display())))?;
        Ok(Some(token.trim().to_owned()))
    }
}

/// The node that a verb talks to, and the form of what it prints.
#[derive(Args)]
pub struct Remote {
    #[command(flatten)]
    node: Node,
    /// Print one JSON document, for scripts
    #[arg(long, global = true)]
    json: bool,
}

/// Reads the command line; prints the help or what is wrong with it, and ends, where that is all there is to do.
pub fn parse() -> Verb {
    let matches = command().get_matches();
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()).verb
}

/// Does what a verb that talks to a node says, or the demo.
///
/// # Errors
/// What [`exit_code`] tells the user.
pub async fn run(verb: Verb) -> anyhow::Result<()> {
    match verb {
        Verb::Demo(demo) => demo.run().await,
        Verb::Search(search) => search.run().await,
        Verb::Get(get) => get.run().await,
        Verb::Share(share) => share.run().await,
        Verb::List(list) => list.run().await,
        Verb::Transfers(transfers) => transfers.run().await,
        Verb::Peers(peers) => peers.run().await,
        Verb::Bridges(bridges) => bridges.run().await,
        Verb::Events(events) => events.run().await,
        Verb::Call(call) => call.run().await,
        Verb::Serve(_) | Verb::Describe(_) => anyhow::bail!("serve and describe are run by the program itself"),
    }
}

/// The command with its help in groups, which clap has for options and not for verbs.
fn command() -> clap::Command {
    let command = Cli::command();
    let about =
        |verb: &str| command.find_subcommand(verb).and_then(|verb| verb.get_about()).cloned().unwrap_or_default();
    let mut verbs = String::new();
    for (group, members) in GROUPS {
        verbs += &format!("{group}:\n");
        for verb in members {
            verbs += &format!("  {verb:<11}{}\n", about(verb));
        }
        verbs += "\n";
    }
    let template = format!("{{about}}\n\n{{usage-heading}} {{usage}}\n\n{verbs}Options:\n{{options}}{{after-help}}\n");
    command.help_template(template).after_help(AFTER_HELP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent_and_every_verb_is_in_the_help() {
        let mut command = command();
        command.clone().debug_assert();
        let help = command.render_long_help().to_string();
        for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
            let name = verb.get_name();
            assert_eq!(help.matches(&format!("\n  {name:<11}")).count(), 1, "{name} in {help}");
        }
    }

    #[test]
    fn every_verb_teaches_by_example() {
        for verb in command().get_subcommands_mut() {
            let help = verb.render_long_help().to_string();
            assert!(help.contains(&format!("  peergate {}", verb.get_name())), "{help}");
        }
    }
}
