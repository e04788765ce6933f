//! Who is a peer of an overlay, and who is not.

use std::{net::TcpListener, time::Duration};

use super::{
    super::*,
    double::{Double, assert_fault, eventually, node},
};
use crate::model::FaultKind;

#[tokio::test]
async fn connected_nodes_know_each_other() {
    let (one, other) = (node(|_| {}).await, node(|config| config.gateway = true).await);
    let peer = one.native.connect(&other.address()).await.unwrap();
    assert_eq!((peer.peer_id, peer.overlay.as_str()), (other.id(), "home"));
    assert!(peer.connected && peer.gateway && peer.since.is_some() && !peer.blocked);
    assert_eq!(peer.agent.unwrap(), concat!("peergate/", env!("CARGO_PKG_VERSION"), " (gateway)"));
    assert_eq!(peer.addresses, [other.address()]);
    eventually(|| other.native.status().peers == 1).await;
    assert!(!other.native.peers().await[0].gateway);
    assert_eq!(one.native.connect(&other.address()).await.unwrap().peer_id, other.id(), "twice is as good as once");

    assert!(one.native.disconnect(&other.id()).await.unwrap());
    eventually(|| one.native.status().peers == 0 && other.native.status().peers == 0).await;
    assert!(!one.native.disconnect(&other.id()).await.unwrap());
}

#[tokio::test]
async fn quic_and_the_wildcard_address_work_too() {
    let listen = |address: &str| vec![address.to_owned()];
    let quic = node(|config| config.listen = listen("/ip4/127.0.0.1/udp/0/quic-v1")).await;
    let wild = node(|config| config.listen = listen("/ip4/0.0.0.0/tcp/0")).await;
    assert!(wild.native.addresses().iter().any(|address| address.starts_with("/ip4/127.0.0.1/tcp/")));
    wild.meet(&quic).await;
}

#[tokio::test]
async fn peers_of_another_overlay_are_no_peers() {
    let (home, work) = (node(|_| {}).await, node(|config| config.name = "work".into()).await);
    let refused = home.native.connect(&work.address()).await;
    assert_fault(refused, FaultKind::Unavailable, "is no peer of overlay home");
    assert_eq!((home.native.status().peers, work.native.status().peers), (0, 0));
}

#[tokio::test]
async fn a_private_overlay_admits_its_own_only() {
    let keyed = |key: Option<u8>| {
        move |config: &mut NativeConfig| {
            config.network_key = key.map(|byte| [byte; 32]);
            config.patience.connect = Duration::from_secs(2);
        }
    };
    let (one, other) = (node(keyed(Some(7))).await, node(keyed(Some(7))).await);
    let (other_key, outsider) = (node(keyed(Some(8))).await, node(keyed(None)).await);
    one.meet(&other).await;
    assert!(outsider.native.connect(&one.address()).await.is_err());
    assert!(other_key.native.connect(&one.address()).await.is_err());
    assert_eq!(one.native.status().peers, 1);
}

#[tokio::test]
async fn a_bootstrap_peer_that_starts_late_is_found_and_found_again() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("/ip4/127.0.0.1/tcp/{port}");
    let early = node(|config| config.bootstrap = vec![address.clone()]).await;
    for _ in 0..2 {
        let late = node(|config| config.listen = vec![address.clone()]).await;
        eventually(|| early.has_peer(&late.id())).await;
        late.native.stop().await;
        eventually(|| early.native.status().peers == 0).await;
    }
}

#[tokio::test]
async fn a_blocked_peer_is_refused_until_it_is_forgiven() {
    let (one, other) = (node(|_| {}).await, node(|_| {}).await);
    one.meet(&other).await;
    one.native.block(&other.id(), true).await.unwrap();
    eventually(|| one.native.status().peers == 0 && other.native.status().peers == 0).await;
    assert!(other.native.connect(&one.address()).await.is_err());
    assert!(one.native.connect(&other.address()).await.is_err());
    let peers = one.native.peers().await;
    assert!(peers.len() == 1 && peers[0].blocked && !peers[0].connected, "{peers:?}");
    one.native.block(&other.id(), false).await.unwrap();
    other.meet(&one).await;
}

#[tokio::test]
async fn addresses_that_lead_nowhere_are_told_apart() {
    let one = node(|_| {}).await;
    assert_fault(one.native.connect("nowhere").await, FaultKind::InvalidRequest, "\"nowhere\" is no multiaddr");
    assert_fault(one.native.connect(&one.address()).await, FaultKind::InvalidRequest, "this node's own");
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let refused = one.native.connect(&format!("/ip4/127.0.0.1/tcp/{closed}")).await;
    assert_fault(refused, FaultKind::Unavailable, "nobody answers");
    assert_fault(one.native.disconnect("x").await, FaultKind::InvalidRequest, "no peer id");
}

#[tokio::test]
async fn an_address_in_use_stops_the_start_and_a_stopped_overlay_says_so() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let state = tempfile::tempdir().unwrap();
    let mut config = NativeConfig::new("home", state.path());
    config.listen = vec![format!("/ip4/127.0.0.1/tcp/{}", taken.local_addr().unwrap().port())];
    let started = Native::start(config, &Identity::generate(), Arc::new(Double::default())).await;
    let error = started.err().unwrap().to_string();
    assert!(error.contains("overlay home cannot listen on /ip4/127.0.0.1/tcp/"), "{error}");

    let one = node(|_| {}).await;
    let other = node(|_| {}).await;
    other.meet(&one).await;
    let address = one.address();
    drop(other);
    eventually(|| one.native.status().peers == 0).await;
    one.native.stop().await;
    one.native.stop().await;
    assert_fault(one.native.connect(&address).await, FaultKind::Unavailable, "has stopped");
    let port: u16 = address.split('/').nth(4).unwrap().parse().unwrap();
    TcpListener::bind(("127.0.0.1", port)).expect("the port is free again");
}
