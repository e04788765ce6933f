//! search/1 between nodes.

use std::time::Duration;

use futures::{FutureExt, StreamExt};
use tokio::time::timeout;

use super::{
    super::*,
    double::{AT_MOST, Double, Manner, Node, content, node, node_with},
};
use crate::model::Hit;

async fn search(node: &Node, query: Query) -> (Vec<Hit>, usize) {
    let found = node.native.search(Arc::new(query)).await.unwrap();
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
    one.offer.put("map of Basel", content(10), Manner::Honest);
    other.offer.put("map of Bern", content(20), Manner::Honest);
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
    assert_eq!(one.offer.asked.lock().unwrap().as_ref(), Some(&query));
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
async fn without_peers_a_search_has_ended_before_it_began() {
    let alone = node(|_| {}).await;
    let mut found = alone.native.search(Arc::new(Query::parse("a", 1).unwrap())).await.unwrap();
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
