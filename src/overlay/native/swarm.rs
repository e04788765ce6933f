//! The swarm: which transports, which behaviours, which limits.
//!
//! A public overlay speaks TCP (noise or TLS, yamux) and QUIC. A private one wraps every byte of TCP with its
//! pre-shared key before the handshake, so an outsider does not even learn what is spoken; QUIC cannot do that.

use std::{num::NonZeroUsize, time::Duration};

use libp2p::{
    PeerId, Swarm, SwarmBuilder, Transport,
    allow_block_list::{self, BlockedPeers},
    connection_limits::{self, ConnectionLimits},
    core::{muxing::StreamMuxerBox, upgrade},
    identify, identity, kad, mdns, memory_connection_limits, noise, ping, pnet,
    swarm::{NetworkBehaviour, behaviour::toggle::Toggle},
    tcp, tls, yamux,
};

use super::{
    config::{NativeConfig, NativeError, Protocols},
    records::{Records, TIME_TO_LIVE},
    streams,
};

/// Connections in all.
const MAX_CONNECTIONS: u32 = 768;
/// Connections that others opened, so that some room is left for those that this node wants.
const MAX_INCOMING: u32 = 512;
/// Handshakes under way, in each direction.
const MAX_HANDSHAKES: u32 = 128;
/// Connections to one peer: both sides may dial at once, over TCP and QUIC.
const MAX_PER_PEER: u32 = 4;
/// Part of the machine's memory beyond which no further connection is taken.
const MAX_MEMORY: f64 = 0.9;
/// How long one walk through the DHT may take.
const WALK: Duration = Duration::from_secs(10);
/// How often this node's provider records are renewed.
const RENEWAL: Duration = Duration::from_secs(12 * 60 * 60);
/// How long a connection may take to be set up.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a connection stays that nobody keeps alive.
const IDLE: Duration = Duration::from_secs(60);
/// Events that one connection may have waiting.
const EVENTS_A_CONNECTION: NonZeroUsize = NonZeroUsize::new(32).unwrap();

/// Everything that this node does on a connection.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    // Refusals first, so that nothing else sets up state for a connection that is not taken.
    pub blocked: allow_block_list::Behaviour<BlockedPeers>,
    connections: connection_limits::Behaviour,
    memory: memory_connection_limits::Behaviour,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    pub kad: kad::Behaviour<Records>,
    mdns: Toggle<mdns::tokio::Behaviour>,
    pub streams: streams::Behaviour,
}

/// What the agent of a gateway ends with.
pub(super) const GATEWAY: &str = " (gateway)";

/// Builds the swarm; it listens nowhere yet.
pub(super) fn build(
    config: &NativeConfig,
    protocols: &Protocols,
    key: &identity::Keypair,
    records: Records,
) -> Result<Swarm<Behaviour>, NativeError> {
    let fail = |reason: &dyn ToString| NativeError::Transport {
        overlay: config.name.clone(),
        reason: reason.to_string().to_lowercase(),
    };
    let behaviour = behaviour(config, protocols, key, records).map_err(|error| fail(&error))?;
    let settings = |settings: libp2p::swarm::Config| {
        settings
            .with_idle_connection_timeout(IDLE)
            .with_notify_handler_buffer_size(EVENTS_A_CONNECTION)
            // Saves a round trip a stream: each of ours has one protocol only.
            .with_substream_upgrade_protocol_override(upgrade::Version::V1Lazy)
    };
    let tcp = tcp::Config::default().nodelay(true);
    let builder = SwarmBuilder::with_existing_identity(key.clone()).with_tokio();
    let swarm = match config.network_key {
        None => builder
            .with_tcp(tcp, (noise::Config::new, tls::Config::new), yamux::Config::default)
            .map_err(|error| fail(&error))?
            .with_quic()
            .with_dns()
            .map_err(|error| fail(&error))?
            .with_behaviour(|_| behaviour)
            .map_err(|error| fail(&error))?
            .with_swarm_config(settings)
            .with_connection_timeout(HANDSHAKE)
            .build(),
        Some(shared) => {
            let noise = noise::Config::new(key).map_err(|error| fail(&error))?;
            let private = pnet::PnetConfig::new(pnet::PreSharedKey::new(shared));
            builder
                .with_other_transport(|_| {
                    tcp::tokio::Transport::new(tcp)
                        .and_then(move |socket, _| private.handshake(socket))
                        .upgrade(upgrade::Version::V1Lazy)
                        .authenticate(noise)
                        .multiplex(yamux::Config::default())
                        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)))
                })
                .map_err(|error| fail(&error))?
                .with_dns()
                .map_err(|error| fail(&error))?
                .with_behaviour(|_| behaviour)
                .map_err(|error| fail(&error))?
                .with_swarm_config(settings)
                .with_connection_timeout(HANDSHAKE)
                .build()
        }
    };
    Ok(swarm)
}

fn behaviour(
    config: &NativeConfig,
    protocols: &Protocols,
    key: &identity::Keypair,
    records: Records,
) -> std::io::Result<Behaviour> {
    let local = key.public().to_peer_id();
    let limits = ConnectionLimits::default()
        .with_max_established(Some(MAX_CONNECTIONS))
        .with_max_established_incoming(Some(MAX_INCOMING))
        .with_max_established_per_peer(Some(MAX_PER_PEER))
        .with_max_pending_incoming(Some(MAX_HANDSHAKES))
        .with_max_pending_outgoing(Some(MAX_HANDSHAKES));
    let mdns = config.mdns.then(|| mdns::tokio::Behaviour::new(mdns::Config::default(), local)).transpose()?;
    let version = env!("CARGO_PKG_VERSION");
    let agent = format!("peergate/{version}{}", if config.gateway { GATEWAY } else { "" });
    let identify = identify::Config::new(protocols.overlay.clone(), key.public())
        .with_agent_version(agent)
        .with_push_listen_addr_updates(true);
    Ok(Behaviour {
        blocked: allow_block_list::Behaviour::default(),
        connections: connection_limits::Behaviour::new(limits),
        memory: memory_connection_limits::Behaviour::with_max_percentage(MAX_MEMORY),
        identify: identify::Behaviour::new(identify),
        ping: ping::Behaviour::default(),
        kad: kademlia(local, protocols, records),
        mdns: mdns.into(),
        streams: streams::Behaviour::new(vec![protocols.search.clone(), protocols.blobs.clone()]),
    })
}

fn kademlia(local: PeerId, protocols: &Protocols, records: Records) -> kad::Behaviour<Records> {
    let mut config = kad::Config::new(protocols.kad.clone());
    config
        .set_query_timeout(WALK)
        .set_provider_record_ttl(Some(TIME_TO_LIVE))
        .set_provider_publication_interval(Some(RENEWAL))
        // Values are not stored, so there is nothing to replicate.
        .set_replication_interval(None)
        .set_publication_interval(None);
    let mut kad = kad::Behaviour::with_config(local, records, config);
    // Every node answers: overlays are small and often have no address that the outside confirms.
    kad.set_mode(Some(kad::Mode::Server));
    kad
}
