//! The processes of the demo, and how it says what it does. `play.rs` is what happens.

use std::path::Path;

use anyhow::{Context, ensure};

use super::{
    catalogue::{Catalogue, Entry},
    paint,
    peer::{Peer, Setup},
    request::{self, Request},
};
use crate::cli::output;

/// The name of the node that joins the networks.
pub const GATEWAY: &str = "gateway";
/// The name of the overlay that the legacy system is.
pub const ARCHIVE: &str = "archive";

/// The nodes, the legacy system, and where the demo is.
pub struct Scene {
    folder: tempfile::TempDir,
    peers: Vec<Peer>,
    catalogue: Option<Catalogue>,
    step: &'static str,
    number: usize,
}

impl Scene {
    /// An empty temporary folder.
    ///
    /// # Errors
    /// What the file system says.
    pub fn new() -> anyhow::Result<Self> {
        let folder =
            tempfile::Builder::new().prefix("peergate-demo-").tempdir().context("there is no temporary folder")?;
        Ok(Self { folder, peers: Vec::new(), catalogue: None, step: "begin", number: 0 })
    }

    /// The folder of everything.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The step that is under way.
    pub fn step(&self) -> &'static str {
        self.step
    }

    /// Begins the next step.
    ///
    /// # Errors
    /// What standard output says.
    pub fn begin(&mut self, step: &'static str) -> anyhow::Result<()> {
        self.step = step;
        self.number += 1;
        paint::heading(self.number, step)
    }

    /// Starts the legacy system, where there is a Python that can run it, and answers an entry of it.
    ///
    /// # Errors
    /// What is in its way.
    pub async fn start_catalogue(&mut self) -> anyhow::Result<Option<Entry>> {
        let Some((catalogue, entry)) = Catalogue::start(self.folder.path()).await? else { return Ok(None) };
        self.catalogue = Some(catalogue);
        Ok(Some(entry))
    }

    /// Where the legacy system answers.
    pub fn catalogue_url(&self) -> Option<&str> {
        self.catalogue.as_ref().map(|catalogue| catalogue.url.as_str())
    }

    /// Starts nodes, and waits until all of their listeners are up.
    ///
    /// # Errors
    /// What a start says.
    pub async fn start(&mut self, nodes: &[(&str, Setup)]) -> anyhow::Result<()> {
        let from = self.peers.len();
        for (name, setup) in nodes {
            self.peers.push(Peer::start(name, self.folder.path(), setup)?);
        }
        for peer in &mut self.peers[from..] {
            peer.wait_ready().await?;
        }
        Ok(())
    }

    /// The node of that name.
    ///
    /// # Errors
    /// That it was not started.
    pub fn peer(&self, name: &str) -> anyhow::Result<&Peer> {
        let found = self.peers.iter().find(|peer| peer.name == name);
        found.with_context(|| format!("the node {name} was not started"))
    }

    /// The addresses of the nodes in a network.
    pub fn addresses(&self, network: &str) -> Vec<String> {
        self.peers.iter().flat_map(|peer| peer.addresses(network).to_vec()).collect()
    }

    /// Shows a request as a step, sends it, and shows the answer.
    ///
    /// # Errors
    /// What is wrong with the answer.
    pub async fn show(&mut self, request: &Request) -> anyhow::Result<String> {
        self.begin(request.title)?;
        paint::paste(&request.curl())?;
        let answer = request.send().await?;
        paint::quote_with(&request::shortened(&answer), "via")?;
        ensure!(!answer.is_empty(), "the answer is empty");
        Ok(answer)
    }

    /// Shows what the nodes logged last.
    pub fn show_logs(&self) {
        for peer in &self.peers {
            output::note(format!("\n--- the log of {} ends with\n{}", peer.name, peer.log_tail()));
        }
    }

    /// Ends the processes and removes the folder.
    pub async fn end(mut self) {
        for peer in &mut self.peers {
            peer.end().await;
        }
        if let Some(catalogue) = &mut self.catalogue {
            catalogue.end().await;
        }
        if let Err(error) = self.folder.close() {
            output::note(format!("the temporary folder stays: {error}"));
        }
    }
}
