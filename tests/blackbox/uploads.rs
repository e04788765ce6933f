//! Uploads in parts: any order, overlaps and repetitions, crashes, hashes, limits, and what becomes of abandoned ones.

use std::fs;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::{
    harness::{Api, Binding, Fault, Kind, Node, NodeConfig, Pair, content_id, eventually, noise, small_disk_works},
    two_nodes::finds,
};

async fn begin(api: &Api, input: Value) -> String {
    let upload = api.ok("upload.begin", input).await;
    assert_eq!(upload["received"], 0, "{upload}");
    assert!(upload["chunkSize"].as_u64().is_some_and(|size| size >= 65_536), "{upload}");
    upload["uploadId"].as_str().expect("uploadId").to_owned()
}

/// Sends `data[at]` to where it belongs; the answer's `received`.
async fn append(api: &Api, binding: Binding, id: &str, data: &[u8], at: std::ops::Range<usize>) -> Result<u64, Fault> {
    let text = base64_simd::STANDARD.encode_to_string(&data[at.clone()]);
    let input = json!({ "uploadId": id, "offset": at.start, "data": text });
    let upload = api.call(binding, "upload.append", input).await?;
    assert_eq!(upload["uploadId"], id);
    Ok(upload["received"].as_u64().expect("received"))
}

fn sha256(data: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(data).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Files that hold bytes of uploads.
fn spooled(node: &Node) -> usize {
    fs::read_dir(node.data_dir().join("uploads")).expect("the folder of uploads").count()
}

#[tokio::test]
async fn parts_in_any_order_over_every_binding_become_a_content_that_the_other_node_fetches() {
    let pair = Pair::empty().await;
    let data = noise("parts", 3_000_000);
    let labels = json!({
        "name": "assembled minutes.bin", "size": data.len(), "mediaType": "application/x-minutes",
        "description": "sent in parts", "tags": ["board"], "overlays": ["home"],
    });
    let id = begin(&pair.b.api, labels).await;
    let parts = [2_000_000..3_000_000, 0..1, 1..700_000, 1_400_000..2_000_000, 700_000..1_400_000];
    let mut received = 0;
    for (at, binding) in parts.into_iter().zip(Binding::ALL.into_iter().cycle()) {
        received += at.len() as u64;
        assert_eq!(append(&pair.b.api, binding, &id, &data, at).await.expect("a part"), received, "{binding:?}");
    }
    let commit = json!({ "uploadId": id, "sha256": sha256(&data).to_uppercase() });
    let content = pair.b.api.ok("upload.commit", commit.clone()).await;
    assert_eq!(content["contentId"], content_id(blake3::hash(&data)));
    assert_eq!((&content["size"], &content["mediaType"]), (&json!(3_000_000), &json!("application/x-minutes")));
    assert_eq!((&content["description"], &content["tags"]), (&json!("sent in parts"), &json!(["board"])));
    for binding in Binding::ALL {
        let again = pair.b.api.call(binding, "upload.commit", commit.clone()).await.expect("committed again");
        assert_eq!(again["contentId"], content["contentId"], "{binding:?}");
    }
    assert_eq!(spooled(&pair.b), 0);

    let hits = finds(&pair.a.api, "assembled minutes", 1).await;
    assert_eq!(hits[0]["contentId"], content["contentId"]);
    let fetched = pair.a.api.get(&format!("/content/{}", content_id(blake3::hash(&data)))).await;
    assert!(fetched.status == 200 && fetched.body == data);
}

#[tokio::test]
async fn several_parts_at_once_all_count() {
    let node = NodeConfig::new().start().await;
    let data = noise("at once", 1_600_000);
    let id = begin(&node.api, json!({ "name": "at once.bin" })).await;
    let parts = (0..16).map(|part| append(&node.api, Binding::Json, &id, &data, part * 100_000..(part + 1) * 100_000));
    assert!(join_all(parts).await.iter().all(Result::is_ok));
    let content = node.api.ok("upload.commit", json!({ "uploadId": id })).await;
    assert_eq!(content["contentId"], content_id(blake3::hash(&data)));
}

#[tokio::test]
async fn overlaps_gaps_and_what_lies_outside_are_named_and_a_repetition_is_done() {
    let node = NodeConfig::new().start().await;
    let data = noise("overlap", 1_000);
    let id = begin(&node.api, json!({ "name": "overlap.bin", "size": 1_000 })).await;
    assert_eq!(append(&node.api, Binding::Json, &id, &data, 200..400).await.expect("a part"), 200);
    for binding in Binding::ALL {
        let fault = append(&node.api, binding, &id, &data, 100..201).await.expect_err("an overlap");
        fault.assert_is(Kind::Conflict).assert_names(&["bytes 100-200", "bytes 200-399"]);
        assert_eq!(append(&node.api, binding, &id, &data, 200..400).await.expect("the same part again"), 200);
        let other = append(&node.api, binding, &id, &noise("other", 400), 200..400).await.expect_err("other bytes");
        other.assert_is(Kind::Conflict).assert_names(&["bytes 200-399"]);
        let outside = append(&node.api, binding, &id, &noise("long", 1_001), 900..1_001).await.expect_err("outside");
        outside.assert_is(Kind::InvalidRequest).assert_names(&["size", "1000", "1001"]);
        let gap = node.api.call(binding, "upload.commit", json!({ "uploadId": id })).await.expect_err("a gap");
        gap.assert_is(Kind::Conflict).assert_names(&["bytes 0-199"]);
    }
    assert_eq!(append(&node.api, Binding::Json, &id, &data, 0..200).await.expect("the first part"), 400);
    let tail = node.api.fault("upload.commit", json!({ "uploadId": id })).await;
    tail.assert_is(Kind::Conflict).assert_names(&["bytes 400-999 of 1000"]);
    append(&node.api, Binding::Json, &id, &data, 400..1_000).await.expect("the last part");
    let content = node.api.ok("upload.commit", json!({ "uploadId": id })).await;
    assert_eq!(content["contentId"], content_id(blake3::hash(&data)));
    let late = append(&node.api, Binding::Json, &id, &data, 0..200).await.expect_err("it is committed");
    late.assert_is(Kind::Conflict);
}

#[tokio::test]
async fn a_wrong_hash_publishes_nothing_and_the_right_one_does_afterwards() {
    let node = NodeConfig::new().start().await;
    let data = noise("hash", 100_000);
    let id = begin(&node.api, json!({ "name": "hashed.bin" })).await;
    append(&node.api, Binding::Json, &id, &data, 0..100_000).await.expect("a part");
    for binding in Binding::ALL {
        let input = json!({ "uploadId": id, "sha256": "00".repeat(32) });
        let fault = node.api.call(binding, "upload.commit", input).await.expect_err("a wrong hash");
        fault.assert_is(Kind::InvalidRequest).assert_names(&[&"00".repeat(32), &sha256(&data)]);
        for none in ["", "abc", &"g".repeat(64)] {
            let input = json!({ "uploadId": id, "sha256": none });
            let fault = node.api.call(binding, "upload.commit", input).await.expect_err("no hash");
            fault.assert_is(Kind::InvalidRequest).assert_names(&["sha256"]);
        }
    }
    assert_eq!(node.api.ok("content.list", json!({})).await["contents"], json!([]));
    let input = json!({ "uploadId": id, "sha256": sha256(&data) });
    assert_eq!(node.api.ok("upload.commit", input).await["size"], 100_000);
}

#[tokio::test]
async fn an_upload_goes_on_after_a_restart_and_after_a_kill_at_any_step() {
    let mut node = NodeConfig::new().start().await;
    let data = noise("killed upload", 2_000_000);
    let id = begin(&node.api, json!({ "name": "survivor.bin", "size": data.len(), "tags": ["kept"] })).await;
    node.kill();
    node.restart().await;
    append(&node.api, Binding::Json, &id, &data, 1_000_000..1_500_000).await.expect("a part after a kill");
    node.kill();
    node.restart().await;
    append(&node.api, Binding::XmlRpc, &id, &data, 0..1_000_000).await.expect("a part after a second kill");
    assert!(node.terminate().await.success());
    node.restart().await;
    // The answer to a repetition tells what is here.
    let received = append(&node.api, Binding::Json, &id, &data, 1_000_000..1_500_000).await.expect("a repetition");
    assert_eq!(received, 1_500_000);
    append(&node.api, Binding::Soap11, &id, &data, 1_500_000..2_000_000).await.expect("the last part");
    node.kill();
    node.restart().await;
    let commit = json!({ "uploadId": id, "sha256": sha256(&data) });
    let content = node.api.ok("upload.commit", commit.clone()).await;
    assert_eq!((&content["contentId"], &content["tags"]), (&json!(content_id(blake3::hash(&data))), &json!(["kept"])));
    node.kill();
    node.restart().await;
    assert_eq!(node.api.ok("upload.commit", commit).await["contentId"], content["contentId"]);
    assert_eq!(node.api.get(&format!("/content/{}", content_id(blake3::hash(&data)))).await.body, data);
    assert_eq!(spooled(&node), 0);
}

#[tokio::test]
async fn an_aborted_upload_frees_its_room_and_an_unknown_one_is_not_found() {
    let node = NodeConfig::new().limit("upload_bytes", 1_000_000).start().await;
    let data = noise("aborted", 1_000_000);
    let id = begin(&node.api, json!({ "name": "aborted.bin", "size": 1_000_000 })).await;
    append(&node.api, Binding::Json, &id, &data, 0..1_000_000).await.expect("a part");
    let full = node.api.fault("upload.begin", json!({ "name": "next.bin", "size": 1 })).await;
    full.assert_is(Kind::LimitExceeded).assert_names(&["limits.upload_bytes"]);
    assert_eq!(node.api.ok("upload.abort", json!({ "uploadId": id })).await["done"], true);
    assert_eq!(node.api.ok("upload.abort", json!({ "uploadId": id })).await["done"], false);
    assert_eq!(spooled(&node), 0);
    begin(&node.api, json!({ "name": "next.bin", "size": 1_000_000 })).await;
    for id in [id.as_str(), "", "../../catalogue.sqlite"] {
        for binding in Binding::ALL {
            append(&node.api, binding, id, &data, 0..1).await.expect_err("unknown").assert_is(Kind::NotFound);
            let commit = node.api.call(binding, "upload.commit", json!({ "uploadId": id })).await;
            commit.expect_err("unknown").assert_is(Kind::NotFound);
        }
    }
}

#[tokio::test]
async fn uploads_are_bounded_in_number_and_bytes_by_named_limits() {
    let node = NodeConfig::new().limit("uploads", 2).limit("upload_bytes", 10_000).start().await;
    for binding in Binding::ALL {
        let large = node.api.call(binding, "upload.begin", json!({ "name": "large", "size": 10_001 })).await;
        large.expect_err("too large").assert_is(Kind::TooLarge).assert_names(&["limits.upload_bytes", "10000"]);
    }
    let data = noise("bounded", 10_001);
    let id = begin(&node.api, json!({ "name": "of unknown size" })).await;
    let fault = append(&node.api, Binding::Json, &id, &data, 0..10_001).await.expect_err("too many bytes");
    fault.assert_is(Kind::LimitExceeded).assert_names(&["limits.upload_bytes"]);
    append(&node.api, Binding::Json, &id, &data, 0..10_000).await.expect("as many as there may be");
    begin(&node.api, json!({ "name": "the second" })).await;
    let third = node.api.fault("upload.begin", json!({ "name": "the third" })).await;
    third.assert_is(Kind::LimitExceeded).assert_names(&["limits.uploads"]);
    node.api.ok("upload.commit", json!({ "uploadId": id })).await;
    begin(&node.api, json!({ "name": "the third" })).await;
}

#[tokio::test]
async fn what_begin_is_told_is_checked_at_once() {
    let node = NodeConfig::new().start().await;
    for (input, named) in [
        (json!({ "name": "" }), "name"),
        (json!({ "name": "x".repeat(4096) }), "name"),
        (json!({ "name": "x", "size": -1 }), "size"),
        (json!({ "name": "x", "mediaType": "none" }), "mediaType"),
        (json!({ "name": "x", "tags": ["t".repeat(65)] }), "tags"),
        (json!({ "name": "x", "description": "d".repeat(4097) }), "description"),
        (json!({ "name": "x", "overlays": ["nowhere"] }), "nowhere"),
    ] {
        node.api.fault("upload.begin", input).await.assert_is(Kind::InvalidRequest).assert_names(&[named]);
    }
    assert_eq!(spooled(&node), 0);
}

#[tokio::test]
async fn an_abandoned_upload_expires_over_a_restart_too() {
    let mut node = NodeConfig::new().uploads_expire(2).start().await;
    let data = noise("abandoned", 1_000);
    let first = begin(&node.api, json!({ "name": "abandoned.bin" })).await;
    append(&node.api, Binding::Json, &first, &data, 0..1_000).await.expect("a part");
    let gone = async |node: &Node, id: &str| {
        eventually("the upload has expired", async || (spooled(node) == 0).then_some(())).await;
        let fault = node.api.fault("upload.commit", json!({ "uploadId": id })).await;
        fault.assert_is(Kind::NotFound);
    };
    gone(&node, &first).await;
    let second = begin(&node.api, json!({ "name": "abandoned again.bin" })).await;
    node.kill();
    node.restart().await;
    gone(&node, &second).await;
}

#[tokio::test]
async fn a_full_disk_refuses_the_part_and_keeps_the_others() {
    if !small_disk_works() {
        return eprintln!("skipped: this machine lets no test mount a small disk");
    }
    let node = NodeConfig::new().disk_mib(24).start().await;
    let data = noise("full", 40 << 20);
    let id = begin(&node.api, json!({ "name": "full.bin" })).await;
    append(&node.api, Binding::Json, &id, &data, 0..1 << 20).await.expect("a part that fits");
    for binding in Binding::ALL {
        let fault = append(&node.api, binding, &id, &data, 1 << 20..40 << 20).await.expect_err("39 MiB do not fit");
        fault.assert_is(Kind::Unavailable).assert_names(&["disk is full"]);
    }
    // Nothing of the refused parts has kept its room.
    let fits = eventually("there is room again", async || {
        append(&node.api, Binding::Json, &id, &data, 1 << 20..4 << 20).await.ok()
    });
    assert_eq!(fits.await, 4 << 20);
    let content = node.api.ok("upload.commit", json!({ "uploadId": id })).await;
    assert_eq!(content["contentId"], content_id(blake3::hash(&data[..4 << 20])));
}
