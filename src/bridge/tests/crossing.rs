//! Contents that cross, and those that do not.

use futures::StreamExt;

use super::double::*;
use crate::{
    model::{FaultKind, Journey},
    overlay::Offer,
    store::GROUP,
};

/// A content of several levels whose last group is not full.
const SIZE: u64 = 37 * GROUP + 5;

#[tokio::test]
async fn a_content_crosses_as_the_stream_that_a_source_would_send() {
    let scene = scene(|_| {}).await;
    for size in [0, 1, GROUP, GROUP + 1, SIZE] {
        let id = scene.blue.put(&format!("{size}.bin"), &[], content(size)).await;
        let hit = scene.offer().describe(&id, &asked_in_red()).await.unwrap().unwrap();
        assert_eq!((hit.size, hit.overlay.as_str(), hit.via), (size, "red", vec![scene.bridge().bridge_id]));
        let fetch = scene.brings(&id, 0..u64::MAX).await.unwrap().unwrap();
        assert_eq!(fetch.size, size);
        assert_eq!(stream_of(fetch).await, (scene.blue.encoded(&id, 0..size).await, None));
    }
    assert_eq!(scene.bridge().bytes_relayed, 2 * GROUP + 2 + SIZE);
    let beyond = scene.blue.journeys.lock().unwrap().pop().unwrap();
    assert_eq!((beyond.path.join(" "), beyond.hop_limit), ("native:red native:blue".to_owned(), 2));
}

#[tokio::test]
async fn ranges_begin_where_groups_do() {
    let scene = scene(|_| {}).await;
    let id = scene.blue.put("a.bin", &[], content(SIZE)).await;
    for (start, end) in
        [(0, 1), (GROUP, 2 * GROUP), (5 * GROUP + 7, 9 * GROUP), (36 * GROUP, SIZE), (37 * GROUP + 4, SIZE)]
    {
        let fetch = scene.brings(&id, start..end).await.unwrap().unwrap();
        assert_eq!(stream_of(fetch).await, (scene.blue.encoded(&id, start..end).await, None), "{start} {end}");
    }
    let fetch = scene.brings(&id, SIZE..SIZE + 5).await.unwrap().unwrap();
    assert_eq!(stream_of(fetch).await, (Vec::new(), None));
}

#[tokio::test]
async fn a_source_that_breaks_off_is_replaced_without_a_trace() {
    for bytes in (0..19).map(|groups| groups * GROUP) {
        let scene = scene_with(vec![crate::bridge::Settings::between("red", "blue")], 0).await;
        let id = scene.blue.put("a.bin", &[], content(SIZE)).await;
        scene.blue.behave(Manner::Breaking(bytes));
        let fetch = scene.brings(&id, 0..SIZE).await.unwrap().unwrap();
        assert_eq!(stream_of(fetch).await, (scene.blue.encoded(&id, 0..SIZE).await, None), "{bytes}");
        let fetches = scene.blue.fetches.lock().unwrap();
        let avoided: Vec<_> = fetches.iter().map(|(_, avoid)| avoid.len()).collect();
        assert_eq!(avoided, [0, 1, 2]);
        assert_eq!(fetches[2].0.start, 2 * bytes);
    }
}

#[tokio::test]
async fn a_source_that_falls_silent_is_replaced_where_there_is_another_one() {
    let scene = scene(|_| {}).await;
    let id = scene.blue.put("a.bin", &[], content(SIZE)).await;
    scene.blue.behave(Manner::Stalling(true));
    let fetch = scene.brings(&id, 0..SIZE).await.unwrap().unwrap();
    assert_eq!(stream_of(fetch).await, (scene.blue.encoded(&id, 0..SIZE).await, None));
    let alone = scene.blue.put("b.bin", &[], content(SIZE + 1)).await;
    scene.blue.behave(Manner::Stalling(false));
    let fetch = scene.brings(&alone, 0..SIZE).await.unwrap().unwrap();
    assert!(stream_of(fetch).await.1.unwrap().message.contains("has sent nothing for"));
}

#[tokio::test]
async fn what_a_lying_source_sends_does_not_go_on() {
    let scene = scene(|_| {}).await;
    let id = scene.blue.put("a.bin", &[], content(SIZE)).await;
    for (manner, why) in
        [(Manner::Disordered, "out of order"), (Manner::Unproved, "no proof"), (Manner::OtherSize, "bytes instead of")]
    {
        scene.blue.behave(manner);
        let fetch = scene.brings(&id, 0..SIZE).await.unwrap().unwrap();
        let (sent, fault) = stream_of(fetch).await;
        assert!(scene.blue.encoded(&id, 0..SIZE).await.starts_with(&sent));
        assert!(fault.unwrap().message.contains(why), "{manner:?}");
    }
}

#[tokio::test]
async fn what_is_denied_can_neither_be_described_nor_fetched() {
    let scene = scene(|settings| settings.deny = vec!["tag:internal".parse().unwrap()]).await;
    let id = scene.blue.put("a.bin", &["internal"], content(SIZE)).await;
    let here = put(&scene.store, "blue", "b.bin", &["internal"], content(7)).await;
    for id in [id, here] {
        assert_eq!(scene.offer().describe(&id, &asked_in_red()).await, Ok(None));
        assert!(scene.brings(&id, 0..SIZE).await.unwrap().is_none());
    }
    let bridge = scene.bridge();
    assert_eq!((bridge.refusals, bridge.bytes_relayed), (4, 0));
}

#[tokio::test]
async fn what_nobody_has_is_not_there_and_a_far_side_that_is_down_is_told() {
    let scene = scene(|_| {}).await;
    let nobodys = crate::model::ContentId::native([7; 32]);
    assert_eq!(scene.offer().describe(&nobodys, &asked_in_red()).await, Ok(None));
    assert!(scene.brings(&nobodys, 0..1).await.unwrap().is_none());
    scene.blue.behave(Manner::Failing);
    assert_eq!(scene.offer().describe(&nobodys, &asked_in_red()).await.unwrap_err().kind, FaultKind::Unavailable);
    assert_eq!(scene.brings(&nobodys, 0..1).await.err().unwrap().kind, FaultKind::Unavailable);
    let been_there = asked_in_red().asked_in(["native:blue".to_owned()]);
    assert_eq!(scene.offer().describe(&nobodys, &been_there).await, Ok(None));
    let tired = Journey { hop_limit: 0, ..asked_in_red() };
    assert!(scene.offer().bring(&nobodys, 0..1, &tired).await.unwrap().is_none());
}

#[tokio::test]
async fn after_a_search_a_content_is_fetched_without_asking_who_has_it() {
    let scene = scene(|_| {}).await;
    let id = scene.blue.put("plan.bin", &[], content(SIZE)).await;
    assert_eq!(scene.finds("plan").await.0.len(), 1);
    let fetch = scene.brings(&id, 0..SIZE).await.unwrap().unwrap();
    assert_eq!(stream_of(fetch).await.1, None);
    assert_eq!(scene.blue.locates.load(std::sync::atomic::Ordering::Relaxed), 0);
}

#[tokio::test]
async fn what_this_node_publishes_beyond_crosses_as_well() {
    let scene = scene(|_| {}).await;
    let id = put(&scene.store, "blue", "own.bin", &[], content(SIZE)).await;
    let fetch = scene.brings(&id, GROUP..SIZE).await.unwrap().unwrap();
    let mut want = Vec::new();
    scene.store.reader(&id).await.unwrap().unwrap().encode(GROUP..SIZE, &mut want).unwrap();
    assert_eq!(stream_of(fetch).await, (want, None));
    assert!(scene.blue.fetches.lock().unwrap().is_empty());
    assert!(scene.offer().open(&id).await.unwrap().is_none(), "it is not offered in red itself");
}

#[tokio::test]
async fn the_bytes_of_a_day_end_a_content_and_the_next_one() {
    let scene = scene(|settings| settings.bytes_per_day = Some(10 * GROUP)).await;
    let id = scene.blue.put("a.bin", &[], content(SIZE)).await;
    let fetch = scene.brings(&id, 0..SIZE).await.unwrap().unwrap();
    let (_, fault) = stream_of(fetch).await;
    let fault = fault.unwrap();
    assert!(fault.kind == FaultKind::LimitExceeded && fault.message.contains("bytes_per_day"), "{fault}");
    assert_eq!(scene.bridge().bytes_relayed, 10 * GROUP);
    assert_eq!(scene.brings(&id, 0..SIZE).await.err().unwrap().kind, FaultKind::LimitExceeded);
    let scene = scene.restart().await;
    assert_eq!(
        scene.brings(&id, 0..SIZE).await.err().unwrap().kind,
        FaultKind::LimitExceeded,
        "a restart earns nothing"
    );
}

#[tokio::test]
async fn a_pause_ends_what_is_crossing() {
    let scene = scene(|_| {}).await;
    let id = scene.blue.put("a.bin", &[], content(SIZE)).await;
    let mut fetch = scene.brings(&id, 0..SIZE).await.unwrap().unwrap();
    assert!(fetch.pieces.next().await.unwrap().is_ok());
    scene.bridges.pause(&scene.bridge().bridge_id, true).await.unwrap();
    assert!(fetch.pieces.next().await.unwrap().unwrap_err().message.contains("paused"));
    assert!(scene.brings(&id, 0..SIZE).await.unwrap().is_none());
    assert_eq!(scene.bridges.passages.available_permits(), 256);
}
