//! What the cache keeps of that which crossed.

use super::double::*;
use crate::{bridge::Settings, store::GROUP};

const SIZE: u64 = 20 * GROUP + 5;

/// Has a content cross, whole or in part, and waits until it is kept.
async fn crosses(scene: &Scene, id: &crate::model::ContentId, range: std::ops::Range<u64>) {
    let fetch = scene.brings(id, range).await.unwrap().unwrap();
    assert_eq!(stream_of(fetch).await.1, None);
}

async fn holds(scene: &Scene, bytes: u64) {
    eventually("the cache holds it", || scene.bridges.cache.totals().0 == bytes).await;
}

const ENTRY: u64 = 4 << 10;

#[tokio::test]
async fn what_crossed_crosses_again_without_the_far_side_and_after_a_restart() {
    let mut scene = scene(|_| {}).await;
    let id = scene.blue.put("a.bin", &[], content(SIZE)).await;
    crosses(&scene, &id, 0..SIZE).await;
    holds(&scene, SIZE + ENTRY).await;
    let want = scene.blue.encoded(&id, 0..SIZE).await;
    for _ in 0..2 {
        scene.blue.behave(Manner::Failing);
        let hit = crate::overlay::Offer::describe(&scene.offer(), &id, &asked_in_red()).await.unwrap().unwrap();
        assert_eq!((hit.name.as_str(), hit.size), ("a.bin", SIZE));
        let fetch = scene.brings(&id, 0..SIZE).await.unwrap().unwrap();
        assert_eq!(stream_of(fetch).await, (want.clone(), None));
        // The map is written once the last piece is.
        let map = scene.store.dir().join("cache");
        eventually("the map is written", || {
            std::fs::read_dir(&map).unwrap().flatten().any(|entry| entry.path().extension().is_some_and(|e| e == "map"))
        })
        .await;
        scene = scene.restart().await;
        assert_eq!(scene.bridges.cache.totals(), (SIZE + ENTRY, 1));
    }
    assert_eq!(scene.bridge().bytes_relayed, 3 * SIZE);
}

#[tokio::test]
async fn a_part_that_is_kept_comes_first_and_the_far_side_brings_the_rest() {
    let scene = scene(|_| {}).await;
    let id = scene.blue.put("a.bin", &[], content(SIZE)).await;
    for kept in [1, 7, 8, 9] {
        scene.bridges.cache.forget(&id).await;
        crosses(&scene, &id, 0..kept * GROUP).await;
        holds(&scene, kept * GROUP + ENTRY).await;
        scene.blue.fetches.lock().unwrap().clear();
        let fetch = scene.brings(&id, 0..SIZE).await.unwrap().unwrap();
        assert_eq!(stream_of(fetch).await, (scene.blue.encoded(&id, 0..SIZE).await, None), "{kept}");
        assert_eq!(scene.blue.fetches.lock().unwrap()[0].0, kept * GROUP..SIZE);
        holds(&scene, SIZE + ENTRY).await;
    }
}

#[tokio::test]
async fn what_was_used_longest_ago_goes_first() {
    let quota = 2 * (SIZE + ENTRY) + GROUP;
    let scene = scene_with(vec![Settings::between("red", "blue")], quota).await;
    let mut ids = Vec::new();
    for number in 0..3 {
        let bytes = content(SIZE).into_iter().map(|byte| byte ^ number).collect();
        ids.push(scene.blue.put(&format!("{number}.bin"), &[], bytes).await);
    }
    crosses(&scene, &ids[0], 0..SIZE).await;
    holds(&scene, SIZE + ENTRY).await;
    crosses(&scene, &ids[1], 0..SIZE).await;
    holds(&scene, 2 * (SIZE + ENTRY)).await;
    crosses(&scene, &ids[0], 0..SIZE).await;
    crosses(&scene, &ids[2], 0..SIZE).await;
    let kept = |id| scene.bridges.cache.record(id, "blue").is_some();
    eventually("the third is kept", || kept(&ids[2])).await;
    assert!(kept(&ids[0]) && !kept(&ids[1]));
    let files = std::fs::read_dir(scene.store.dir().join("cache")).unwrap().count();
    assert!(files <= 6, "{files} files of two contents");
    let large = scene.blue.put("large.bin", &[], content(quota)).await;
    crosses(&scene, &large, 0..quota).await;
    assert!(scene.bridges.cache.totals().0 <= quota, "what never fits is not kept");
}

#[tokio::test]
async fn a_quota_of_nothing_keeps_nothing_and_a_smaller_one_less() {
    let mut scene = scene_with(vec![Settings::between("red", "blue")], SIZE + ENTRY).await;
    let id = scene.blue.put("a.bin", &[], content(SIZE)).await;
    crosses(&scene, &id, 0..SIZE).await;
    holds(&scene, SIZE + ENTRY).await;
    scene.cache_bytes = 0;
    let scene = scene.restart().await;
    assert_eq!(scene.bridges.cache.totals(), (0, 0));
    crosses(&scene, &id, 0..SIZE).await;
    assert_eq!(std::fs::read_dir(scene.store.dir().join("cache")).unwrap().count(), 0);
}

#[tokio::test]
async fn cached_bytes_pass_the_rules_again() {
    let scene = scene(|_| {}).await;
    let id = scene.blue.put("a.bin", &["internal"], content(SIZE)).await;
    crosses(&scene, &id, 0..SIZE).await;
    holds(&scene, SIZE + ENTRY).await;
    let stricter = Settings { deny: vec!["tag:internal".parse().unwrap()], ..Settings::between("red", "blue") };
    let scene = scene.restart_with(vec![stricter]).await;
    assert!(scene.brings(&id, 0..SIZE).await.unwrap().is_none());
    assert_eq!(scene.bridge().bytes_relayed, SIZE);
}

#[tokio::test]
async fn damage_is_noticed_and_the_far_side_goes_on() {
    let scene = scene(|_| {}).await;
    let id = scene.blue.put("a.bin", &[], content(SIZE)).await;
    crosses(&scene, &id, 0..SIZE).await;
    holds(&scene, SIZE + ENTRY).await;
    let data = std::fs::read_dir(scene.store.dir().join("cache")).unwrap().flatten().map(|entry| entry.path());
    let data = data.into_iter().find(|path| path.extension().is_some_and(|e| e == "data")).unwrap();
    let mut bytes = std::fs::read(&data).unwrap();
    bytes[9 * GROUP as usize] ^= 1;
    std::fs::write(&data, bytes).unwrap();
    let fetch = scene.brings(&id, 0..SIZE).await.unwrap().unwrap();
    assert_eq!(stream_of(fetch).await, (scene.blue.encoded(&id, 0..SIZE).await, None));
}

#[tokio::test]
async fn a_disk_that_says_no_never_fails_a_content() {
    let scene = scene(|_| {}).await;
    let id = scene.blue.put("a.bin", &[], content(SIZE)).await;
    let folder = scene.store.dir().join("cache");
    std::fs::remove_dir(&folder).unwrap();
    std::fs::write(&folder, b"no folder").unwrap();
    let fetch = scene.brings(&id, 0..SIZE).await.unwrap().unwrap();
    assert_eq!(stream_of(fetch).await, (scene.blue.encoded(&id, 0..SIZE).await, None));
}
