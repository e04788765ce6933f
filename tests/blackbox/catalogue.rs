//! A legacy catalogue as an overlay: what callers find and fetch there, whatever the catalogue does.

use std::time::Duration;

use futures::StreamExt;
use serde_json::{Value, json};

use crate::harness::{Conduct, Kind, Legacy, Node, NodeConfig, connected, content_id, eventually, noise};

const BIG: &str = "cat:archive:big";
const SIZE: usize = 3 << 20;

/// A catalogue with one large entry, and a node in front of it.
async fn scene() -> (Legacy, Node, Vec<u8>) {
    let (legacy, data) = (Legacy::start().await, noise("catalogue", SIZE));
    legacy.put("big", "big document.bin", data.clone(), Some("2026-01-01T00:00:00Z"));
    let node = legacy.node().start().await;
    (legacy, node, data)
}

async fn describe(node: &Node, id: &str) -> Value {
    node.api.ok("content.describe", json!({ "contentId": id })).await
}

async fn bytes(node: &Node, id: &str) -> Vec<u8> {
    let reply = node.api.get(&format!("/content/{id}")).await;
    assert_eq!(reply.status, 200, "{id}");
    reply.body.to_vec()
}

async fn find(node: &Node) -> Value {
    node.api.ok("search.find", json!({ "query": "document", "overlays": ["archive"], "timeoutMs": 20_000 })).await
}

async fn state(node: &Node) -> String {
    let overlays = node.api.ok("overlay.list", json!({})).await;
    let overlays = overlays["overlays"].as_array().expect("overlays").clone();
    let archive = overlays.iter().find(|overlay| overlay["name"] == "archive").expect("the catalogue is an overlay");
    archive["state"].as_str().expect("a state").to_owned()
}

#[tokio::test]
async fn an_entry_gets_its_native_id_once_its_bytes_have_passed_and_loses_it_when_it_changes() {
    let (legacy, node, data) = scene().await;
    let native = content_id(blake3::hash(&data));
    let hits = find(&node).await["hits"].clone();
    assert_eq!((hits[0]["contentId"].as_str(), hits[0]["size"].as_u64()), (Some(BIG), Some(SIZE as u64)));
    assert_eq!(describe(&node, BIG).await["aliases"], json!([]));
    assert!(bytes(&node, BIG).await == data);
    assert_eq!(describe(&node, BIG).await["aliases"], json!([native]));
    assert_eq!(describe(&node, &native).await["aliases"], json!([BIG]));
    assert!(bytes(&node, &native).await == data);

    // The nodes of the tree are lost: the entry is read whole and proved all the same.
    std::fs::remove_dir_all(node.data_dir().join("aliases")).expect("remove the nodes");
    std::fs::create_dir(node.data_dir().join("aliases")).expect("an empty folder");
    let input = json!({ "contentId": native, "offset": 2_000_000, "length": 100 });
    let chunk = node.api.ok("content.read", input).await;
    assert_eq!(chunk["data"].as_str(), Some(&*base64_simd::STANDARD.encode_to_string(&data[2_000_000..2_000_100])));

    // As large as before, so the time of the change has to tell.
    let changed = noise("changed", SIZE);
    legacy.put("big", "big document.bin", changed.clone(), Some("2026-01-02T00:00:00Z"));
    find(&node).await;
    assert_eq!(describe(&node, BIG).await["aliases"], json!([]));
    node.api.fault("content.describe", json!({ "contentId": native })).await.assert_is(Kind::NotFound);
    assert!(bytes(&node, BIG).await == changed);
}

#[tokio::test]
async fn bytes_that_changed_unseen_are_never_handed_out_under_the_old_native_id() {
    let (legacy, node, data) = scene().await;
    let native = content_id(blake3::hash(&data));
    bytes(&node, BIG).await;
    let mut changed = data.clone();
    changed[2_500_000] ^= 1;
    legacy.put("big", "big document.bin", changed, Some("2026-01-01T00:00:00Z"));
    // What was not touched is proved still; what was is refused.
    let read = |offset: u64| json!({ "contentId": native, "offset": offset, "length": 100_000, "timeoutMs": 10_000 });
    let chunk = node.api.ok("content.read", read(1_000_000)).await;
    let wanted = base64_simd::STANDARD.encode_to_string(&data[1_000_000..1_100_000]);
    assert_eq!(chunk["data"].as_str(), Some(&*wanted));
    let fault = node.api.fault("content.read", read(2_450_000)).await;
    assert!(["NotFound", "Unavailable"].map(Some).contains(&fault.kind.as_deref()), "{fault:?}");
}

#[tokio::test]
async fn a_slow_catalogue_is_read_as_it_comes() {
    let (legacy, node, data) = scene().await;
    legacy.hold_from(128 << 10);
    let url = node.api.url(&format!("/content/{BIG}"));
    let mut stream = reqwest::get(url).await.expect("the head comes at once").bytes_stream();
    let mut got = Vec::new();
    while got.len() < 128 << 10 {
        let part = tokio::time::timeout(Duration::from_secs(20), stream.next()).await;
        got.extend_from_slice(&part.expect("what the catalogue gave is handed on").expect("more").expect("bytes"));
    }
    legacy.hold_from(u64::MAX);
    while let Some(part) = stream.next().await {
        got.extend_from_slice(&part.expect("bytes"));
    }
    assert!(got == data);
    assert!(legacy.reads().iter().all(|(_, length)| *length <= 1 << 20));
}

#[tokio::test]
async fn a_lying_catalogue_is_named() {
    let (legacy, node, _) = scene().await;
    let read = json!({ "contentId": BIG, "offset": 0, "length": 1000, "timeoutMs": 10_000 });
    for (conduct, says) in [(Conduct::Short, "answered"), (Conduct::Broken, "the database is broken")] {
        legacy.conduct(conduct);
        let fault = node.api.fault("content.read", read.clone()).await;
        assert!(fault.assert_is(Kind::Unavailable).message.contains(says), "{fault:?}");
        legacy.conduct(Conduct::Honest);
        eventually("it is asked again", async || (state(&node).await != "down").then_some(())).await;
    }
    // The size is believed until the bytes run out: then the download breaks off.
    legacy.put("small", "small document", vec![1; 100], None);
    legacy.conduct(Conduct::Boastful);
    let reply = reqwest::get(node.api.url("/content/cat:archive:small")).await.expect("a head");
    let whole = reply.bytes().await;
    assert!(whole.is_err() || whole.is_ok_and(|bytes| bytes.len() != 100), "what is made up is not a content");
}

#[tokio::test]
async fn a_catalogue_that_is_down_holds_nobody_up_and_is_found_when_it_is_back() {
    let mut legacy = Legacy::start().await;
    legacy.put("big", "big document.bin", noise("catalogue", 100_000), None);
    legacy.down().await;
    // The node starts all the same.
    let node = legacy.node().start().await;
    eventually("it counts as down", async || (state(&node).await == "down").then_some(())).await;
    let found = find(&node).await;
    assert_eq!(
        (found["hits"].as_array().map(Vec::len), &found["outcomes"][0]["outcome"]),
        (Some(0), &json!("refused"))
    );
    node.api.fault("content.describe", json!({ "contentId": BIG })).await.assert_is(Kind::Unavailable);
    legacy.up().await;
    eventually("it is up again", async || (state(&node).await == "up").then_some(())).await;
    assert_eq!(find(&node).await["hits"][0]["contentId"], BIG);
    legacy.remove("big");
    node.api.fault("content.read", json!({ "contentId": BIG })).await.assert_is(Kind::NotFound);
}

#[tokio::test]
async fn peers_reach_entries_across_a_bridge_and_learn_their_native_ids() {
    let (legacy, data) = (Legacy::start().await, noise("catalogue", SIZE));
    legacy.put("big", "big document.bin", data.clone(), Some("2026-01-01T00:00:00Z"));
    let bridge = "[[bridge]]\nfrom = \"home\"\nto = \"archive\"\nbidirectional = false\n";
    let gateway = legacy.node().with(bridge).start().await;
    let peer = NodeConfig::new().bootstrap(&gateway).start().await;
    connected(&peer, &gateway).await;
    let found = peer.api.ok("search.find", json!({ "query": "document", "timeoutMs": 20_000 })).await;
    assert_eq!((&found["hits"][0]["contentId"], &found["hits"][0]["overlay"]), (&json!(BIG), &json!("home")));
    assert_eq!(found["hits"][0]["via"].as_array().map(Vec::len), Some(1));
    let native = content_id(blake3::hash(&data));
    assert!(bytes(&peer, BIG).await == data);
    for node in [&peer, &gateway] {
        assert_eq!(describe(node, BIG).await["aliases"], json!([native]));
    }
    // A peer that knows the native id alone gets the same bytes, proved.
    let other = NodeConfig::new().bootstrap(&gateway).start().await;
    connected(&other, &gateway).await;
    assert!(bytes(&other, &native).await == data);
}

async fn ended(node: &Node, id: &str) -> Value {
    let transfer = node.api.ok("transfer.wait", json!({ "transferId": id, "waitMs": 60_000 })).await;
    assert_eq!(transfer["state"], "complete", "{transfer}");
    transfer
}

#[tokio::test]
async fn a_transfer_of_an_entry_goes_on_after_a_kill_and_becomes_native_content() {
    let (legacy, mut node, data) = scene().await;
    find(&node).await;
    legacy.hold_from(2 << 20);
    let begun = node.api.ok("transfer.start", json!({ "contentId": BIG })).await;
    let id = begun["transferId"].as_str().expect("an id").to_owned();
    eventually("some of it is kept", async || {
        let status = node.api.ok("transfer.status", json!({ "transferId": id })).await;
        (status["received"].as_u64() >= Some(1 << 20)).then_some(())
    })
    .await;
    node.kill();
    let before = legacy.reads().len();
    legacy.hold_from(u64::MAX);
    node.restart().await;
    ended(&node, &id).await;
    let again = legacy.reads()[before..].iter().map(|(offset, _)| *offset).min();
    assert!(again >= Some(1 << 20), "what was kept is not read again: {:?}", &legacy.reads()[before..]);
    let native = content_id(blake3::hash(&data));
    let content = describe(&node, &native).await;
    assert_eq!((&content["local"], &content["aliases"]), (&json!(true), &json!([BIG])));
    assert_eq!(describe(&node, BIG).await["local"], true);
    assert!(bytes(&node, BIG).await == data);
    // Asked for once more it is here already, and it can be removed by the transfer.
    let again = node.api.ok("transfer.start", json!({ "contentId": BIG })).await;
    assert_eq!(again["state"], "complete");
    node.api.ok("transfer.remove", json!({ "transferId": again["transferId"], "deleteData": true })).await;
    assert_eq!(describe(&node, BIG).await["local"], false);
}

#[tokio::test]
async fn a_transfer_begins_anew_when_the_entry_changes_meanwhile() {
    let (legacy, node, _) = scene().await;
    find(&node).await;
    legacy.hold_from(1 << 20);
    let begun = node.api.ok("transfer.start", json!({ "contentId": BIG })).await;
    let id = begun["transferId"].as_str().expect("an id").to_owned();
    eventually("some of it is here", async || {
        let status = node.api.ok("transfer.status", json!({ "transferId": id })).await;
        (status["received"].as_u64() >= Some(1 << 19)).then_some(())
    })
    .await;
    node.api.ok("transfer.pause", json!({ "transferId": id })).await;
    let changed = noise("changed", SIZE);
    legacy.put("big", "big document.bin", changed.clone(), Some("2026-01-02T00:00:00Z"));
    find(&node).await;
    legacy.hold_from(u64::MAX);
    node.api.ok("transfer.resume", json!({ "transferId": id })).await;
    ended(&node, &id).await;
    assert_eq!(describe(&node, BIG).await["aliases"], json!([content_id(blake3::hash(&changed))]));
    assert!(bytes(&node, BIG).await == changed);
}
