//! One peer of the demo: a process of this program with a configuration, a log and a ready file of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail};
use serde::Deserialize;
use tokio::process::{Child, Command};

use crate::cli::client::Client;

/// The overlay that all peers of the demo share.
pub const OVERLAY: &str = "demo";
/// How often something is looked for that will be there soon.
pub const SOON: Duration = Duration::from_millis(50);
/// Lines of a log that are shown when something failed.
const TAIL: usize = 12;

/// A running peer.
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
    /// Its peer id.
    pub peer_id: String,
    /// The addresses of its overlays.
    pub overlays: std::collections::HashMap<String, Vec<String>>,
}

impl Peer {
    /// Starts a peer in a folder of its own.
    ///
    /// # Errors
    /// What the file system or the start of the process says.
    pub fn start(name: &str, scratch: &Path, share: Option<&Path>, bootstrap: &[String]) -> anyhow::Result<Self> {
        let folder = scratch.join(name);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("peergate.toml"), configuration(share, bootstrap))?;
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

    /// Waits until every listener of the peer is up.
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
                bail!("the peer {} ended at its start: {status}", self.name);
            }
            tokio::time::sleep(SOON).await;
        }
    }

    /// Its addresses in the demo's overlay.
    pub fn addresses(&self) -> &[String] {
        self.ready.overlays.get(OVERLAY).map(Vec::as_slice).unwrap_or_default()
    }

    /// A client of it.
    ///
    /// # Errors
    /// That its address is none.
    pub fn client(&self) -> anyhow::Result<Client> {
        Ok(Client::new(&format!("{}/xmlrpc", self.ready.http_address), None)?)
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

fn configuration(share: Option<&Path>, bootstrap: &[String]) -> String {
    // TOML's basic strings take what JSON's strings hold.
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let paths: Vec<_> = share.iter().map(|path| text(&path.to_string_lossy())).collect();
    let bootstrap: Vec<_> = bootstrap.iter().map(|address| text(address)).collect();
    format!(
        "[http]\nlisten = \"127.0.0.1:0\"\n\n[share]\npaths = [{}]\n\n[[overlay]]\nname = \"{OVERLAY}\"\n\
         kind = \"native\"\nlisten = [\"/ip4/127.0.0.1/tcp/0\", \"/ip4/127.0.0.1/udp/0/quic-v1\"]\n\
         bootstrap = [{}]\nmdns = false\n",
        paths.join(", "),
        bootstrap.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_takes_any_path() {
        let text = configuration(Some(Path::new("/a \"b\"\\c\n")), &["/ip4/127.0.0.1/tcp/1/p2p/x".into()]);
        assert!(text.contains(r#"paths = ["/a \"b\"\\c\n"]"#), "{text}");
        let parsed = config::Config::builder()
            .add_source(config::File::from_str(&text, config::FileFormat::Toml))
            .build()
            .unwrap();
        assert_eq!(parsed.get_array("share.paths").unwrap()[0].clone().into_string().unwrap(), "/a \"b\"\\c\n");
    }
}
