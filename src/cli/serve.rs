//! `serve`: what the command line says about the node to run.

use std::path::PathBuf;

use clap::Args;

const EXAMPLES: &str = "\
Examples:
  peergate serve --share ./library
  peergate serve --config peergate.toml --http 127.0.0.1:0 --ready-file ready.json

Callers then find SOAP at /soap, XML-RPC at /xmlrpc, JSON at /api/ and the WSDL at /soap?wsdl. Every key of the
configuration is in config/peergate.toml; PEERGATE__SECTION__KEY overrides the file, and the options here override both.
SIGINT and SIGTERM end the node.";

/// Runs a node until it is interrupted.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Serve {
    /// The configuration, in TOML
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where the node keeps its key, catalogue and published bytes [default: the platform's data folder]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Where callers reach it; port 0 asks for a free port [default: 127.0.0.1:7070]
    #[arg(long, value_name = "ADDR")]
    pub http: Option<std::net::SocketAddr>,
    /// A file or folder to share in place; can be given several times
    #[arg(long, value_name = "PATH")]
    pub share: Vec<PathBuf>,
    /// Written as JSON once every listener is up: httpAddress, peerId and the overlays' addresses
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
}
