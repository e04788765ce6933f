//! What went wrong, said as a sentence with what to do next, and as an exit code for scripts.

use std::{io, process::ExitCode};

use thiserror::Error;

/// A failure that has an exit code of its own.
#[derive(Debug, Error)]
pub enum Failure {
    /// The node answered a fault; the code is the contract's (section 6).
    #[error("{message}")]
    Fault {
        /// XML-RPC's faultCode, or the HTTP status.
        code: i32,
        /// The fault's message.
        message: String,
    },
    /// The command line asks for what cannot be.
    #[error("{0}")]
    Usage(String),
    /// No node answers at the address.
    #[error("no node was reached at {url}: {cause}")]
    Unreachable {
        /// The address without its credentials.
        url: String,
        /// What the connection said.
        cause: String,
    },
    /// Nothing was found.
    #[error("{0}")]
    Nothing(String),
    /// The user ended it; the text says what goes on without them.
    #[error("{0}")]
    Interrupted(String),
}

impl Failure {
    /// The exit code, as `peergate --help` lists them.
    pub fn code(&self) -> u8 {
        match self {
            Self::Fault { code: 404, .. } | Self::Nothing(_) => 4,
            Self::Fault { .. } => 1,
            Self::Usage(_) => 2,
            Self::Unreachable { .. } => 3,
            Self::Interrupted(_) => 130,
        }
    }

    /// What to do next, where that can be said.
    fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Unreachable { .. } => Some("is it running? start it with `peergate serve`, or name it with --url"),
            Self::Fault { code, .. } => Some(match code {
                400 | -32602 => "`peergate call OPERATION --help` shows what an operation takes",
                -32601 => "the node is of another version; `peergate call node.info` shows which",
                401 => {
                    "show a token of the node's configuration: --token-file FILE, PEERGATE_TOKEN, or --url \
                     http://name:token@host:7070/xmlrpc"
                }
                403 => "the token's `operations` in the node's configuration must name the operation",
                404 => "`peergate search WORDS` finds content, `peergate transfers` lists transfers",
                429 | 503 => "try again in a few seconds; `peergate peers` shows who is connected",
                504 => "allow more time, or see with `peergate peers` who is connected",
                500 => "the node's log says more",
                _ => return None,
            }),
            _ => None,
        }
    }
}

/// Tells the user how it ended.
pub fn exit_code(outcome: anyhow::Result<()>) -> ExitCode {
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    if error.chain().any(is_broken_pipe) {
        // Whoever read what we print, such as `head`, has enough.
        return ExitCode::SUCCESS;
    }
    eprintln!("peergate: {}", super::output::clean(&format!("{error:#}")));
    let failure = error.downcast_ref::<Failure>();
    if let Some(advice) = failure.and_then(Failure::advice) {
        eprintln!("          {advice}");
    }
    failure.map_or(ExitCode::FAILURE, |failure| ExitCode::from(failure.code()))
}

fn is_broken_pipe(cause: &(dyn std::error::Error + 'static)) -> bool {
    cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_can_tell_the_outcomes_apart() {
        let fault = |code| Failure::Fault { code, message: String::new() };
        let unreachable = Failure::Unreachable { url: String::new(), cause: String::new() };
        assert_eq!([fault(503), fault(404)].map(|failure| failure.code()), [1, 4]);
        assert_eq!(Failure::Usage(String::new()).code(), 2);
        assert_eq!(unreachable.code(), 3);
        assert!(unreachable.advice().unwrap().contains("peergate serve"));
    }
}
