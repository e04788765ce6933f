//! What survives: `kill -9`, files that change or vanish under their id, a second node on the same data, a broken
//! index. Nothing that was acknowledged is lost, and no wrong byte is ever handed out.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use futures::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    harness::{
        Api, Binding, Kind, Library, Node, NodeConfig, Pair, Reply, connected, content_id, eventually, noise, within,
        write_noise,
    },
    two_nodes::finds,
};

/// The transfer that is killed on its way.
const LARGE: u64 = 512 << 20;
/// How long it may take to the end, in a debug build on a busy machine.
const LARGE_LIMIT: Duration = Duration::from_secs(300);

#[tokio::test]
async fn a_killed_transfer_resumes_by_itself_and_fetches_little_twice() {
    let library = Library::empty();
    let hash = write_noise(&library.file("half a gibibyte.bin"), "killed", LARGE).expect("write the large file");
    let id = content_id(hash);
    let b = NodeConfig::new().share(library.path()).start().await;
    b.has_contents(1).await;
    let mut a = NodeConfig::new().bootstrap(&b).start().await;
    connected(&a, &b).await;

    let transfer = a.api.ok("transfer.start", json!({ "contentId": id })).await;
    let transfer = json!({ "transferId": transfer["transferId"] });
    let before = within(LARGE_LIMIT, "a fifth of the transfer is here", async || {
        let status = a.api.ok("transfer.status", transfer.clone()).await;
        let received = status["received"].as_u64().expect("received");
        assert_ne!(status["state"], "complete", "it ended before it could be killed");
        (received > LARGE / 5).then_some(received)
    })
    .await;
    a.kill();
    a.restart().await;

    let after = a.api.ok("transfer.status", transfer.clone()).await["received"].as_u64().expect("received");
    assert!(after + LARGE / 20 >= before, "{before} bytes were acknowledged, {after} are left");
    within(LARGE_LIMIT, "the transfer completes by itself", async || {
        let status = a.api.ok("transfer.status", transfer.clone()).await;
        assert!(matches!(status["state"].as_str(), Some("queued" | "active" | "complete")), "{status}");
        (status["state"] == "complete").then_some(())
    })
    .await;

    let sent = b.overlay().await["bytesOut"].as_u64().expect("bytesOut");
    assert!(sent <= LARGE + LARGE / 10, "{sent} bytes were sent for {LARGE}");
    assert_eq!(hash_of_content(&a.api, &id).await, hash);
}

/// The hash of what `/content` streams.
async fn hash_of_content(api: &Api, id: &str) -> blake3::Hash {
    let response = api.request(Method::GET, &format!("/content/{id}")).send().await.expect("GET /content");
    assert_eq!(response.status().as_u16(), 200);
    let (mut body, mut hasher) = (response.bytes_stream(), blake3::Hasher::new());
    while let Some(part) = body.next().await {
        hasher.update(&part.expect("the stream is whole"));
    }
    hasher.finalize()
}

/// Reads at several places; each answer is right or a fault that fits, never other bytes.
async fn assert_never_wrong(api: &Api, id: &str, right: &[u8], when: &str) {
    for (binding, offset) in Binding::ALL.into_iter().zip([0, 1_000_000, right.len() / 2, right.len() - 100_000]) {
        let input = json!({ "contentId": id, "offset": offset, "length": 100_000, "timeoutMs": 5000 });
        match api.call(binding, "content.read", input).await {
            Ok(chunk) => {
                let bytes = base64_simd::STANDARD.decode_to_vec(chunk["data"].as_str().expect("data")).expect("base64");
                assert!(!bytes.is_empty() && right[offset..].starts_with(&bytes), "wrong bytes at {offset} {when}");
            }
            Err(fault) => {
                assert!(matches!(fault.kind(), Kind::Unavailable | Kind::NotFound | Kind::Timeout), "{when}: {fault:?}")
            }
        }
    }
}

/// Whether a GET of the whole content ends well; bytes that end well must be right.
async fn get_is_whole(api: &Api, id: &str, right: &[u8]) -> bool {
    let response = api.request(Method::GET, &format!("/content/{id}")).send().await;
    let Ok(response) = response else { return false };
    let succeeded = response.status().is_success();
    match response.bytes().await {
        Ok(bytes) if succeeded => {
            assert!(bytes == right, "a complete answer held wrong bytes");
            true
        }
        _ => false,
    }
}

#[tokio::test]
async fn a_source_that_changed_under_its_id_never_yields_wrong_bytes() {
    const SIZE: usize = 4 << 20;
    for keep_time in [true, false] {
        let mut library = Library::empty();
        let name = "changing.bin";
        let (id, old) = {
            let file = library.add(name, "changing", noise("before", SIZE));
            (file.id.clone(), file.bytes.clone())
        };
        let path = library.file(name);
        let pair = Pair::sharing(library).await;
        finds(&pair.a.api, "changing", 1).await;

        let new = noise("after", SIZE);
        overwrite(&path, &new, keep_time);
        for _ in 0..3 {
            assert_never_wrong(&pair.a.api, &id, &old, "at the other node").await;
            assert_never_wrong(&pair.b.api, &id, &old, "at the sharing node").await;
            get_is_whole(&pair.a.api, &id, &old).await;
            get_is_whole(&pair.b.api, &id, &old).await;
        }
        if !keep_time {
            eventually("the changed file is found under its new id", async || {
                let found = pair.a.api.ok("search.find", json!({ "query": "changing" })).await;
                let hits = found["hits"].as_array().expect("hits").clone();
                (hits.len() == 1 && hits[0]["contentId"] == content_id(blake3::hash(&new))).then_some(())
            })
            .await;
            assert!(get_is_whole(&pair.a.api, &content_id(blake3::hash(&new)), &new).await);
        }
        pair.a.api.assert_answers("a changed source").await;
        pair.b.api.assert_answers("a changed source").await;
    }
}

/// Writes over a file in place, as an editor does that keeps the inode; optionally with its old modification time.
fn overwrite(path: &Path, bytes: &[u8], keep_time: bool) {
    let before = fs::metadata(path).and_then(|metadata| metadata.modified()).expect("modification time");
    let mut file = File::options().write(true).open(path).expect("open the shared file");
    file.write_all(bytes).expect("write over the shared file");
    if keep_time {
        file.set_modified(before).expect("set the modification time back");
    }
}

#[tokio::test]
async fn a_source_that_is_cut_short_is_a_fault_and_no_crash() {
    let mut library = Library::empty();
    let (id, bytes) = {
        let file = library.add("shrinking.bin", "shrinking", noise("shrinking", 4 << 20));
        (file.id.clone(), file.bytes.clone())
    };
    let path = library.file("shrinking.bin");
    let pair = Pair::sharing(library).await;
    finds(&pair.a.api, "shrinking", 1).await;
    File::options().write(true).open(path).and_then(|file| file.set_len(1_500_000)).expect("cut the file");
    assert_never_wrong(&pair.a.api, &id, &bytes, "at the other node").await;
    assert_never_wrong(&pair.b.api, &id, &bytes, "at the sharing node").await;
    assert!(!get_is_whole(&pair.b.api, &id, &bytes).await);
    pair.b.api.assert_answers("a source that was cut short").await;
}

#[tokio::test]
async fn a_source_that_vanished_is_a_fault_and_is_withdrawn() {
    let mut library = Library::empty();
    let id = library.add("vanishing.bin", "vanishing", noise("vanishing", 2 << 20)).id.clone();
    let path = library.file("vanishing.bin");
    let pair = Pair::sharing(library).await;
    finds(&pair.a.api, "vanishing", 1).await;
    fs::remove_file(path).expect("remove the shared file");
    for node in [&pair.a, &pair.b] {
        for binding in Binding::ALL {
            let input = json!({ "contentId": id, "timeoutMs": 5000 });
            if let Err(fault) = node.api.call(binding, "content.read", input).await {
                assert!(matches!(fault.kind(), Kind::Unavailable | Kind::NotFound), "{fault:?}");
            }
        }
    }
    finds(&pair.a.api, "vanishing", 0).await;
    let fault = pair.b.api.fault("content.read", json!({ "contentId": id, "timeoutMs": 5000 })).await;
    assert!(matches!(fault.kind(), Kind::Unavailable | Kind::NotFound), "{fault:?}");
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill_right_after_the_answer() {
    let mut node = NodeConfig::new().start().await;
    let data = noise("survivor", 3_000_000);
    let put = node.api.request(Method::PUT, "/content?name=survivor%20put.bin").body(data.clone());
    let put = Reply::of(put).await.json();
    node.kill();
    node.restart().await;
    let id = put["contentId"].as_str().expect("contentId");
    assert_eq!(hash_of_content(&node.api, id).await, blake3::hash(&data));

    let published = node.api.ok("content.publish", json!({ "name": "survivor published", "data": "AAEC" })).await;
    node.kill();
    node.restart().await;
    let described = node.api.ok("content.describe", json!({ "contentId": published["contentId"] })).await;
    assert_eq!((&described["name"], &described["size"]), (&json!("survivor published"), &json!(3)));

    node.api.ok("content.update", json!({ "contentId": published["contentId"], "name": "survivor renamed" })).await;
    node.kill();
    node.restart().await;
    assert_eq!(finds(&node.api, "survivor", 2).await.len(), 2);
    finds(&node.api, "renamed", 1).await;

    node.api.ok("content.unpublish", json!({ "contentId": published["contentId"] })).await;
    let transfer = node.api.ok("transfer.start", json!({ "contentId": id })).await;
    node.kill();
    node.restart().await;
    node.api.fault("content.describe", json!({ "contentId": published["contentId"] })).await.assert_is(Kind::NotFound);
    let status = node.api.ok("transfer.status", json!({ "transferId": transfer["transferId"] })).await;
    assert_eq!((&status["contentId"], &status["state"]), (&json!(id), &json!("complete")));
}

#[tokio::test]
async fn a_node_keeps_its_identity_and_what_it_was_told_of_peers() {
    let mut pair = Pair::empty().await;
    let identity = pair.a.peer_id().to_owned();
    pair.a.api.ok("peer.update", json!({ "peerId": pair.b.peer_id(), "alias": "the office" })).await;
    pair.a.kill();
    pair.a.restart().await;
    assert_eq!(pair.a.peer_id(), identity);
    connected(&pair.a, &pair.b).await;
    let peers = pair.a.api.ok("peer.list", json!({})).await;
    let peers = peers["peers"].as_array().expect("peers");
    assert!(peers.iter().any(|peer| peer["alias"] == "the office"), "{peers:?}");
}

#[tokio::test]
async fn a_node_that_is_asked_to_end_does_so_with_success() {
    let mut node = NodeConfig::new().start().await;
    assert!(node.terminate().await.success());
    node.restart().await;
    node.api.assert_answers("an orderly end").await;
}

#[tokio::test]
async fn a_second_node_on_one_data_folder_is_refused() {
    let node = NodeConfig::new().start().await;
    let mut second = Command::new(Node::program())
        .arg("serve")
        .arg("--config")
        .arg(node.config_file())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("start a second node");
    let ended = eventually("the second node ends", async || second.try_wait().expect("wait for the second node")).await;
    assert!(!ended.success());
    let output = second.wait_with_output().expect("its message");
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains(&node.data_dir().display().to_string()), "{message}");
    node.api.assert_answers("a second node was refused").await;
}

/// What may happen to the index while the node is down.
fn damage(index: &Path, garble: bool) {
    assert!(index.is_dir(), "{} is no folder", index.display());
    if !garble {
        return fs::remove_dir_all(index).expect("remove the index");
    }
    for entry in walkdir::WalkDir::new(index).into_iter().flatten().filter(|entry| entry.file_type().is_file()) {
        fs::write(entry.path(), b"this is no index").expect("garble the index");
    }
}

#[tokio::test]
async fn a_lost_or_garbled_index_is_rebuilt_from_the_catalogue() {
    let library = Library::real(20);
    let mut node = NodeConfig::new().share(library.path()).start().await;
    node.has_contents(20).await;
    node.api.ok("content.publish", json!({ "name": "published paper", "data": "AAEC" })).await;
    for garble in [false, true] {
        node.kill();
        damage(&node.data_dir().join("index"), garble);
        node.restart().await;
        let all: Vec<Value> = finds(&node.api, "paper*", 21).await;
        assert_eq!(all.len(), 21, "garbled: {garble}");
    }
}
