//! The queue and what callers do to it, on a network that never answers, so that what runs goes on running.

use super::*;
use crate::overlay::double::{Double, Temper};

/// The transfers of a node on that network, queued in this order with these priorities.
async fn queued(dir: &std::path::Path, concurrent: usize, priorities: &[i32]) -> Arc<Transfers> {
    let store = Store::open(dir).await.unwrap();
    for (number, priority) in priorities.iter().enumerate() {
        let transfer = Transfer {
            transfer_id: format!("t{number}"),
            content_id: ContentId::native([number as u8; 32]),
            name: "x".into(),
            size: None,
            received: 0,
            rate: 0,
            sources: 0,
            state: TransferState::Queued,
            error: None,
            started: Time::now(),
            finished: None,
            priority: *priority,
        };
        store.save_transfer(&TransferRow { transfer, overlays: Vec::new() }, &[]).await.unwrap();
    }
    let overlays =
        Arc::new(Overlays::new("12D3KooWNode", store.clone(), vec![Double::new("silent", Temper::Slow, [])]));
    Transfers::restore(store, overlays, Policy { concurrent, share: false }).await.unwrap()
}

fn active(transfers: &Transfers) -> Vec<String> {
    let (mut page, _) = transfers.list(Some(TransferState::Active), None, 100);
    page.reverse();
    page.into_iter().map(|transfer| transfer.transfer_id).collect()
}

#[tokio::test]
async fn the_highest_priority_runs_first_and_the_longest_wait_among_equals() {
    let dir = tempfile::tempdir().unwrap();
    let transfers = queued(dir.path(), 2, &[0, 5, 0, 9]).await;
    assert_eq!(active(&transfers), ["t1", "t3"]);
    transfers.pause("t3").await.unwrap();
    assert_eq!(active(&transfers), ["t0", "t1"]);
    // Whoever goes on waits for a place like any other.
    assert_eq!(transfers.resume("t3").await.unwrap().state, TransferState::Queued);
    transfers.cancel("t0").await.unwrap();
    assert_eq!(active(&transfers), ["t1", "t3"]);
    assert_eq!(transfers.active(), 2);
    transfers.stop().await;
}

#[tokio::test]
async fn what_a_state_forbids_is_a_conflict_and_an_unknown_transfer_is_not_found() {
    let dir = tempfile::tempdir().unwrap();
    let transfers = queued(dir.path(), 0, &[0]).await;
    assert_eq!(transfers.pause("t0").await.unwrap().state, TransferState::Paused);
    assert_eq!(transfers.pause("t0").await.unwrap().state, TransferState::Paused);
    assert_eq!(transfers.cancel("t0").await.unwrap().state, TransferState::Cancelled);
    for refused in [transfers.pause("t0").await, transfers.resume("t0").await] {
        let fault = refused.unwrap_err();
        assert_eq!((fault.kind, fault.message.as_str()), (FaultKind::Conflict, "transfer t0 is cancelled"));
    }
    assert!(transfers.remove("t0", false).await.unwrap());
    assert!(!transfers.remove("t0", false).await.unwrap());
    assert_eq!(transfers.status("t0").await.unwrap_err().kind, FaultKind::NotFound);
}
