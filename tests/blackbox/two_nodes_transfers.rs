//! Transfers from B to A: started, waited for, paused, resumed, cancelled and removed.

use serde_json::{Value, json};

use crate::harness::{Binding, Kind, Library, Pair, content_id, noise, write_noise};

/// Takes long enough that a call can come between, in a debug build as in a release.
const LARGE: u64 = 192 << 20;

/// A pair whose B shares one large file; answers its id too.
async fn pair_with_a_large_file() -> (Pair, String) {
    let mut library = Library::empty();
    library.add("marker.txt", "marker", b"marker".to_vec());
    let hash = write_noise(&library.file("large noise.bin"), "large", LARGE).expect("write the large file");
    let pair = Pair::sharing(library).await;
    pair.b.has_contents(2).await;
    (pair, content_id(hash))
}

/// Waits until the transfer is settled; `transfer.wait` answers at the latest after a minute.
pub async fn settled(pair: &Pair, id: &Value) -> Value {
    for _ in 0..10 {
        let transfer = pair.a.api.ok("transfer.wait", json!({ "transferId": id, "waitMs": 30_000 })).await;
        if !matches!(transfer["state"].as_str(), Some("queued" | "active")) {
            return transfer;
        }
    }
    panic!("transfer {id} does not end");
}

#[tokio::test]
async fn a_transfer_makes_the_content_local_on_every_binding() {
    let mut library = Library::empty();
    for index in 0..Binding::ALL.len() {
        let word = format!("move{index}");
        library.add(&format!("{word}.bin"), &word, noise(&word, 3 << 20));
    }
    let pair = Pair::sharing(library).await;
    for (binding, file) in Binding::ALL.into_iter().zip(&pair.library.files) {
        let call = async |operation: &str, input: Value| {
            pair.a.api.call(binding, operation, input).await.unwrap_or_else(|fault| panic!("{operation}: {fault:?}"))
        };
        let started = call("transfer.start", json!({ "contentId": file.id, "priority": 2 })).await;
        assert_eq!((&started["contentId"], &started["priority"]), (&json!(file.id), &json!(2)), "{binding:?}");
        let id = &started["transferId"];
        settled(&pair, id).await;
        let status = call("transfer.status", json!({ "transferId": id })).await;
        assert_eq!((&status["state"], &status["received"]), (&json!("complete"), &json!(file.bytes.len())), "{status}");
        assert_eq!((&status["size"], &status["name"]), (&json!(file.bytes.len()), &json!(file.name)), "{status}");
        assert!(status["started"].is_string() && status["finished"].is_string(), "{status}");
        let listed = call("transfer.list", json!({ "state": "complete" })).await;
        assert!(listed["transfers"].as_array().expect("transfers").iter().any(|t| t["transferId"] == *id), "{listed}");
        assert_eq!(call("content.describe", json!({ "contentId": file.id })).await["local"], true, "{binding:?}");

        let fault = pair.a.api.call(binding, "transfer.pause", json!({ "transferId": id })).await.unwrap_err();
        fault.assert_is(Kind::Conflict);
        assert_eq!(call("transfer.remove", json!({ "transferId": id })).await, json!({ "done": true }));
        let fault = pair.a.api.call(binding, "transfer.status", json!({ "transferId": id })).await.unwrap_err();
        fault.assert_is(Kind::NotFound);
        assert_eq!(call("content.describe", json!({ "contentId": file.id })).await["local"], true, "its data stays");
    }
    let counted = pair.a.overlay().await["bytesIn"].as_u64();
    assert!(counted >= Some(4 * (3 << 20)), "bytesIn counts what came: {counted:?}");
}

#[tokio::test]
async fn removing_a_transfer_with_its_data_leaves_nothing_local() {
    let mut library = Library::empty();
    let id = library.add("short lived.bin", "short", noise("short", 1 << 20)).id.clone();
    let pair = Pair::sharing(library).await;
    let transfer = pair.a.api.ok("transfer.start", json!({ "contentId": id })).await;
    settled(&pair, &transfer["transferId"]).await;
    let input = json!({ "transferId": transfer["transferId"], "deleteData": true });
    assert_eq!(pair.a.api.ok("transfer.remove", input).await, json!({ "done": true }));
    let local = pair.a.api.ok("content.list", json!({})).await;
    assert_eq!(local["contents"], json!([]));
}

#[tokio::test]
async fn a_paused_transfer_keeps_what_it_has_and_goes_on_when_resumed() {
    let (pair, content) = pair_with_a_large_file().await;
    let api = &pair.a.api;
    let started = api.ok("transfer.start", json!({ "contentId": content })).await;
    let id = json!({ "transferId": started["transferId"] });
    let paused = api.ok("transfer.pause", id.clone()).await;
    assert_eq!(paused["state"], "paused");
    assert!(paused["received"].as_u64() < Some(LARGE), "{paused}");
    let still = api.ok("transfer.wait", json!({ "transferId": started["transferId"], "waitMs": 500 })).await;
    assert_eq!(still["state"], "paused");
    let resumed = api.ok("transfer.resume", id).await;
    assert!(matches!(resumed["state"].as_str(), Some("queued" | "active")), "{resumed}");
    let ended = settled(&pair, &started["transferId"]).await;
    assert_eq!((&ended["state"], &ended["received"]), (&json!("complete"), &json!(LARGE)));
}

#[tokio::test]
async fn a_cancelled_transfer_stays_cancelled() {
    let (pair, content) = pair_with_a_large_file().await;
    let api = &pair.a.api;
    let started = api.ok("transfer.start", json!({ "contentId": content })).await;
    let id = json!({ "transferId": started["transferId"] });
    assert_eq!(api.ok("transfer.cancel", id.clone()).await["state"], "cancelled");
    assert_eq!(settled(&pair, &started["transferId"]).await["state"], "cancelled");
    api.fault("transfer.resume", id.clone()).await.assert_is(Kind::Conflict);
    assert_eq!(api.ok("transfer.remove", id).await, json!({ "done": true }));
}

#[tokio::test]
async fn transfers_that_nobody_started_are_not_found() {
    let pair = Pair::empty().await;
    let operations = ["transfer.status", "transfer.wait", "transfer.pause", "transfer.resume", "transfer.cancel"];
    for binding in Binding::ALL {
        for operation in operations {
            let fault = pair.a.api.call(binding, operation, json!({ "transferId": "nothing" })).await.unwrap_err();
            fault.assert_is(Kind::NotFound);
        }
    }
    let fault = pair.a.api.fault("transfer.list", json!({ "state": "asleep" })).await;
    fault.assert_is(Kind::InvalidRequest).assert_names(&["state"]);
}
