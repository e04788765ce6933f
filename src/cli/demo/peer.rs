//! One node of the demo: a process of this program with a configuration, a log and a ready file of its own.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use tokio::process::{Child, Command};

use super::paint;
use crate::cli::client::Client;

/// How often something is looked for that will be there soon.
pub const SOON: Duration = Duration::from_millis(50);
/// Lines of a log that are shown when something failed.
const TAIL: usize = 12;

/// A running node.
pub struct Peer {
    /// Its name in the demo.
    pub name: String,
    /// What it said when it was ready.
    pub ready: Ready,
    child: Child,
    log: PathBuf,
}

/// The ready file (contract, section 7).
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ready {
    /// Where callers reach it.
    pub http_address: String,
    /// The addresses of its overlays.
    pub overlays: std::collections::HashMap<String, Vec<String>>,
}

/// What a node is told, as the file that an operator would write.
#[derive(Clone, Default)]
pub struct Setup(String);

impl Setup {
    /// A node that shares a folder, or nothing.
    pub fn sharing(folder: Option<&Path>) -> Self {
        let paths: Vec<_> = folder.iter().map(|path| text(&path.to_string_lossy())).collect();
        Self(format!("[http]\nlisten = \"127.0.0.1:0\"\n\n[share]\npaths = [{}]\n", paths.join(", ")))
    }

    /// It takes part in a network of peers, some of whom it knows.
    pub fn in_network(mut self, name: &str, bootstrap: &[String]) -> Self {
        let bootstrap: Vec<_> = bootstrap.iter().map(|address| text(address)).collect();
        let _ = write!(
            self.0,
            "\n[[overlay]]\nname = \"{name}\"\nkind = \"native\"\nlisten = [\"/ip4/127.0.0.1/tcp/0\", \
             \"/ip4/127.0.0.1/udp/0/quic-v1\"]\nbootstrap = [{}]\nmdns = false\n",
            bootstrap.join(", ")
        );
        self
    }

    /// It reaches a legacy catalogue.
    pub fn with_catalogue(mut self, name: &str, url: &str) -> Self {
        let _ = write!(self.0, "\n[[overlay]]\nname = \"{name}\"\nkind = \"catalog\"\nurl = {}\n", text(url));
        self
    }

    /// It joins two of its overlays.
    pub fn with_bridge(mut self, from: &str, to: &str, rules: &str) -> Self {
        let _ = write!(self.0, "\n[[bridge]]\nfrom = \"{from}\"\nto = \"{to}\"\n{rules}\n");
        self
    }

    /// The part of the file that joins, for people.
    pub fn bridges(&self) -> &str {
        self.0.find("[[bridge]]").map_or("", |at| &self.0[at..])
    }
}

/// TOML's basic strings take what JSON's strings hold.
fn text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl Peer {
    /// Starts a node in a folder of its own.
    ///
    /// # Errors
    /// What the file system or the start of the process says.
    pub fn start(name: &str, scratch: &Path, setup: &Setup) -> anyhow::Result<Self> {
        let folder = scratch.join(name);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("peergate.toml"), &setup.0)?;
        let log = folder.join("log");
        let output = fs::File::create(&log)?;
        let mut command = Command::new(std::env::current_exe()?);
        for (variable, _) in std::env::vars_os() {
            // What configures the user's own node would configure these too.
            if variable.as_encoded_bytes().starts_with(b"PEERGATE") {
                command.env_remove(variable);
            }
        }
        let files = [("--config", "peergate.toml"), ("--data-dir", "data"), ("--ready-file", "ready.json")];
        command
            .arg("serve")
            .args(files.iter().flat_map(|(option, file)| [option.into(), folder.join(file).into_os_string()]));
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).kill_on_drop(true);
        let child = command.spawn().context("this program cannot be started again")?;
        Ok(Self { name: name.to_owned(), ready: Ready::default(), child, log })
    }

    /// Waits until every listener of the node is up.
    ///
    /// # Errors
    /// That the process ended.
    pub async fn wait_ready(&mut self) -> anyhow::Result<()> {
        let file = self.log.with_file_name("ready.json");
        loop {
            let read = fs::read(&file).ok().and_then(|text| serde_json::from_slice(&text).ok());
            if let Some(ready) = read {
                self.ready = ready;
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the node {} ended at its start: {status}", self.name);
            }
            tokio::time::sleep(SOON).await;
        }
    }

    /// Its addresses in a network.
    pub fn addresses(&self, network: &str) -> &[String] {
        self.ready.overlays.get(network).map(Vec::as_slice).unwrap_or_default()
    }

    /// A client of it.
    ///
    /// # Errors
    /// That its address is none.
    pub fn client(&self) -> anyhow::Result<Client> {
        Ok(Client::new(&format!("{}/xmlrpc", self.ready.http_address), None)?)
    }

    /// Runs a verb of the command line on it, which prints what it has to say.
    ///
    /// # Errors
    /// That the verb failed.
    pub async fn show_verb(&self, verb: &str) -> anyhow::Result<()> {
        let url = format!("{}/xmlrpc", self.ready.http_address);
        paint::paste(&format!("peergate {verb} --url {url}"))?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args([verb, "--url", &url]).stdin(Stdio::null()).kill_on_drop(true);
        let status = command.status().await?;
        ensure!(status.success(), "peergate {verb}: {status}");
        Ok(())
    }

    /// The last lines that it wrote.
    pub fn log_tail(&self) -> String {
        let text = fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }

    /// Ends it and waits until it is gone.
    pub async fn end(&mut self) {
        // An error says that it is gone already.
        let _ = self.child.kill().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setup_is_a_configuration_whatever_the_path() {
        let share = Path::new("/a \"b\"\\c\n");
        let setup = Setup::sharing(Some(share))
            .in_network("red", &["/ip4/127.0.0.1/tcp/1/p2p/x".into()])
            .with_catalogue("archive", "http://127.0.0.1:1/RPC2")
            .with_bridge("red", "archive", "bidirectional = false");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("peergate.toml");
        fs::write(&file, &setup.0).unwrap();
        let config = crate::config::Config::load(Some(&file)).unwrap().check().unwrap();
        assert_eq!((config.share.paths, config.overlay.len(), config.bridge.len()), (vec![share.to_owned()], 2, 1));
        assert!(setup.bridges().starts_with("[[bridge]]"));
    }
}
