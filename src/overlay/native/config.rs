//! What a native overlay is told at its start, and why a start can fail.

use std::{io, path::PathBuf, time::Duration};

use libp2p::{Multiaddr, StreamProtocol, multiaddr::Protocol, pnet::PreSharedKey};

/// Longest name of an overlay, in bytes; it is part of every protocol id.
const MAX_NAME: usize = 64;

/// One native overlay.
#[derive(Clone, Debug)]
pub struct NativeConfig {
    /// The overlay's name: letters, digits, `-`, `_` and `.`. It is part of every protocol id, so that peers of
    /// differently named overlays never mix.
    pub name: String,
    /// Multiaddrs to listen on; port 0 takes a free one.
    pub listen: Vec<String>,
    /// The key that all peers of a private overlay share; with one, only TCP is spoken. See [`parse_network_key`].
    pub network_key: Option<[u8; 32]>,
    /// Multiaddrs of peers to stay connected to.
    pub bootstrap: Vec<String>,
    /// Whether to look for peers on the local network.
    pub mdns: bool,
    /// Whether this node joins further overlays; peers are told.
    pub gateway: bool,
    /// The folder for what the overlay keeps between starts.
    pub state_dir: PathBuf,
    /// How long others may take.
    pub patience: Patience,
}

impl NativeConfig {
    /// An overlay that listens nowhere, knows nobody and looks for nobody.
    pub fn new(name: impl Into<String>, state_dir: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            listen: Vec::new(),
            network_key: None,
            bootstrap: Vec::new(),
            mdns: false,
            gateway: false,
            state_dir: state_dir.into(),
            patience: Patience::default(),
        }
    }
}

/// How long a peer may take before it is given up.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// To dial a peer and learn what it speaks.
    pub connect: Duration,
    /// To answer a search whole.
    pub search: Duration,
    /// To say whether it has a content, or to begin to send it.
    pub probe: Duration,
    /// Between two bytes of a content.
    pub stall: Duration,
    /// For a peer to take the next block of a content that it asked for.
    pub drain: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { connect: seconds(10), search: seconds(15), probe: seconds(5), stall: seconds(10), drain: seconds(60) }
    }
}

/// Why an overlay did not start.
#[derive(Debug, thiserror::Error)]
pub enum NativeError {
    /// The name cannot be part of a protocol id.
    #[error("overlay name {0:?} is not valid, want 1 to {MAX_NAME} letters, digits, '-', '_' or '.'")]
    Name(String),
    /// An address is no multiaddr.
    #[error("overlay {overlay}: {address:?} is no multiaddr ({reason}), want /ip4/0.0.0.0/tcp/7071 or the like")]
    Address {
        /// The overlay.
        overlay: String,
        /// What was configured.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A private overlay was told to use QUIC.
    #[error("overlay {overlay}: a private overlay speaks TCP only; remove {address} or the network key")]
    PrivateQuic {
        /// The overlay.
        overlay: String,
        /// The address concerned.
        address: String,
    },
    /// The text holds no key.
    #[error("network key: {0}; want the three lines of a libp2p swarm.key file")]
    NetworkKey(String),
    /// A listener did not come up.
    #[error("overlay {overlay} cannot listen on {address}: {reason}")]
    Listen {
        /// The overlay.
        overlay: String,
        /// The address.
        address: String,
        /// What the system says.
        reason: String,
    },
    /// The state folder cannot be used.
    #[error("overlay state folder {}: {error}", path.display())]
    State {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A transport could not be built.
    #[error("overlay {overlay}: {reason}")]
    Transport {
        /// The overlay.
        overlay: String,
        /// What is wrong.
        reason: String,
    },
}

/// Reads the text of a libp2p `swarm.key` file: `/key/swarm/psk/1.0.0/`, `/base16/` and 64 hexadecimal digits, a line
/// each.
///
/// # Errors
/// When the text has another form.
pub fn parse_network_key(text: &str) -> Result<[u8; 32], NativeError> {
    let fail = |reason: &dyn ToString| NativeError::NetworkKey(reason.to_string().to_lowercase());
    text.trim().parse::<PreSharedKey>().map_err(|error| fail(&format!("{error:?}")))?;
    // The parsed key does not give its bytes back, so the checked digits are read once more.
    let digits = text.trim().lines().nth(2).unwrap_or_default().trim_end();
    let mut key = [0; 32];
    for (byte, at) in key.iter_mut().zip((0..).step_by(2)) {
        let pair = digits.get(at..at + 2).ok_or_else(|| fail(&"the key is short"))?;
        *byte = u8::from_str_radix(pair, 16).map_err(|e| fail(&e))?;
    }
    Ok(key)
}

/// A configuration whose texts have been read.
pub(super) struct Checked {
    pub id: String,
    pub listen: Vec<Multiaddr>,
    pub bootstrap: Vec<Multiaddr>,
    pub protocols: Protocols,
}

/// The ids of the overlay's protocols.
#[derive(Clone, Debug)]
pub(super) struct Protocols {
    /// What peers of the overlay say in identify's `protocol_version`.
    pub overlay: String,
    pub kad: StreamProtocol,
    pub search: StreamProtocol,
    pub blobs: StreamProtocol,
}

impl Protocols {
    fn of(name: &str) -> Option<Self> {
        let id = |rest: &str| StreamProtocol::try_from_owned(format!("/peergate/{name}/{rest}")).ok();
        Some(Self {
            overlay: format!("/peergate/{name}/1"),
            kad: id("kad/1")?,
            search: id("search/1")?,
            blobs: id("blobs/1")?,
        })
    }
}

pub(super) fn check(config: &NativeConfig) -> Result<Checked, NativeError> {
    let name = &config.name;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(plain) {
        return Err(NativeError::Name(name.clone()));
    }
    let listen = addresses(name, &config.listen)?;
    let quic = listen.iter().find(|address| address.iter().any(|part| part == Protocol::QuicV1));
    if let Some(address) = quic.filter(|_| config.network_key.is_some()) {
        return Err(NativeError::PrivateQuic { overlay: name.clone(), address: address.to_string() });
    }
    let bootstrap = addresses(name, &config.bootstrap)?;
    let protocols = Protocols::of(name).ok_or_else(|| NativeError::Name(name.clone()))?;
    Ok(Checked { id: overlay_id(config), listen, bootstrap, protocols })
}

/// What names the overlay on every node: made from its name and its key, of which it tells nothing.
fn overlay_id(config: &NativeConfig) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("peergate 2026 native overlay id");
    hasher.update(&config.network_key.unwrap_or_default()).update(config.name.as_bytes());
    let hash = hasher.finalize().to_hex();
    format!("native:{}", &hash[..32])
}

fn addresses(overlay: &str, texts: &[String]) -> Result<Vec<Multiaddr>, NativeError> {
    let read = |text: &String| {
        text.parse().map_err(|error: libp2p::multiaddr::Error| NativeError::Address {
            overlay: overlay.to_owned(),
            address: text.clone(),
            reason: error.to_string().to_lowercase(),
        })
    };
    texts.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swarm_key_file_is_read_and_anything_else_refused() {
        let digits = "00ff".repeat(16);
        let key = parse_network_key(&format!("/key/swarm/psk/1.0.0/\n/base16/\n{digits}\n")).unwrap();
        assert_eq!(key[..4], [0, 0xff, 0, 0xff]);
        for text in ["", "/key/swarm/psk/1.0.0/\n/base16/\nabc", "/key/swarm/psk/1.0.0/\n/base64/\nabc", &digits] {
            let error = parse_network_key(text).unwrap_err().to_string();
            assert!(error.contains("swarm.key"), "{error}");
        }
    }

    #[test]
    fn name_and_key_make_the_id_of_an_overlay() {
        let id = |name: &str, network_key| overlay_id(&NativeConfig { network_key, ..NativeConfig::new(name, "x") });
        assert_eq!(id("home", None), id("home", None));
        let all = [id("home", None), id("work", None), id("home", Some([1; 32])), id("home", Some([2; 32]))];
        assert!((1..4).all(|i| !all[i..].contains(&all[i - 1])), "{all:?}");
    }

    #[test]
    fn names_and_addresses_that_cannot_work_are_refused_by_name() {
        for name in ["", "a/b", "a b", &"x".repeat(65)] {
            assert!(check(&NativeConfig::new(name, "")).is_err(), "{name:?}");
        }
        let mut config = NativeConfig::new("home", "");
        config.listen = vec!["127.0.0.1:7071".into()];
        let error = check(&config).err().unwrap().to_string();
        assert!(error.contains("127.0.0.1:7071") && error.contains("home"), "{error}");
        config.listen = vec!["/ip4/127.0.0.1/udp/0/quic-v1".into()];
        assert!(check(&config).is_ok());
        config.network_key = Some([1; 32]);
        assert!(matches!(check(&config), Err(NativeError::PrivateQuic { .. })));
    }
}
