//! The node: the only place that picks concrete types and wires them together.

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use tokio_util::sync::CancellationToken;

use crate::{
    access::{Access, AccessError, Token, read_secret},
    binding::soap::Deliveries,
    bridge::{self, BridgeDoors, BridgeOffer, Bridges},
    config::{self, Config},
    http::{self, Gateway, Hosts, Proxies},
    model::{Hashing, Time},
    operation::CONTRACT,
    outbound::{Outbound, Reach},
    overlay::{
        self, Overlay, Overlays,
        gateway::Neighbours,
        native::{Identity, Native, NativeConfig, parse_network_key},
        remote::{Address, Speech},
    },
    service::{
        About, Services, announce,
        contents::Contents,
        events::{self, Events, Patience},
        library::Library,
        peers::Peers,
        permits::Permits,
        retries::Retries,
        searches::Searches,
        transfers::{Policy, Transfers},
        uploads::{self, Uploads},
    },
    store::Store,
};

#[cfg(test)]
mod behaviour;

/// The bindings that every node answers.
const BINDINGS: &[&str] = &["soap", "soap12", "xmlrpc", "json"];

/// What the command line says over the configuration.
#[derive(Clone, Debug, Default)]
pub struct ServeOptions {
    /// The configuration file.
    pub config: Option<PathBuf>,
    /// The data folder.
    pub data_dir: Option<PathBuf>,
    /// Where to answer callers.
    pub http: Option<SocketAddr>,
    /// Files and folders to share in place, besides those of the configuration.
    pub share: Vec<PathBuf>,
    /// The file that is written once every listener is up.
    pub ready_file: Option<PathBuf>,
}

impl ServeOptions {
    fn configuration(&self) -> anyhow::Result<Config> {
        let mut config = Config::load(self.config.as_deref())?;
        if let Some(folder) = &self.data_dir {
            config.data_dir = folder.clone();
        }
        if let Some(address) = self.http {
            config.http.listen = address;
        }
        config.share.paths.extend(self.share.iter().cloned());
        Ok(config.check()?)
    }
}

/// Runs a node until SIGINT or SIGTERM, and then lets running answers finish. `show` is handed what tells how far the
/// hashing of shared files is.
///
/// # Errors
/// Says which key, folder or address is in the way, and what to do about it.
pub async fn serve(options: ServeOptions, show: impl FnOnce(watch::Receiver<Hashing>)) -> anyhow::Result<()> {
    let config = options.configuration()?;
    let access = Arc::new(access(&config.access)?);
    let metrics = http::install_metrics()?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let listener = http::bind(config.http.listen);
    let listener = listener.await.with_context(|| format!("http.listen: cannot listen on {}", config.http.listen))?;
    let node = Node::start(&config, listener.local_addr()?).await?;
    show(node.library.progress());
    if let Some(file) = &options.ready_file {
        node.write_ready_file(file).with_context(|| format!("--ready-file: cannot write {}", file.display()))?;
    }
    tracing::info!("Peergate answers on {}", node.services.about.http_address);
    let stop = CancellationToken::new();
    let hosts = Hosts::new(config.http.public_url.as_deref(), &config.http.hosts);
    let proxies = Proxies::new(config.http.trusted_proxies.clone());
    let deliveries = Deliveries::new(reply_outbound(&config)?);
    let validator = config.xmlrpc.validator;
    let gateway = Gateway::new(node.services.clone(), access, hosts, proxies, deliveries, metrics, validator);
    let answering = tokio::spawn(http::serve(listener, gateway, stop.clone()));
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tracing::info!("stopping");
    node.services.events.end_waits();
    stop.cancel();
    answering.await?;
    node.stop().await;
    Ok(())
}

/// The client for answers that go elsewhere than the caller's connection; none where no network is named.
fn reply_outbound(config: &Config) -> anyhow::Result<Option<Outbound>> {
    let networks = &config.http.reply_networks;
    let outbound = || Outbound::new(Reach::only(networks.clone(), "http.reply_networks"));
    Ok((!networks.is_empty()).then(outbound).transpose()?)
}

struct Node {
    services: Arc<Services>,
    library: Library,
}

/// What the overlays and services stand on.
struct Ground {
    store: Arc<Store>,
    events: Arc<Events>,
    identity: Identity,
    bridges: Arc<Bridges>,
}

impl Ground {
    async fn open(config: &Config) -> anyhow::Result<Self> {
        let store = Store::open(&config.data_dir).await?;
        let events = restore_events(config, store.clone()).await?;
        let identity = Identity::load_or_create(&config.data_dir.join("identity.key"))?;
        let bridges = restore_bridges(config, &store, &identity).await?;
        Ok(Self { store, events, identity, bridges })
    }

    async fn start_overlays(&self, config: &Config) -> anyhow::Result<Vec<Arc<dyn Overlay>>> {
        let Self { store, identity, bridges, .. } = self;
        let mut started: Vec<Arc<dyn Overlay>> = Vec::new();
        let neighbours = Arc::new(Neighbours::default());
        for overlay in &config.overlay {
            let running: anyhow::Result<Arc<dyn Overlay>> = match overlay {
                config::Overlay::Native(native) => start_native(config, native, identity, bridges.clone()).await,
                config::Overlay::Gateway(remote) => {
                    start_gateway(remote, &identity.peer_id(), neighbours.clone(), store.clone())
                }
                config::Overlay::Catalog(remote) => start_catalogue(remote, store.clone()),
            };
            started.push(running.with_context(|| format!("overlay {} did not start", overlay.name()))?);
        }
        Ok(started)
    }
}

impl Node {
    async fn start(config: &Config, http: SocketAddr) -> anyhow::Result<Self> {
        let ground = Ground::open(config).await?;
        let overlays = ground.start_overlays(config).await?;
        Self::build(config, http, ground, overlays).await
    }

    async fn build(
        config: &Config,
        http: SocketAddr,
        ground: Ground,
        overlays: Vec<Arc<dyn Overlay>>,
    ) -> anyhow::Result<Self> {
        let Ground { store, events, identity, bridges } = ground;
        let overlays = Arc::new(Overlays::new(identity.peer_id(), store.clone(), overlays));
        bridges.join(&overlays);
        overlays.open(Arc::new(BridgeDoors::new(bridges.clone())));
        let policy = Policy { concurrent: config.transfers.concurrent, share: config.share.downloads };
        let services = Arc::new(Services {
            about: About {
                peer_id: identity.peer_id(),
                started: Time::now(),
                http_address: format!("http://{http}"),
                bindings: BINDINGS,
                limits: config.limits.clone(),
            },
            contents: Contents::new(store.clone(), overlays.clone()),
            searches: Searches::new(overlays.clone(), store.journal().clone()),
            events,
            uploads: Uploads::restore(store.clone(), upload_policy(config)).await?,
            transfers: Transfers::restore(store.clone(), overlays.clone(), policy).await?,
            peers: Peers::new(store.clone(), overlays.clone()),
            retries: Retries::new(store.clone()),
            permits: Permits::new(&config.limits),
            store: store.clone(),
            overlays: overlays.clone(),
            bridges: bridges.clone(),
        });
        services.peers.restore().await?;
        tokio::spawn(announce::run(store.clone(), overlays.clone()));
        let library = Library::start(store, config.share.paths.clone(), overlays.publishing(&[])?).await?;
        events::watch(&services, library.progress());
        Ok(Self { services, library })
    }

    /// Written beside its place and renamed, so that whoever waits for it never reads half of it.
    fn write_ready_file(&self, file: &std::path::Path) -> io::Result<()> {
        let about = &self.services.about;
        let overlays =
            self.services.overlays.iter().map(|overlay| (overlay.name().to_owned(), overlay.addresses().into()));
        let ready = serde_json::json!({
            "httpAddress": about.http_address,
            "peerId": about.peer_id,
            "overlays": overlays.collect::<serde_json::Map<_, serde_json::Value>>(),
        });
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut temporary = tempfile::NamedTempFile::new_in(folder.unwrap_or(std::path::Path::new(".")))?;
        io::Write::write_all(&mut temporary, ready.to_string().as_bytes())?;
        temporary.persist(file)?;
        Ok(())
    }

    async fn stop(self) {
        self.library.stop().await;
        self.services.transfers.stop().await;
        for overlay in self.services.overlays.iter() {
            overlay.stop().await;
        }
        self.services.bridges.stop().await;
        self.services.events.stop().await;
        self.services.store.close().await;
    }
}

/// Reads the tokens.
fn access(config: &config::Access) -> Result<Access, AccessError> {
    let read = |token: &config::Token| Token::read(&token.name, &token.token_file, token.operations.clone());
    let tokens = config.token.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    for token in &tokens {
        for pattern in token.operations() {
            if !CONTRACT.operations.iter().any(|operation| pattern.matches(operation.name)) {
                tracing::warn!("access.token {}: operations: {pattern} names no operation of this node", token.name());
            }
        }
    }
    Access::new(tokens, config.open, Duration::from_secs(config.clock_skew_seconds))
}

fn upload_policy(config: &Config) -> uploads::Policy {
    uploads::Policy {
        uploads: config.limits.uploads,
        bytes: config.limits.upload_bytes,
        inline_bytes: config.limits.inline_bytes,
        expire: Duration::from_secs(config.uploads.expire_seconds),
    }
}

/// Before anything happens that may be an event.
async fn restore_events(config: &Config, store: Arc<Store>) -> anyhow::Result<Arc<Events>> {
    let outbound = Outbound::new(Reach::new(config.callback_networks()))?;
    let keys = &config.events;
    let patience = Patience {
        first: Duration::from_millis(keys.retry_ms),
        longest: Duration::from_millis(keys.retry_longest_ms),
        retries: keys.retries,
    };
    Ok(Events::restore(store, Arc::new(http::Callbacks::new(outbound)), patience).await?)
}

/// Before the overlays start, which offer what lies beyond them.
async fn restore_bridges(config: &Config, store: &Arc<Store>, identity: &Identity) -> anyhow::Result<Arc<Bridges>> {
    let policy = bridge::Policy {
        folder: config.data_dir.join("bridges"),
        cache_bytes: config.cache.bytes,
        patience: bridge::Patience::default(),
    };
    Ok(Bridges::restore(store.clone(), &identity.peer_id(), config.bridge.clone(), policy).await?)
}

async fn start_native(
    config: &Config,
    native: &config::Native,
    identity: &Identity,
    bridges: Arc<Bridges>,
) -> anyhow::Result<Arc<dyn Overlay>> {
    let offer = Arc::new(BridgeOffer::new(bridges, &native.name));
    Ok(Native::start(native_config(config, native)?, identity, offer).await?)
}

fn start_gateway(
    remote: &config::Remote,
    own: &str,
    neighbours: Arc<Neighbours>,
    store: Arc<Store>,
) -> anyhow::Result<Arc<dyn Overlay>> {
    let (address, patience) = (remote_address(remote)?, overlay::remote::Patience::default());
    Ok(Arc::new(overlay::gateway::Gateway::start(&remote.name, address, patience, own, neighbours, store)?))
}

fn start_catalogue(remote: &config::Remote, store: Arc<Store>) -> anyhow::Result<Arc<dyn Overlay>> {
    let (address, patience) = (remote_address(remote)?, overlay::remote::Patience::default());
    Ok(Arc::new(overlay::catalog::Catalog::start(&remote.name, address, patience, store)?))
}

/// The address of a system that is reached over HTTP, with its token.
fn remote_address(remote: &config::Remote) -> anyhow::Result<Address> {
    let speech = remote.binding.map(|binding| match binding {
        config::RemoteBinding::Soap => Speech::Soap,
        config::RemoteBinding::Xmlrpc => Speech::Xmlrpc,
    });
    let token = remote.token_file.as_deref().map(|file| {
        let secret = read_secret(&format!("overlay {}", remote.name), file);
        secret.with_context(|| format!("token_file: cannot read {}", file.display()))
    });
    Ok(Address::new(&remote.url, speech, token.transpose()?.as_deref())?)
}

fn native_config(config: &Config, native: &config::Native) -> anyhow::Result<NativeConfig> {
    let key = native.network_key_file.as_deref().map(|file| {
        let text = std::fs::read_to_string(file);
        let text = text.with_context(|| format!("network_key_file: cannot read {}", file.display()))?;
        Ok::<_, anyhow::Error>(parse_network_key(&text)?)
    });
    let mut built = NativeConfig::new(&native.name, config.data_dir.join("overlays").join(&native.name));
    built.listen = native.listen.clone();
    built.network_key = key.transpose()?;
    built.bootstrap = native.bootstrap.clone();
    built.mdns = native.mdns;
    built.gateway = config.overlay.len() > 1;
    Ok(built)
}
