//! The program: reads the command line and does what it says.

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
};

use peergate::{
    cli::{
        self, Verb,
        hashing::{self, Screen},
    },
    node,
};
use tracing_subscriber::EnvFilter;

/// What a node logs when RUST_LOG says nothing else. Kademlia warns of every node that has no peers yet.
const LOGGED: &str = "warn,libp2p_kad=error,peergate=info,audit=info";

fn main() -> ExitCode {
    // Both of rustls' backends are linked, so it cannot choose by itself. An error says only that one was chosen.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let verb = cli::parse();
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => cli::exit_code(runtime.block_on(run(verb))),
        Err(error) => cli::exit_code(Err(error.into())),
    }
}

async fn run(verb: Verb) -> anyhow::Result<()> {
    match verb {
        Verb::Serve(serve) => {
            let screen = Screen::default();
            log(&screen);
            let cli::Serve { config, data_dir, http, share, ready_file } = serve;
            let show = |hashing| drop(tokio::spawn(hashing::follow(hashing, screen)));
            node::serve(node::ServeOptions { config, data_dir, http, share, ready_file }, show).await
        }
        Verb::Describe(describe) => describe.run(&cli::generated::files()),
        verb => cli::run(verb).await,
    }
}

/// Logs to standard error, so that standard output stays the caller's.
fn log(screen: &Screen) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOGGED));
    let ansi = io::stderr().is_terminal();
    let screen = screen.clone();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || screen.clone()).with_ansi(ansi).init();
}
