//! Queries that cross, and those that do not.

use futures::{FutureExt, StreamExt};

use super::double::*;
use crate::{
    model::{Hit, Journey, Query, Topic, Topics},
    overlay::{Found, Offer},
};

fn names(hits: &[Hit]) -> Vec<&str> {
    hits.iter().map(|hit| hit.name.as_str()).collect()
}

#[tokio::test]
async fn hits_come_back_with_the_way_that_they_took() {
    let scene = scene(|_| {}).await;
    scene.blue.put("blue plan.txt", &[], content(10)).await;
    put(&scene.store, "blue", "gateway plan.txt", &[], content(11)).await;
    put(&scene.store, "red", "near plan.txt", &[], content(12)).await;
    let journey = asked_in_red();
    let (hits, missing) = scene.finds_on("plan", &journey).await;
    assert_eq!(names(&hits), ["near plan.txt", "gateway plan.txt", "blue plan.txt"]);
    assert!(!missing);
    let bridge = scene.bridge();
    assert!(hits.iter().all(|hit| hit.overlay == "red"));
    assert_eq!(
        hits.iter().map(|hit| hit.via.clone()).collect::<Vec<_>>(),
        [vec![], vec![bridge.bridge_id.clone()], vec![bridge.bridge_id.clone()]]
    );
    let beyond = scene.blue.journeys.lock().unwrap().remove(0);
    assert_eq!((beyond.id, beyond.origin, beyond.hop_limit), (journey.id, journey.origin, 2));
    assert_eq!(beyond.path, ["native:red", "native:blue"]);
    assert_eq!((bridge.queries_forwarded, bridge.hits_returned, bridge.refusals), (1, 2, 0));
}

#[tokio::test]
async fn what_is_here_never_waits_for_the_far_side() {
    let scene = scene(|_| {}).await;
    put(&scene.store, "red", "near plan.txt", &[], content(12)).await;
    scene.blue.behave(Manner::Silent);
    let query = std::sync::Arc::new(Query::parse("plan", 20).unwrap());
    let mut found = scene.offer().search(query, &asked_in_red()).await.unwrap();
    let first = found.next().now_or_never().flatten();
    assert!(matches!(first, Some(Found::Page(hits)) if names(&hits) == ["near plan.txt"]));
    assert!(found.next().now_or_never().is_none(), "the far side is waited for");
    eventually("the question is asked", || scene.blue.asked() == 1).await;
    drop(found);
    assert_eq!(scene.bridges.queries.available_permits(), 1_024, "nothing is left of a question that was dropped");
}

#[tokio::test]
async fn a_far_side_that_fails_is_missing_and_nothing_else() {
    let scene = scene(|_| {}).await;
    put(&scene.store, "red", "near plan.txt", &[], content(12)).await;
    scene.blue.behave(Manner::Failing);
    let (hits, missing) = scene.finds("plan").await;
    assert_eq!((names(&hits), missing), (vec!["near plan.txt"], true));
}

#[tokio::test]
async fn a_far_side_that_is_silent_is_missing_in_the_end() {
    let scene = scene(|_| {}).await;
    put(&scene.store, "red", "near plan.txt", &[], content(12)).await;
    put(&scene.store, "blue", "gateway plan.txt", &[], content(11)).await;
    scene.blue.behave(Manner::Silent);
    let (hits, missing) = scene.finds("plan").await;
    assert_eq!((names(&hits), missing), (vec!["near plan.txt", "gateway plan.txt"], true));
    assert_eq!(scene.bridges.queries.available_permits(), 1_024);
}

#[tokio::test]
async fn a_content_that_lies_nearer_than_it_seemed_is_told_again() {
    let seen = crate::bridge::search::Seen::default();
    let hit = |via: &[&str]| {
        let via = via.iter().map(|id| (*id).to_owned()).collect();
        Hit { via, ..super::hit("a", 1) }
    };
    let told = [&["x", "y"][..], &["x", "z"], &["x"], &["x", "y"], &["w"], &[]].map(|via| seen.is_news(&hit(via)));
    assert_eq!(told, [true, false, true, false, false, true]);
}

#[tokio::test]
async fn a_question_crosses_once_and_never_goes_back() {
    let mut scene = scene(|_| {}).await;
    scene.blue.put("plan.txt", &[], content(10)).await;
    let journey = asked_in_red();
    assert_eq!(scene.finds_on("plan", &journey).await.0.len(), 1);
    for _ in 0..2 {
        assert_eq!(scene.finds_on("plan", &journey).await, (vec![], false), "it was forwarded before");
        scene = scene.restart().await;
    }
    assert_eq!(scene.blue.asked(), 1);
    let been_there = asked_in_red().asked_in(["native:blue".to_owned()]);
    let tired = Journey { hop_limit: 0, ..asked_in_red() };
    for journey in [been_there, tired] {
        assert_eq!(scene.finds_on("plan", &journey).await, (vec![], false));
    }
    assert_eq!(scene.blue.asked(), 1);
    assert_eq!(scene.finds("plan").await.0.len(), 1);
    let bridge = scene.bridge();
    assert_eq!((bridge.queries_forwarded, bridge.refusals), (2, 0), "what needs not cross is not refused");
}

#[tokio::test]
async fn what_is_denied_is_as_if_it_were_not_there_and_is_told() {
    let scene = scene(|settings| {
        settings.deny = ["*classified*", "tag:internal", "type:image/*"].map(|text| text.parse().unwrap()).into();
        settings.max_size = Some(100);
    })
    .await;
    let topics: Topics = [Topic::BridgeRefused].into_iter().collect();
    let _listener = scene.store.journal().listen(topics, None);
    let before = *scene.store.journal().news().borrow();
    scene.blue.put("open plan.txt", &[], content(10)).await;
    let secret = scene.blue.put("Classified plan.txt", &[], content(11)).await;
    scene.blue.put("tagged plan.txt", &["Internal"], content(12)).await;
    scene.blue.put("plan.png", &[], content(13)).await;
    scene.blue.put("large plan.txt", &[], content(101)).await;
    let (hits, missing) = scene.finds("plan").await;
    assert_eq!((names(&hits), missing), (vec!["open plan.txt"], false));
    assert_eq!((scene.bridge().hits_returned, scene.bridge().refusals), (1, 4));
    let (hits, missing) = scene.finds("classified plan").await;
    assert_eq!((hits, missing, scene.blue.asked()), (vec![], false, 1), "the query itself does not cross");
    let told = scene.store.events(topics, before, 10).await.unwrap().events;
    let details: Vec<serde_json::Value> =
        told.iter().map(|event| serde_json::from_str(&event.detail).unwrap()).collect();
    let of_secret = details.iter().find(|detail| detail["contentId"] == secret.to_string()).unwrap();
    assert_eq!(
        (&of_secret["rule"], &of_secret["from"], &of_secret["to"]),
        (&"*classified*".into(), &"red".into(), &"blue".into())
    );
    assert_eq!(details.len(), 5);
    assert_eq!(details[4]["query"], "classified plan");
}

#[tokio::test]
async fn a_rate_that_is_used_up_is_missing_and_a_pause_is_not() {
    let scene = scene(|settings| settings.rate = Some(1)).await;
    scene.blue.put("plan.txt", &[], content(10)).await;
    assert_eq!(scene.finds("plan").await.0.len(), 1);
    assert_eq!(scene.finds("plan").await, (vec![], true));
    assert_eq!((scene.blue.asked(), scene.bridge().refusals), (1, 1));
    scene.bridges.pause(&scene.bridge().bridge_id, true).await.unwrap();
    assert_eq!(scene.finds("plan").await, (vec![], false));
}

#[tokio::test]
async fn the_same_content_here_and_there_comes_once() {
    let scene = scene(|_| {}).await;
    put(&scene.store, "red", "plan.txt", &[], content(10)).await;
    scene.blue.put("plan, as blue calls it.txt", &[], content(10)).await;
    let (hits, _) = scene.finds("plan").await;
    assert_eq!(names(&hits), ["plan.txt"]);
}

#[tokio::test]
async fn one_way_is_one_way() {
    let scene = scene(|settings| settings.bidirectional = false).await;
    scene.red.put("plan.txt", &[], content(10)).await;
    let of_blue = crate::bridge::BridgeOffer::new(scene.bridges.clone(), "blue");
    let journey = Journey::begin("12D3KooWPeerOfBlue").asked_in(["native:blue".to_owned()]);
    let query = std::sync::Arc::new(Query::parse("plan", 20).unwrap());
    let found: Vec<_> = of_blue.search(query, &journey).await.unwrap().collect().await;
    assert!(matches!(&found[..], [Found::Page(hits)] if hits.is_empty()));
    assert_eq!(scene.red.asked(), 0);
}
