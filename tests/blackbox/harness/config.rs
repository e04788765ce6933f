//! What a test wants of a node, written out as the configuration file that an operator would write (contract,
//! section 7).

use std::{fmt::Write, path::PathBuf};

use super::Node;

/// A node to be started: one native overlay, `home`, on loopback unless others are named, port 0 everywhere, no mDNS.
#[derive(Clone)]
pub struct NodeConfig {
    pub(super) native: String,
    pub(super) shares: Vec<PathBuf>,
    pub(super) bootstrap: Vec<String>,
    pub(super) http: String,
    pub(super) limits: Vec<(String, u64)>,
    pub(super) disk_mib: Option<u32>,
    pub(super) holds_transfers: bool,
    pub(super) uploads_expire: Option<u64>,
    pub(super) tokens: Vec<Token>,
    pub(super) access: Vec<(String, String)>,
    pub(super) validator: bool,
    pub(super) sections: String,
    pub(super) overlays: Vec<(String, Vec<String>)>,
}

/// A token to be configured.
#[derive(Clone)]
pub(super) struct Token {
    name: String,
    secret: String,
    operations: Vec<String>,
}

impl NodeConfig {
    pub fn new() -> Self {
        Self::native("home")
    }

    /// A node whose native overlay has that name; overlays of different names are different networks.
    pub fn native(name: &str) -> Self {
        Self {
            native: name.to_owned(),
            shares: Vec::new(),
            bootstrap: Vec::new(),
            http: String::new(),
            limits: Vec::new(),
            disk_mib: None,
            holds_transfers: false,
            uploads_expire: None,
            tokens: Vec::new(),
            access: Vec::new(),
            validator: false,
            sections: String::new(),
            overlays: Vec::new(),
        }
    }

    /// Adds a gateway overlay that leads to this address, with further keys as they stand in the file.
    pub fn gateway(self, name: &str, url: &str, keys: &str) -> Self {
        self.with(&format!("[[overlay]]\nname = {name:?}\nkind = \"gateway\"\nurl = {url:?}\n{keys}\n"))
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

    /// Takes part in a native overlay of that name instead of `home`, and joins it through these nodes. May be said again.
    pub fn overlay(mut self, name: &str, through: &[&Node]) -> Self {
        let addresses = through.iter().flat_map(|node| node.addresses_in(name).to_vec());
        self.overlays.push((name.to_owned(), addresses.collect()));
        self
    }

    /// Sets keys under `[http]`, a line each.
    pub fn http(mut self, lines: &str) -> Self {
        self.http = lines.to_owned();
        self
    }

    /// Sets a key under `[limits]`.
    pub fn limit(mut self, key: &str, value: u64) -> Self {
        self.limits.push((key.to_owned(), value));
        self
    }

    /// Configures a token; its file lies beside the configuration.
    pub fn token(mut self, name: &str, secret: &str, operations: &[&str]) -> Self {
        let operations = operations.iter().map(|&operation| operation.to_owned()).collect();
        self.tokens.push(Token { name: name.to_owned(), secret: secret.to_owned(), operations });
        self
    }

    /// Sets a key under `[access]`.
    pub fn access(mut self, key: &str, value: impl ToString) -> Self {
        self.access.push((key.to_owned(), value.to_string()));
        self
    }

    /// Lets no transfer run, so that each waits in the queue for ever.
    pub fn hold_transfers(mut self) -> Self {
        self.holds_transfers = true;
        self
    }

    /// Gives abandoned uploads up after so many seconds.
    pub fn uploads_expire(mut self, seconds: u64) -> Self {
        self.uploads_expire = Some(seconds);
        self
    }

    /// Adds sections as they stand in the file.
    pub fn with(mut self, sections: &str) -> Self {
        self.sections.push_str(sections);
        self
    }

    /// Puts the data folder on a disk of its own with so many MiB (see [`super::node::small_disk`]).
    pub fn disk_mib(mut self, size: u32) -> Self {
        self.disk_mib = Some(size);
        self
    }

    /// Has XML-RPC answer the methods that test clients.
    pub fn validator(mut self) -> Self {
        self.validator = true;
        self
    }

    pub(super) fn render(&self, data_dir: &std::path::Path) -> String {
        let mut out = format!("data_dir = {data_dir:?}\n[http]\nlisten = \"127.0.0.1:0\"\n{}\n", self.http);
        write!(out, "[share]\npaths = {:?}\n[limits]\n", self.shares).expect("write to memory");
        for (key, value) in &self.limits {
            writeln!(out, "{key} = {value}").expect("write to memory");
        }
        writeln!(out, "[xmlrpc]\nvalidator = {}", self.validator).expect("write to memory");
        out.push_str("[access]\n");
        for (key, value) in &self.access {
            writeln!(out, "{key} = {value}").expect("write to memory");
        }
        for Token { name, operations, .. } in &self.tokens {
            let token = format!("name = {name:?}\ntoken_file = \"{name}.token\"\noperations = {operations:?}");
            writeln!(out, "[[access.token]]\n{token}").expect("write to memory");
        }
        if self.holds_transfers {
            out.push_str("[transfers]\nconcurrent = 0\n");
        }
        if let Some(seconds) = self.uploads_expire {
            writeln!(out, "[uploads]\nexpire_seconds = {seconds}").expect("write to memory");
        }
        out.push_str(&self.sections);
        let home = [(self.native.clone(), self.bootstrap.clone())];
        for (name, bootstrap) in if self.overlays.is_empty() { &home[..] } else { &self.overlays } {
            write!(
                out,
                "[[overlay]]\nname = {name:?}\nkind = \"native\"\nlisten = [\"/ip4/127.0.0.1/tcp/0\"]\n\
                 bootstrap = {bootstrap:?}\nmdns = false\n"
            )
            .expect("write to memory");
        }
        out
    }

    /// Writes the files that the configuration names beside it.
    pub(super) fn write_tokens(&self, folder: &std::path::Path) {
        for Token { name, secret, .. } in &self.tokens {
            std::fs::write(folder.join(format!("{name}.token")), format!("{secret}\n")).expect("write a token");
        }
    }

    /// Starts the node and waits until every listener is up.
    pub async fn start(self) -> Node {
        Node::start(self).await
    }
}
