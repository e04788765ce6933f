//! The configuration: one struct a subsystem, defaults beside each key, unknown keys refused by name.
//!
//! A TOML file, overridden by `PEERGATE__SECTION__KEY` in the environment, overridden by flags.
//! `config/peergate.toml` documents every key, and a test keeps it true.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use config::{Environment, File, FileFormat};
use ipnet::IpNet;
use serde::Deserialize;

use crate::{
    bridge,
    model::{Limits, Pattern},
};

/// Everything that can be configured.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the node keeps its key, catalogue, index and published bytes.
    pub data_dir: PathBuf,
    /// The HTTP listener.
    pub http: Http,
    /// What is shared.
    pub share: Share,
    /// Bounds on callers.
    pub limits: Limits,
    /// The XML-RPC binding.
    pub xmlrpc: Xmlrpc,
    /// How transfers are run.
    pub transfers: TransferPolicy,
    /// How uploads in parts are kept.
    pub uploads: UploadPolicy,
    /// What is sent to subscribers.
    pub events: Events,
    /// Who may call.
    pub access: Access,
    /// What bridges keep of that which crossed.
    pub cache: Cache,
    /// The networks to take part in.
    pub overlay: Vec<Overlay>,
    /// What is joined.
    pub bridge: Vec<bridge::Settings>,
}

/// The HTTP listener.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What WSDL and links say behind a proxy.
    pub public_url: Option<String>,
    /// Further host names under which callers reach this node.
    pub hosts: Vec<String>,
    /// The networks of proxies whose X-Forwarded headers count.
    pub trusted_proxies: Vec<IpNet>,
    /// The networks to which an answer may be sent that is not to come over the connection.
    pub reply_networks: Vec<IpNet>,
}

/// What is shared.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Share {
    /// Folders and files that are shared in place and watched for changes.
    pub paths: Vec<PathBuf>,
    /// Whether what a transfer brought is shared on.
    pub downloads: bool,
}

/// The XML-RPC binding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Xmlrpc {
    /// Whether the methods that test clients, `validator1.*` and `interopEchoTests.*`, are answered.
    pub validator: bool,
}

/// How transfers are run.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TransferPolicy {
    /// Transfers that run at one time.
    pub concurrent: usize,
}

/// How uploads in parts are kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UploadPolicy {
    /// Seconds after which one is given up that nobody works on.
    pub expire_seconds: u64,
}

/// What is sent to subscribers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Events {
    /// Networks that callbacks may lie in, beyond public addresses; absent, loopback where http.listen is loopback.
    pub callback_networks: Option<Vec<IpNet>>,
    /// Milliseconds after which a callback that failed is tried again; doubled with each failure.
    pub retry_ms: u64,
    /// The longest pause between two tries, in milliseconds.
    pub retry_longest_ms: u64,
    /// Tries after the first, before a subscription is parked.
    pub retries: u32,
}

/// Who may call.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Access {
    /// Whether callers who show no credential may do everything, on an address that is not loopback and beside tokens.
    pub open: bool,
    /// Seconds by which the clock of a caller may differ from this node's, for WS-Security.
    pub clock_skew_seconds: u64,
    /// The tokens that callers can show.
    pub token: Vec<Token>,
}

/// A token that callers can show.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Its name, which HTTP Basic and WS-Security show with it.
    pub name: String,
    /// The file that holds it.
    pub token_file: PathBuf,
    /// The operations that it is good for.
    pub operations: Vec<Pattern>,
}

/// What bridges keep of that which crossed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cache {
    /// Bytes on the disk; 0 keeps nothing.
    pub bytes: u64,
}

/// One network to take part in.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Overlay {
    /// Peergate's own libp2p network.
    Native(Native),
    /// Another gateway, over HTTP.
    Gateway(Remote),
    /// A legacy system that answers catalog.search and catalog.read.
    Catalog(Remote),
}

/// A system that is reached over HTTP only.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remote {
    /// Its name on this node.
    pub name: String,
    /// Where it answers calls.
    pub url: String,
    /// What it speaks there; absent, SOAP where the path says so, else XML-RPC.
    #[serde(default)]
    pub binding: Option<RemoteBinding>,
    /// The file that holds the token which it is shown.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
}

/// The binding in which a system is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RemoteBinding {
    /// SOAP 1.1.
    Soap,
    /// XML-RPC.
    Xmlrpc,
}

/// A native overlay.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Native {
    /// Its name, which its peers share.
    pub name: String,
    /// Multiaddrs to listen on.
    #[serde(default = "native_listen")]
    pub listen: Vec<String>,
    /// The file of the pre-shared key that makes the overlay private, in the form of libp2p's swarm.key.
    #[serde(default)]
    pub network_key_file: Option<PathBuf>,
    /// Multiaddrs of peers to stay connected to.
    #[serde(default)]
    pub bootstrap: Vec<String>,
    /// Whether peers on the local network are looked for.
    #[serde(default = "yes")]
    pub mdns: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: default_data_dir(),
            http: Http::default(),
            share: Share::default(),
            limits: Limits::default(),
            xmlrpc: Xmlrpc::default(),
            transfers: TransferPolicy::default(),
            uploads: UploadPolicy::default(),
            events: Events::default(),
            access: Access::default(),
            cache: Cache::default(),
            overlay: vec![Overlay::Native(Native::default())],
            bridge: Vec::new(),
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 7070));
        Self { listen, public_url: None, hosts: Vec::new(), trusted_proxies: Vec::new(), reply_networks: Vec::new() }
    }
}

impl Default for Share {
    fn default() -> Self {
        Self { paths: Vec::new(), downloads: true }
    }
}

impl Default for TransferPolicy {
    fn default() -> Self {
        Self { concurrent: 4 }
    }
}

impl Default for Access {
    fn default() -> Self {
        Self { open: false, clock_skew_seconds: 300, token: Vec::new() }
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self { bytes: 10 << 30 }
    }
}

impl Default for UploadPolicy {
    fn default() -> Self {
        Self { expire_seconds: 24 * 3600 }
    }
}

impl Default for Events {
    fn default() -> Self {
        Self { callback_networks: None, retry_ms: 1_000, retry_longest_ms: 300_000, retries: 20 }
    }
}

impl Default for Native {
    fn default() -> Self {
        let listen = native_listen();
        Self { name: "home".into(), listen, network_key_file: None, bootstrap: Vec::new(), mdns: true }
    }
}

impl Overlay {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Native(native) => &native.name,
            Self::Gateway(remote) | Self::Catalog(remote) => &remote.name,
        }
    }

    /// The file with a secret that it names, if it does.
    fn secret_file(&mut self) -> Option<&mut PathBuf> {
        match self {
            Self::Native(native) => native.network_key_file.as_mut(),
            Self::Gateway(remote) | Self::Catalog(remote) => remote.token_file.as_mut(),
        }
    }
}

fn yes() -> bool {
    true
}

fn native_listen() -> Vec<String> {
    ["/ip4/0.0.0.0/tcp/7071", "/ip4/0.0.0.0/udp/7071/quic-v1"].map(str::to_owned).into()
}

fn default_data_dir() -> PathBuf {
    let platform = directories::ProjectDirs::from("", "", "peergate");
    platform.map_or_else(|| PathBuf::from("peergate-data"), |dirs| dirs.data_dir().to_owned())
}

/// Most seconds by which clocks may differ, since nonces are remembered for as long.
const MAX_CLOCK_SKEW: u64 = 3600;

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file or the environment says something that no key takes.
    #[error("the configuration is not valid: {0}")]
    Invalid(#[from] config::ConfigError),
    /// Two overlays have one name.
    #[error("overlay: the name {0:?} is given twice; each overlay needs a name of its own")]
    NameTwice(String),
    /// No overlay at all.
    #[error("overlay: the list is empty; leave it out for the default one, or add [[overlay]]")]
    NoOverlay,
    /// A bridge says what none can do.
    #[error("bridge from {from:?} to {to:?}: {reason}")]
    Bridge {
        /// Its overlays.
        from: String,
        /// Its overlays.
        to: String,
        /// What is wrong.
        reason: String,
    },
    /// Clocks may differ by nothing, or by so much that no message is ever old.
    #[error("access.clock_skew_seconds: {0} is out of range, want 1 to {MAX_CLOCK_SKEW}")]
    ClockSkew(u64),
    /// The address is not loopback and nobody would be kept out.
    #[error(
        "http.listen: {0} can be reached from other machines and no credential is configured; listen on 127.0.0.1, add \
         an [[access.token]], or set access.open = true to answer everybody"
    )]
    Exposed(SocketAddr),
}

impl Config {
    /// Reads a file, if one is named, and what the environment says over it. Relative paths in the file are relative
    /// to its folder.
    ///
    /// # Errors
    /// Names the unknown key, the value that does not fit, or the file that cannot be read.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut builder = config::Config::builder();
        if let Some(file) = file {
            builder = builder.add_source(File::from(file).format(FileFormat::Toml));
        }
        let environment = Environment::with_prefix("PEERGATE").prefix_separator("__").separator("__");
        let environment = environment.try_parsing(true).list_separator(",").with_list_parse_key("share.paths");
        let environment = environment.with_list_parse_key("http.hosts").with_list_parse_key("http.trusted_proxies");
        let environment =
            environment.with_list_parse_key("events.callback_networks").with_list_parse_key("http.reply_networks");
        let mut config: Self = builder.add_source(environment).build()?.try_deserialize()?;
        if let Some(folder) = file.and_then(Path::parent) {
            config.resolve(folder);
        }
        Ok(config)
    }

    /// Checks what the keys say together.
    ///
    /// # Errors
    /// Names the keys that contradict each other.
    pub fn check(self) -> Result<Self, ConfigError> {
        let names: Vec<&str> = self.overlay.iter().map(Overlay::name).collect();
        if names.is_empty() {
            return Err(ConfigError::NoOverlay);
        }
        if let Some((_, name)) = names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)) {
            return Err(ConfigError::NameTwice((*name).to_owned()));
        }
        for bridge in &self.bridge {
            bridge.check().map_err(|fault| ConfigError::Bridge {
                from: bridge.from.clone(),
                to: bridge.to.clone(),
                reason: fault.message,
            })?;
        }
        if !(1..=MAX_CLOCK_SKEW).contains(&self.access.clock_skew_seconds) {
            return Err(ConfigError::ClockSkew(self.access.clock_skew_seconds));
        }
        if !self.http.listen.ip().is_loopback() && !self.access.open && self.access.token.is_empty() {
            return Err(ConfigError::Exposed(self.http.listen));
        }
        Ok(self)
    }

    /// The networks that callbacks may lie in, beyond public addresses.
    pub fn callback_networks(&self) -> Vec<IpNet> {
        /// What `http.listen` on loopback opens: whoever calls is on this machine already.
        const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];
        match &self.events.callback_networks {
            Some(networks) => networks.clone(),
            None if self.http.listen.ip().is_loopback() => LOOPBACK.iter().flat_map(|text| text.parse()).collect(),
            None => Vec::new(),
        }
    }

    fn resolve(&mut self, folder: &Path) {
        let absolute = |path: &mut PathBuf| *path = folder.join(&*path);
        absolute(&mut self.data_dir);
        self.share.paths.iter_mut().for_each(absolute);
        self.access.token.iter_mut().for_each(|token| absolute(&mut token.token_file));
        self.overlay.iter_mut().filter_map(Overlay::secret_file).for_each(absolute);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("peergate.toml");
        std::fs::write(&file, text).unwrap();
        Config::load(Some(&file)).and_then(Config::check)
    }

    #[test]
    fn unknown_keys_are_refused_by_name() {
        for (text, key) in [
            ("colour = 1", "colour"),
            ("[http]\nlisten_on = \"127.0.0.1:0\"", "listen_on"),
            ("[limits]\ninline = 5", "inline"),
            ("[http]\ntrusted_proxies = [\"proxy.example\"]", "trusted_proxies"),
            ("[http]\nreply_networks = \"everywhere\"", "reply_networks"),
            ("[[overlay]]\nname = \"a\"\nkind = \"native\"\nport = 5", "port"),
            ("[[overlay]]\nname = \"a\"\nkind = \"gnutella\"", "gnutella"),
            ("[[overlay]]\nname = \"a\"\nkind = \"gateway\"", "url"),
            ("[[overlay]]\nname = \"a\"\nkind = \"gateway\"\nurl = \"http://h/\"\nbinding = \"json\"", "json"),
            ("[[overlay]]\nname = \"a\"\nkind = \"gateway\"\nurl = \"http://h/\"\ntoken = \"x\"", "token"),
            ("[cache]\nsize = 5", "size"),
            ("[[bridge]]\nfrom = \"a\"\nto = \"b\"\nhops = 5", "hops"),
            ("[[bridge]]\nfrom = \"a\"\nto = \"b\"\ndeny = [\"tag:\"]", "says nothing"),
            ("[[bridge]]\nfrom = \"a\"\nto = \"b\"\nhop_limit = 0", "want 1 to 16"),
            ("[[access.token]]\nname = \"a\"\ntoken_file = \"a\"\noperations = [\"*\"]\ntoken = \"b\"", "token"),
            ("[[access.token]]\nname = \"a\"\ntoken_file = \"a\"\noperations = [\"\"]", "pattern is empty"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(key), "{error}");
        }
    }

    #[test]
    fn the_documented_file_says_the_defaults() {
        let documented = read(include_str!("../config/peergate.toml")).unwrap();
        let default = Config::default();
        assert_eq!(Config { data_dir: default.data_dir.clone(), ..documented }, default);
    }

    #[test]
    fn an_address_that_others_reach_needs_a_token_or_access_open() {
        let exposed = "[http]\nlisten = \"0.0.0.0:7070\"\n";
        assert!(matches!(read(exposed), Err(ConfigError::Exposed(_))));
        assert!(read(&format!("{exposed}[access]\nopen = true")).is_ok());
        let token = "[[access.token]]\nname = \"erp\"\ntoken_file = \"erp.token\"\noperations = [\"search.*\"]";
        let config = read(&format!("{exposed}{token}")).unwrap();
        assert!(config.access.token[0].token_file.is_absolute());
        for skew in [0, MAX_CLOCK_SKEW + 1] {
            let refused = read(&format!("[access]\nclock_skew_seconds = {skew}"));
            assert!(matches!(refused, Err(ConfigError::ClockSkew(_))), "{skew}");
        }
    }

    #[test]
    fn callbacks_may_lie_on_loopback_where_the_node_does() {
        let networks = |text: &str| read(text).unwrap().callback_networks();
        assert_eq!(networks("").len(), 2);
        assert!(networks("[http]\nlisten = \"0.0.0.0:1\"\n[access]\nopen = true").is_empty());
        assert_eq!(networks("[events]\ncallback_networks = [\"10.0.0.0/8\"]"), ["10.0.0.0/8".parse().unwrap()]);
        assert!(read("[events]\ncallback_networks = [\"10.0.0.0/40\"]").is_err());
    }

    #[test]
    fn overlays_need_names_of_their_own() {
        let overlay = "[[overlay]]\nname = \"a\"\nkind = \"native\"\n";
        assert!(matches!(read(&overlay.repeat(2)), Err(ConfigError::NameTwice(_))));
        assert!(matches!(read("overlay = []"), Err(ConfigError::NoOverlay)));
    }

    #[test]
    fn configurations_in_the_manuals_are_valid() {
        let blocks = |text: &'static str| text.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
        let manuals =
            [include_str!("../README.md"), include_str!("../docs/bridging.md"), include_str!("../docs/catalogue.md")];
        let all: Vec<&str> = manuals.into_iter().flat_map(blocks).collect();
        assert!(all.len() > 10, "{}", all.len());
        for block in all {
            let config = read(block).unwrap_or_else(|error| panic!("{error} in\n{block}"));
            let known: Vec<_> = config.overlay.iter().map(Overlay::name).collect();
            for bridge in &config.bridge {
                assert!(
                    known.contains(&&*bridge.from) && known.contains(&&*bridge.to),
                    "a bridge leads nowhere in\n{block}"
                );
            }
        }
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let config = read("data_dir = \"data\"\n[share]\npaths = [\"/absolute\", \"library\"]").unwrap();
        assert!(config.data_dir.is_absolute() && config.data_dir.ends_with("data"));
        assert_eq!(config.share.paths[0], Path::new("/absolute"));
        assert!(config.share.paths[1].is_absolute());
    }
}
