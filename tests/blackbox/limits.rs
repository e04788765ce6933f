//! Bounds on all callers together: what is refused, by which limit, and who goes on meanwhile.

use futures::future::join_all;
use serde_json::json;

use crate::harness::{Binding, Kind, Library, NodeConfig, Pair, eventually};

#[tokio::test]
async fn long_polls_hold_no_place_from_calls_that_work_and_have_a_bound_of_their_own() {
    const WAITING: usize = 5;
    let mut library = Library::empty();
    let content = library.add("waited for.bin", "waited", vec![7; 100_000]).id.clone();
    let config = NodeConfig::new().limit("concurrent_requests", 2).limit("long_polls", WAITING as u64).hold_transfers();
    let pair = Pair::with(library, config).await;
    let transfer = pair.a.api.ok("transfer.start", json!({ "contentId": content })).await;
    let wait = |wait_ms: u32| json!({ "transferId": transfer["transferId"], "waitMs": wait_ms });

    // The look for a free place below holds one for a moment; a poll that it came before tries again.
    let poll = async || loop {
        match pair.a.api.call(Binding::Json, "transfer.wait", wait(60_000)).await {
            Err(fault) if fault.kind() == Kind::LimitExceeded => {}
            end => break end,
        }
    };
    let polls = join_all((0..WAITING).map(|_| poll()));
    let others = async {
        let full = eventually("all places of long polls are taken", async || {
            pair.a.api.call(Binding::Json, "transfer.wait", wait(1)).await.err()
        })
        .await;
        full.assert_is(Kind::LimitExceeded).assert_names(&["limits.long_polls", "5"]);
        for binding in Binding::ALL {
            let fault = pair.a.api.call(binding, "transfer.wait", wait(1)).await.expect_err("no place is free");
            fault.assert_is(Kind::LimitExceeded).assert_names(&["limits.long_polls"]);
        }
        pair.a.api.assert_answers("five long polls were under way").await;
        // The same operation without waiting is a call like any other, and so is the one that ends the waiting.
        assert_eq!(pair.a.api.ok("transfer.wait", wait(0)).await["state"], "queued");
        pair.a.api.ok("transfer.cancel", json!({ "transferId": transfer["transferId"] })).await;
    };
    let (ends, ()) = tokio::join!(polls, others);
    for end in ends {
        assert_eq!(end.expect("who waited is answered")["state"], "cancelled");
    }
}
