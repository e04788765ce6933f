//! `demo`: the main job end to end, on this machine, with real files and real requests.
//!
//! The peers are processes of this very program, so that nothing is shown that is not the product; they live in a
//! temporary folder on free loopback ports and are ended by their process ids.

mod catalogue;
mod library;
mod paint;
mod peer;
mod play;
mod request;
mod scene;
mod snippets;

use std::{path::PathBuf, time::Duration};

use anyhow::Context;
use clap::Args;

use super::{failure::Failure, output};
use scene::Scene;

const EXAMPLES: &str = "\
Examples:
  peergate demo
  peergate demo --share ~/Documents --keep

Two networks, red and blue, with two peers each, a gateway between them, and behind it a catalogue in Python that is no
peer at all. Without --share blue shares the licence texts that every Debian machine has. It takes a few seconds, asks
nothing, and leaves nothing behind. Without python3 the steps of the catalogue are left out.";

/// Longest that it may take, start of the peers included.
const LIMIT: Duration = Duration::from_secs(60);

/// Joins two networks and a legacy catalogue, finds and gets a file of the other side through XML-RPC and SOAP, and
/// compares the bytes.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Demo {
    /// Have blue share this folder, in place, instead of the texts of this machine
    #[arg(long, value_name = "FOLDER")]
    share: Option<PathBuf>,
    /// Leave everything running until Ctrl-C
    #[arg(long)]
    keep: bool,
}

impl Demo {
    /// Plays it, and ends every process that it started whatever happens.
    pub async fn run(self) -> anyhow::Result<()> {
        let mut scene = Scene::new()?;
        let outcome = tokio::select! {
            outcome = tokio::time::timeout(LIMIT, play::play(&mut scene, self.share.as_deref(), self.keep)) => {
                outcome.unwrap_or_else(|_| Err(anyhow::anyhow!("not done within {} s", LIMIT.as_secs())))
            }
            () = interrupted() => Err(Failure::Interrupted("the demo was ended".to_owned()).into()),
        };
        let outcome = match outcome {
            Ok(()) if self.keep => {
                output::line("\nRunning until Ctrl-C.")?;
                interrupted().await;
                Ok(())
            }
            Err(error) if error.downcast_ref::<Failure>().is_none_or(|failure| failure.code() != 130) => {
                scene.show_logs();
                Err(error).with_context(|| format!("step {:?} failed", scene.step()))
            }
            outcome => outcome,
        };
        scene.end().await;
        outcome
    }
}

/// Returns when the user or the system asks this process to end.
async fn interrupted() {
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        return;
    }
    let _ = tokio::signal::ctrl_c().await;
}
