//! What a test wants of a node, written out as the configuration file that an operator would write (contract,
//! section 7).

use std::{fmt::Write, path::PathBuf};

use super::Node;

/// A node to be started: one native overlay `home` on loopback, port 0 everywhere, no mDNS.
#[derive(Clone, Default)]
pub struct NodeConfig {
    pub(super) shares: Vec<PathBuf>,
    pub(super) bootstrap: Vec<String>,
    pub(super) limits: Vec<(String, u64)>,
    pub(super) disk_mib: Option<u32>,
}

impl NodeConfig {
    pub fn new() -> Self {
        Self::default()
    }

    /// Shares a folder or a file in place.
    pub fn share(mut self, path: impl Into<PathBuf>) -> Self {
        self.shares.push(path.into());
        self
    }

    /// Joins the overlay through another node.
    pub fn bootstrap(mut self, node: &Node) -> Self {
        self.bootstrap.extend(node.addresses().iter().cloned());
        self
    }

    /// Sets a key under `[limits]`.
    pub fn limit(mut self, key: &str, value: u64) -> Self {
        self.limits.push((key.to_owned(), value));
        self
    }

    /// Puts the data folder on a disk of its own with so many MiB (see [`super::node::small_disk`]).
    pub fn disk_mib(mut self, size: u32) -> Self {
        self.disk_mib = Some(size);
        self
    }

    pub(super) fn render(&self, data_dir: &std::path::Path) -> String {
        let mut out = format!("data_dir = {data_dir:?}\n[http]\nlisten = \"127.0.0.1:0\"\n");
        write!(out, "[share]\npaths = {:?}\n[limits]\n", self.shares).expect("write to memory");
        for (key, value) in &self.limits {
            writeln!(out, "{key} = {value}").expect("write to memory");
        }
        write!(
            out,
            "[[overlay]]\nname = \"home\"\nkind = \"native\"\nlisten = [\"/ip4/127.0.0.1/tcp/0\"]\n\
             bootstrap = {:?}\nmdns = false\n",
            self.bootstrap
        )
        .expect("write to memory");
        out
    }

    /// Starts the node and waits until every listener is up.
    pub async fn start(self) -> Node {
        Node::start(self).await
    }
}
