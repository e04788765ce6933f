//! The program: reads the command line and does what it says.

use std::process::ExitCode;

use peergate::{
    cli::{self, Verb},
    node,
};

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
            let cli::Serve { config, data_dir, http, share, ready_file } = serve;
            node::serve(node::ServeOptions { config, data_dir, http, share, ready_file }).await
        }
        Verb::Describe(describe) => describe.run(&cli::generated::files()),
        verb => cli::run(verb).await,
    }
}
