//! Stands in for the wiring of the node until it is there.

use std::path::PathBuf;

/// What the command line says about the node to run.
pub struct ServeOptions {
    /// The configuration file.
    pub config: Option<PathBuf>,
    /// The data folder.
    pub data_dir: Option<PathBuf>,
    /// Where to answer callers.
    pub http: Option<std::net::SocketAddr>,
    /// Files and folders to share in place.
    pub share: Vec<PathBuf>,
    /// The file that is written once every listener is up.
    pub ready_file: Option<PathBuf>,
}

/// Runs a node until SIGINT or SIGTERM.
pub async fn serve(_: ServeOptions) -> anyhow::Result<()> {
    anyhow::bail!("this build holds no node")
}

/// What is generated: each file's path within the repository and what it must hold.
pub fn describe_files() -> Vec<(PathBuf, String)> {
    Vec::new()
}
