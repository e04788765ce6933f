//! What an overlay says of itself, who belongs to it, and how it ends.

use std::sync::Arc;

use futures::StreamExt;

use super::{Kind, NEAR, eventually, within};
use crate::{
    model::{FaultKind, OverlayState, Query},
    overlay::{
        Capabilities, Found,
        double::{Article, Manner, content},
    },
};

pub async fn status_and_capabilities_agree<K: Kind>() {
    let article = Article::new("map", content(100_000));
    let kind = K::holding([article.clone()]).await;
    let overlay = kind.overlay();
    let (status, Capabilities { search, fetch, publish, peers }) = (overlay.status(), overlay.capabilities());
    assert_eq!((overlay.name(), status.name.as_str()), (NEAR, NEAR));
    assert_eq!((status.can_search, status.can_fetch, status.can_publish), (search, fetch, publish));
    assert!(search && fetch, "the suite tries overlays that can");
    assert_eq!((status.state, status.peers), (OverlayState::Up, u32::from(peers)), "{:?}", status.detail);
    assert_eq!(overlay.addresses().is_empty(), !peers, "who has peers can be dialled");

    let (id, journey) = (overlay.id(), kind.journey());
    let plain = |byte: u8| byte.is_ascii_graphic() && !b",;".contains(&byte);
    assert!((1..=128).contains(&id.len()) && id.bytes().all(plain), "{id:?}");
    assert_eq!(overlay.id(), id, "it stays");

    let fetched = overlay.fetch(&kind.id_of(&article), 0..u64::MAX, &[], &journey).await.unwrap();
    assert!(fetched.pieces.all(|piece| async move { piece.is_ok() }).await);
    assert_eq!(overlay.status().bytes_in, 100_000, "bytes of content are counted once");
}

pub async fn publishes_or_says_that_it_cannot<K: Kind>() {
    let kind = K::holding([]).await;
    let (overlay, id) = (kind.overlay(), Article::new("mine", content(10)).id().clone());
    let published = within("publish", overlay.publish(std::slice::from_ref(&id))).await;
    if overlay.capabilities().publish {
        published.unwrap();
        eventually("the far side hears of it", || kind.has_heard_of(&id)).await;
        within("again", overlay.publish(std::slice::from_ref(&id))).await.unwrap();
        within("withdraw", overlay.withdraw(&id)).await.unwrap();
        return within("what is not published", overlay.withdraw(&kind.unknown_id())).await.unwrap();
    }
    assert_eq!(published.unwrap_err().kind, FaultKind::Unsupported);
    let withdrawn = within("withdraw", overlay.withdraw(&id)).await.map_err(|fault| fault.kind);
    assert!(matches!(withdrawn, Ok(()) | Err(FaultKind::Unsupported)), "there is nothing to withdraw: {withdrawn:?}");
}

pub async fn has_peers_or_says_that_it_has_none<K: Kind>() {
    let kind = K::holding([]).await;
    let overlay = kind.overlay();
    let peers = overlay.peers().await;
    if !overlay.capabilities().peers {
        assert!(peers.is_empty() && overlay.peer_changes().is_none(), "{peers:?}");
        assert_eq!(overlay.connect("/ip4/127.0.0.1/tcp/1").await.unwrap_err().kind, FaultKind::Unsupported);
        assert_eq!(overlay.block("12D3KooWNobody", true).await.unwrap_err().kind, FaultKind::Unsupported);
        let left = overlay.disconnect("12D3KooWNobody").await.map_err(|fault| fault.kind);
        return assert!(matches!(left, Ok(false) | Err(FaultKind::Unsupported)), "there is nobody to leave: {left:?}");
    }
    let [peer] = &peers[..] else { panic!("the far side is the only peer: {peers:?}") };
    assert!(peer.connected && !peer.blocked && peer.overlay == NEAR && !peer.addresses.is_empty(), "{peer:?}");
    assert_eq!(overlay.connect("nowhere").await.unwrap_err().kind, FaultKind::InvalidRequest);

    let mut changes = overlay.peer_changes().expect("who has peers tells of them");
    assert!(overlay.disconnect(&peer.peer_id).await.unwrap());
    let left = within("the change", changes.recv()).await.unwrap();
    assert!(left.peer_id == peer.peer_id && !left.connected, "{left:?}");
    let again = within("connect", overlay.connect(&peer.addresses[0])).await.unwrap();
    assert!(again.connected && again.peer_id == peer.peer_id);
    overlay.block(&peer.peer_id, true).await.unwrap();
    eventually("the blocked peer is gone", || overlay.status().peers == 0).await;
    assert!(within("connect", overlay.connect(&peer.addresses[0])).await.is_err());
}

pub async fn a_stop_is_quick_and_final<K: Kind>() {
    let article = Article::new("map", content(3_000_000)).sent(Manner::Stalled(500_000));
    let kind = K::holding([article.clone()]).await;
    let (overlay, id) = (kind.overlay(), kind.id_of(&article));
    let under_way = overlay.fetch(&id, 0..u64::MAX, &[], &kind.journey()).await;
    within("the stop", overlay.stop()).await;
    within("the second stop", overlay.stop()).await;
    if let Ok(fetch) = under_way {
        let ended: Vec<_> = within("what was under way ends", fetch.pieces.collect()).await;
        assert!(ended.last().is_some_and(|last| last.is_err()), "and with a fault, since it is not whole");
    }
    if let Ok(found) = overlay.search(Arc::new(Query::parse("map", 5).unwrap()), &kind.journey()).await {
        let found: Vec<_> = within("the search ends", found.collect()).await;
        assert!(found.iter().all(|found| matches!(found, Found::Missing)), "{found:?}");
    }
    assert!(within("locate", overlay.locate(&id, &kind.journey())).await.is_err());
    assert!(within("fetch", overlay.fetch(&id, 0..1, &[], &kind.journey())).await.is_err());
    let status = overlay.status();
    assert!(status.state == OverlayState::Down && status.detail.is_some(), "{status:?}");
    kind.far_side().gate().open();
}
