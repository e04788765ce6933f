//! search/1 between nodes.

use std::time::Duration;

use futures::{FutureExt, StreamExt};
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;

use super::{
    super::*,
    double::{AT_MOST, Double, Manner, Node, content, journey, node, node_with},
};
use crate::{
    model::Hit,
    overlay::{double::Article, stranger::bare_hit},
};

async fn search(node: &Node, query: Query) -> (Vec<Hit>, usize) {
    let found = node.native.search(Arc::new(query), &journey()).await.unwrap();
    let found: Vec<_> = timeout(AT_MOST, found.collect()).await.expect("the search ends");
    let missing = found.iter().filter(|found| matches!(found, Found::Missing)).count();
    let hits = found.into_iter().flat_map(|found| match found {
        Found::Page(hits) => hits,
        Found::Missing => Vec::new(),
    });
    (hits.collect(), missing)
}

#[tokio::test]
async fn all_peers_are_asked_and_filters_and_limit_are_passed_on() {
    let (asker, one, other) = (node(|_| {}).await, node(|_| {}).await, node(|_| {}).await);
    let swiss = |name: &str, size| Article::new(name, content(size)).told(|hit| hit.tags = vec!["swiss".into()]);
    one.offer.shelf.put(swiss("map of Basel", 10));
    other.offer.shelf.put(swiss("map of Bern", 20));
    other.offer.put("photo", content(30), Manner::Honest);
    asker.meet(&one).await;
    other.meet(&asker).await;

    let mut query = Query::parse("map", 7).unwrap();
    query.media_type = Some("text/*".into());
    query.tags = vec!["swiss".into()];
    query.min_size = Some(1);
    query.max_size = Some(1 << 40);
    let (mut hits, missing) = search(&asker, query.clone()).await;
    hits.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(missing, 0);
    assert_eq!(hits.iter().map(|hit| hit.name.as_str()).collect::<Vec<_>>(), ["map of Basel", "map of Bern"]);
    assert!(hits.iter().all(|hit| hit.overlay == "home" && hit.providers == 1 && hit.via.is_empty()));
    let (asked, journey) = one.offer.shelf.last_asked().unwrap();
    assert_eq!((asked, journey.path), (Some(query), vec![asker.native.id()]));
}

#[tokio::test]
async fn many_hits_come_whole_and_never_more_than_were_asked_for() {
    let (asker, one) = (node(|_| {}).await, node(|_| {}).await);
    for number in 0..300 {
        one.offer.put(&format!("{number:03} {}", "long name ".repeat(90)), content(number + 1), Manner::Honest);
    }
    asker.meet(&one).await;
    let (hits, missing) = search(&asker, Query::parse("name", 200).unwrap()).await;
    assert_eq!((hits.len(), missing), (200, 0));
    assert!(hits.windows(2).all(|pair| pair[0].name < pair[1].name), "best first");
}

#[tokio::test]
async fn what_a_peer_finds_further_away_follows_what_it_has() {
    let (asker, one) = (node(|_| {}).await, node(|_| {}).await);
    let here = one.offer.put("map", content(10), Manner::Honest);
    let further = |number| Hit { via: vec!["bridge".into()], ..bare_hit(&ContentId::native([number; 32]), 5, "far") };
    let (far, ended) = mpsc::channel(4);
    *one.offer.further.lock().unwrap() = Some(ReceiverStream::new(ended).boxed());
    asker.meet(&one).await;

    let query = Arc::new(Query::parse("map", 5).unwrap());
    let mut found = asker.native.search(query, &journey()).await.unwrap();
    let Some(Found::Page(first)) = found.next().await else { panic!("no page of what is here") };
    assert_eq!((first.len(), &first[0].content_id), (1, &here), "it does not wait for the far side");
    far.send(Found::Page(vec![further(1), further(2)])).await.unwrap();
    let Some(Found::Page(second)) = found.next().await else { panic!("no page from further away") };
    assert!(second.iter().all(|hit| hit.overlay == "home" && hit.via == ["bridge"]) && second.len() == 2);
    far.send(Found::Missing).await.unwrap();
    far.send(Found::Page(vec![further(3)])).await.unwrap();
    drop(far);
    let rest: Vec<_> = timeout(AT_MOST, found.collect()).await.unwrap();
    let missing = rest.iter().filter(|found| matches!(found, Found::Missing)).count();
    assert_eq!((rest.len(), missing), (2, 1), "a last page, and that somebody is missing: {rest:?}");
}

#[tokio::test]
async fn whoever_goes_away_ends_the_search_further_away() {
    let (asker, one) = (node(|_| {}).await, node(|_| {}).await);
    let (far, ended) = mpsc::channel(1);
    *one.offer.further.lock().unwrap() = Some(ReceiverStream::new(ended).boxed());
    one.offer.put("map", content(10), Manner::Honest);
    asker.meet(&one).await;
    let query = Arc::new(Query::parse("map", 5).unwrap());
    let mut found = asker.native.search(query, &journey()).await.unwrap();
    assert!(matches!(found.next().await, Some(Found::Page(_))));
    drop(found);
    timeout(AT_MOST, far.closed()).await.expect("the stream from further away is dropped");
}

#[tokio::test]
async fn without_peers_a_search_has_ended_before_it_began() {
    let alone = node(|_| {}).await;
    let mut found = alone.native.search(Arc::new(Query::parse("a", 1).unwrap()), &journey()).await.unwrap();
    assert!(found.next().now_or_never().expect("nothing is waited for").is_none());
}

#[tokio::test]
async fn a_peer_that_does_not_answer_is_missing_and_the_others_count() {
    let asker = node(|config| config.patience.search = Duration::from_millis(500)).await;
    let (mute, one) = (node_with(Double::mute(), |_| {}).await, node(|_| {}).await);
    one.offer.put("map", content(10), Manner::Honest);
    asker.meet(&mute).await;
    asker.meet(&one).await;
    let (hits, missing) = search(&asker, Query::parse("map", 5).unwrap()).await;
    assert_eq!((hits.len(), missing), (1, 1));

    mute.native.stop().await;
    let (hits, _) = search(&asker, Query::parse("map", 5).unwrap()).await;
    assert_eq!(hits.len(), 1);
}
