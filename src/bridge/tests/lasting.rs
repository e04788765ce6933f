//! Bridges that are made, changed and removed while the node runs, and what is left after a restart.

use super::double::*;
use crate::{
    bridge::Settings,
    model::{BridgeState, FaultKind},
};

#[tokio::test]
async fn what_was_made_paused_and_counted_is_there_after_a_restart() {
    let scene = scene_with(Vec::new(), 0).await;
    scene.blue.put("plan.txt", &[], content(10)).await;
    let settings = Settings {
        deny: vec!["Tag:secret".parse().unwrap()],
        max_size: Some(500),
        hop_limit: 5,
        bidirectional: false,
        ..Settings::between("red", "blue")
    };
    let made = scene.bridges.create(settings).await.unwrap();
    assert_eq!((made.state, made.reason.clone(), made.hop_limit), (BridgeState::Up, None, 5));
    assert_eq!(scene.finds("plan").await.0[0].via.join(" "), made.bridge_id);
    let paused = scene.bridges.pause(&made.bridge_id, true).await.unwrap();
    assert_eq!(paused.state, BridgeState::Paused);
    let scene = scene.restart().await;
    let again = scene.bridge();
    assert_eq!(again, crate::model::Bridge { queries_forwarded: 1, hits_returned: 1, ..paused });
    assert!(scene.finds("plan").await.0.is_empty());
    assert_eq!(scene.bridges.pause(&made.bridge_id, false).await.unwrap().state, BridgeState::Up);
    assert_eq!(scene.finds("plan").await.0.len(), 1);
    scene.bridges.remove(&made.bridge_id).await.unwrap();
    assert_eq!(scene.bridges.remove(&made.bridge_id).await.unwrap_err().kind, FaultKind::NotFound);
    assert!(scene.finds("plan").await.0.is_empty());
    let scene = scene.restart().await;
    assert!(scene.bridges.list().is_empty());
}

#[tokio::test]
async fn a_bridge_of_the_configuration_keeps_its_id_and_its_pause_and_cannot_be_removed() {
    let scene = scene(|_| {}).await;
    let id = scene.bridge().bridge_id;
    let fault = scene.bridges.remove(&id).await.unwrap_err();
    assert!(fault.kind == FaultKind::Conflict && fault.message.contains("[[bridge]]"), "{fault}");
    scene.bridges.pause(&id, true).await.unwrap();
    let scene = scene.restart().await;
    assert_eq!((scene.bridge().bridge_id, scene.bridge().state), (id.clone(), BridgeState::Paused));
    let without = scene.restart_with(Vec::new()).await;
    assert!(without.bridges.list().is_empty());
    let back = without.restart_with(vec![Settings::between("red", "blue")]).await;
    assert_eq!(back.bridge().state, BridgeState::Paused, "what was paused does not start because of an edit");
}

#[tokio::test]
async fn what_cannot_work_is_refused_with_a_reason() {
    let one_way = |from: &str, to: &str| Settings { bidirectional: false, ..Settings::between(from, to) };
    let configured = vec![
        one_way("red", "blue"),
        one_way("red", "red"),
        one_way("red", "green"),
        one_way("blue", "red"),
        Settings::between("red", "blue"),
    ];
    let scene = scene_with(configured, 0).await;
    let told: Vec<_> = scene.bridges.list().into_iter().map(|bridge| bridge.reason.unwrap_or_default()).collect();
    assert_eq!((told[0].as_str(), told[3].as_str()), ("", ""), "two directions with rules of their own");
    assert!(told[1].contains("the same overlay, red") && told[2].contains("no overlay \"green\""), "{told:?}");
    assert!(told[4].contains(&scene.bridge().bridge_id), "{told:?}");
    let ids: std::collections::HashSet<_> = scene.bridges.list().into_iter().map(|bridge| bridge.bridge_id).collect();
    assert_eq!(ids.len(), 5);
    *scene.blue.capabilities.lock().unwrap() =
        crate::overlay::Capabilities { search: false, fetch: false, publish: true, peers: true };
    assert!(scene.bridge().reason.unwrap().contains("neither be searched nor fetched"));
    let fault = scene.bridges.create(Settings::between("red", "nowhere")).await.unwrap_err();
    assert!(fault.kind == FaultKind::NotFound && fault.message.starts_with("to: "), "{fault}");
    let twin = scene.bridges.create(Settings::between("blue", "red")).await.unwrap();
    assert_eq!(twin.state, BridgeState::Refused);
}

#[tokio::test]
async fn overlays_with_one_id_are_not_joined() {
    let (red, blue) = (Double::new("red", "native:same").await, Double::new("blue", "native:same").await);
    let scene = scene_of(red, blue).await;
    let bridge = scene.bridge();
    assert_eq!(bridge.state, BridgeState::Refused);
    assert!(bridge.reason.unwrap().contains("one and the same network, native:same"));
    scene.blue.put("plan.txt", &[], content(10)).await;
    assert!(scene.finds("plan").await.0.is_empty());
}

#[tokio::test]
async fn no_two_gateways_have_a_bridge_of_the_same_id() {
    let dirs = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let configured = vec![Settings::between("red", "blue")];
    let mut ids = Vec::new();
    for (dir, peer_id) in [(&dirs.0, "12D3KooWOne"), (&dirs.1, "12D3KooWTwo")] {
        let store = crate::store::Store::open(dir.path()).await.unwrap();
        let folder = dir.path().join("bridges");
        let policy = crate::bridge::Policy { folder, cache_bytes: 0, patience: Default::default() };
        let bridges = crate::bridge::Bridges::restore(store, peer_id, configured.clone(), policy).await.unwrap();
        ids.push(bridges.list()[0].bridge_id.clone());
    }
    assert_ne!(ids[0], ids[1]);
}
