//! The queue and what callers do to it, on a network that never answers, so that what runs goes on running.

use std::{future::pending, ops::Range};

use async_trait::async_trait;
use futures::stream::BoxStream;

use super::*;
use crate::{
    model::{Journey, Overlay as OverlayRecord, OverlayKind, OverlayState, Peer, Query},
    overlay::{Capabilities, Fetch, Found, Located, Overlay},
};

/// An overlay that keeps everybody waiting.
struct Silent;

#[async_trait]
impl Overlay for Silent {
    fn name(&self) -> &str {
        "silent"
    }

    fn id(&self) -> String {
        "native:silent".to_owned()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { search: true, fetch: true, publish: true, peers: true }
    }

    fn status(&self) -> OverlayRecord {
        OverlayRecord {
            name: "silent".into(),
            kind: OverlayKind::Native,
            state: OverlayState::Up,
            peers: 0,
            bytes_in: 0,
            bytes_out: 0,
            can_search: true,
            can_fetch: true,
            can_publish: true,
            detail: None,
        }
    }

    fn addresses(&self) -> Vec<String> {
        Vec::new()
    }

    async fn search(&self, _: Arc<Query>, _: &Journey) -> Outcome<BoxStream<'static, Found>> {
        pending().await
    }

    async fn locate(&self, _: &ContentId, _: &Journey) -> Outcome<Located> {
        pending().await
    }

    async fn fetch(&self, _: &ContentId, _: Range<u64>, _: &[String], _: &Journey) -> Outcome<Fetch> {
        pending().await
    }

    async fn publish(&self, _: &[ContentId]) -> Outcome<()> {
        Ok(())
    }

    async fn withdraw(&self, _: &ContentId) -> Outcome<()> {
        Ok(())
    }

    async fn peers(&self) -> Vec<Peer> {
        Vec::new()
    }

    async fn connect(&self, _: &str) -> Outcome<Peer> {
        pending().await
    }

    async fn disconnect(&self, _: &str) -> Outcome<bool> {
        Ok(false)
    }

    async fn block(&self, _: &str, _: bool) -> Outcome<()> {
        Ok(())
    }

    async fn stop(&self) {}
}

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
    let overlays = Arc::new(Overlays::new("12D3KooWNode", store.clone(), vec![Arc::new(Silent)]));
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
