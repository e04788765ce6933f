//! What goes wrong on the far side is told, and costs this side no more than it has to.

use std::sync::Arc;

use futures::StreamExt;

use super::{Kind, eventually, within};
use crate::{
    model::{Fault, FaultKind, Query},
    overlay::{
        Fetch, Found,
        double::{Article, Manner, content},
    },
};

/// Bytes in all, and as how many of them may come in while nobody takes them.
const LARGE: usize = 32 << 20;
const AHEAD: u64 = 12 << 20;

/// Bytes that came out before the fetch ended, each of which is right, and the fault that ended it.
async fn outcome(fetch: Fetch, article: &Article) -> (u64, Option<Fault>) {
    let Fetch { mut pieces, .. } = fetch;
    let mut count = 0;
    let all = async {
        while let Some(piece) = pieces.next().await {
            let piece = match piece {
                Ok(piece) => piece,
                Err(fault) => return Some(fault),
            };
            let place = piece.offset as usize..piece.offset as usize + piece.data.len();
            assert!(article.data.get(place) == Some(&piece.data[..]), "a wrong byte came out at {}", piece.offset);
            count += piece.data.len() as u64;
        }
        None
    };
    let fault = within("the fetch ends", all).await;
    (count, fault)
}

/// What a whole fetch of an article brings; one that does not even begin has a fault too.
async fn fetched<K: Kind>(kind: &K, article: &Article) -> (u64, Option<Fault>) {
    let overlay = kind.overlay();
    let (id, journey) = (kind.id_of(article), kind.journey());
    match within("the fetch begins", overlay.fetch(&id, 0..u64::MAX, &[], &journey)).await {
        Ok(fetch) => outcome(fetch, article).await,
        Err(fault) => (0, Some(fault)),
    }
}

fn assert_unavailable(fault: Option<&Fault>) {
    let kind = fault.map(|fault| fault.kind);
    let told = [FaultKind::Unavailable, FaultKind::Timeout, FaultKind::NotFound];
    assert!(kind.is_some_and(|kind| told.contains(&kind)), "a fault that says that it cannot be had: {fault:?}");
}

pub async fn a_lying_far_side_gets_no_wrong_byte_out<K: Kind>() {
    let forged = Article::new("map", content(200_000)).sent(Manner::Forged);
    let kind = K::holding([forged.clone()]).await;
    if K::TALENTS.proves && K::TALENTS.native {
        let (count, fault) = fetched(&kind, &forged).await;
        assert_unavailable(fault.as_ref());
        return assert!(count < forged.hit.size);
    }
    // Bytes that nobody can prove have to look like it.
    let fetch = kind.overlay().fetch(&kind.id_of(&forged), 0..1, &[], &kind.journey()).await.unwrap();
    let is_bare = kind.id_of(&forged).hash().is_none();
    let pieces: Vec<_> = fetch.pieces.collect().await;
    assert!(pieces.into_iter().all(|piece| !is_bare || piece.unwrap().parents.is_empty()));
}

pub async fn a_source_that_breaks_off_is_a_fault<K: Kind>() {
    let broken = Article::new("map", content(3_000_000)).sent(Manner::Broken(1_000_000));
    let whole = Article::new("other", content(70_000));
    let kind = K::holding([broken.clone(), whole.clone()]).await;
    let (count, fault) = fetched(&kind, &broken).await;
    assert!(count <= 1_000_000, "{count}");
    assert_unavailable(fault.as_ref());
    assert_eq!(fetched(&kind, &whole).await, (70_000, None), "what is well is had as before");
}

pub async fn a_source_that_stalls_is_given_up<K: Kind>() {
    let stalled = Article::new("map", content(3_000_000)).sent(Manner::Stalled(500_000));
    let kind = K::holding([stalled.clone()]).await;
    let (count, fault) = fetched(&kind, &stalled).await;
    assert!(count <= 500_000, "{count}");
    assert_unavailable(fault.as_ref());
    kind.far_side().gate().open();
}

pub async fn a_dropped_fetch_is_over_there_too<K: Kind>() {
    let large = Article::new("map", content(LARGE));
    let kind = K::holding([large.clone()]).await;
    let id = kind.id_of(&large);
    for _ in 0..20 {
        let mut fetch = kind.overlay().fetch(&id, 0..u64::MAX, &[], &kind.journey()).await.unwrap();
        let first = within("the first piece", fetch.pieces.next()).await;
        assert!(first.is_some_and(|piece| piece.is_ok()));
    }
    eventually("the far side ends every one", || kind.far_side().busy() == 0).await;
    let small = kind.overlay().fetch(&id, 0..1, &[], &kind.journey()).await.unwrap();
    assert_eq!(outcome(small, &large).await.1, None, "and goes on to serve");
}

pub async fn a_slow_reader_holds_the_far_side_back<K: Kind>() {
    let (large, small) = (Article::new("map", content(LARGE)), Article::new("other", content(100_000)));
    let kind = K::holding([large.clone(), small.clone()]).await;
    let overlay = kind.overlay();
    let mut slow = overlay.fetch(&kind.id_of(&large), 0..u64::MAX, &[], &kind.journey()).await.unwrap();
    assert!(within("the first piece", slow.pieces.next()).await.is_some_and(|piece| piece.is_ok()));
    for _ in 0..20 {
        assert_eq!(fetched(&kind, &small).await, (100_000, None), "others are not held back");
    }
    let ahead = overlay.status().bytes_in - 20 * 100_000;
    assert!(ahead < AHEAD || !K::TALENTS.wire, "{ahead} bytes came in while nobody took them");
    assert_eq!(outcome(slow, &large).await.1, None, "what was waited for comes after all");
}

pub async fn sources_to_avoid_are_avoided<K: Kind>() {
    let article = Article::new("map", content(10));
    let kind = K::holding([article.clone()]).await;
    let (overlay, id) = (kind.overlay(), kind.id_of(&article));
    let source = overlay.fetch(&id, 0..1, &[], &kind.journey()).await.unwrap().source;
    let other = overlay.fetch(&id, 0..1, &["12D3KooWNobody".to_owned()], &kind.journey()).await;
    assert_eq!(other.unwrap().source, source);
    let avoided = within("the answer", overlay.fetch(&id, 0..1, &[source], &kind.journey())).await;
    assert_unavailable(avoided.err().as_ref());
}

pub async fn a_far_side_that_is_gone_is_told<K: Kind>() {
    let article = Article::new("map", content(10));
    let kind = K::holding([article.clone()]).await;
    let (overlay, id) = (kind.overlay(), kind.id_of(&article));
    assert_eq!(fetched(&kind, &article).await, (10, None));
    kind.take_far_side_away().await;
    let query = Arc::new(Query::parse("map", 5).unwrap());
    if let Ok(found) = within("the search begins", overlay.search(query, &kind.journey())).await {
        let found: Vec<_> = within("the search ends", found.collect()).await;
        assert!(found.iter().all(|found| matches!(found, Found::Missing)), "{found:?}");
    }
    assert_unavailable(within("locate", overlay.locate(&id, &kind.journey())).await.err().as_ref());
    assert_unavailable(fetched(&kind, &article).await.1.as_ref());
    let told = || {
        let status = overlay.status();
        if overlay.capabilities().peers {
            return status.peers == 0;
        }
        status.state != crate::model::OverlayState::Up && status.detail.is_some()
    };
    eventually("the status says so", told).await;
}
