//! All overlays as one: one that fails, is slow or lies costs the others nothing.

use std::{sync::Arc, time::Duration};

use futures::StreamExt;
use tokio::time::Instant;

use super::within;
use crate::{
    model::{ContentId, FaultKind, OverlayAnswer, Query},
    overlay::{
        Overlay, Overlays,
        double::{Article, Double, Temper, content},
    },
    store::Store,
};

/// An overlay of each temper, all with the same contents, the honest one last.
struct Mixed {
    overlays: Overlays,
    slow: Arc<Double>,
    _folder: tempfile::TempDir,
}

async fn mixed(articles: &[Article]) -> Mixed {
    let folder = tempfile::tempdir().unwrap();
    let double = |name, temper| Double::new(name, temper, articles.to_vec());
    let slow = double("slow", Temper::Slow);
    let all: Vec<Arc<dyn Overlay>> = vec![
        double("failing", Temper::Failing),
        slow.clone(),
        double("lying", Temper::Lying),
        double("honest", Temper::Honest),
    ];
    let store = Store::open(folder.path()).await.unwrap();
    Mixed { overlays: Overlays::new("12D3KooWNode", store, all), slow, _folder: folder }
}

#[tokio::test]
async fn a_search_tells_what_each_one_did() {
    let articles: Vec<_> = (0..30).map(|number| Article::new(&format!("map {number}"), content(number + 1))).collect();
    let Mixed { overlays, slow, .. } = mixed(&articles).await;
    let query = Arc::new(Query::parse("map", 5).unwrap());
    let mut search = overlays.search(query, &[], &overlays.begin()).await.unwrap();
    let deadline = Instant::now() + Duration::from_millis(300);
    while within("the search", search.advance(deadline)).await {}
    assert!(!search.is_complete());
    let (hits, outcomes) = search.finish();
    assert_eq!(hits.len(), 5, "no more than were asked for");
    let outcomes: Vec<_> = outcomes.iter().map(|outcome| (outcome.overlay.as_str(), outcome.outcome)).collect();
    let want = [
        ("failing", OverlayAnswer::Refused),
        ("slow", OverlayAnswer::Timedout),
        ("lying", OverlayAnswer::Answered),
        ("honest", OverlayAnswer::Answered),
    ];
    assert_eq!(outcomes, want);
    assert_eq!(slow.shelf().busy(), 0, "what is late is dropped");
}

#[tokio::test]
async fn contents_come_from_whoever_has_them() {
    let article = Article::new("map", content(100_000));
    let Mixed { overlays, slow, .. } = mixed(std::slice::from_ref(&article)).await;
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let journey = overlays.begin();
    let fetch = overlays.fetch(article.id(), 0..u64::MAX, &names(&["failing", "slow", "honest"]), &[], &journey).await;
    let pieces: Vec<_> = fetch.unwrap().pieces.collect().await;
    assert_eq!(pieces.into_iter().map(|piece| piece.unwrap().data.len()).sum::<usize>(), 100_000);

    let unknown = ContentId::native([9; 32]);
    let nobody = overlays.locate(&unknown, &names(&["failing", "honest"]), &journey).await.unwrap_err();
    assert_eq!(nobody.kind, FaultKind::Unavailable, "who is down might have had it: {nobody}");
    slow.shelf().gate().open();
    assert_eq!(overlays.locate(article.id(), &names(&["slow"]), &journey).await.unwrap().hit.overlay, "slow");
}
