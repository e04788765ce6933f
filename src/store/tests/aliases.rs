//! Foreign ids: learnt, looked up both ways, forgotten when the other side changes.

use super::*;
use crate::model::{Piece, Time};

fn entry(name: &str) -> ContentId {
    ContentId::Catalogue { overlay: "archive".into(), entry: name.into() }
}

fn seen(name: &str, size: usize, modified: Option<i64>) -> Seen {
    Seen { id: entry(name), size: size as u64, modified: modified.map(Time::from_millis) }
}

/// Has all bytes of a foreign content pass.
async fn teach(store: &Store, seen: &Seen, bytes: &[u8]) -> ContentId {
    let mut lesson = store.lesson();
    bytes.chunks(50_021).for_each(|part| lesson.take(part).unwrap());
    let learnt = store.conclude(lesson).await.unwrap();
    let native = learnt.native();
    store.learn(seen, learnt).await.unwrap();
    native
}

fn files_of_nodes(store: &Store) -> usize {
    store.files.hashes(files::Kind::AliasNodes).unwrap().len()
}

#[tokio::test]
async fn an_alias_is_found_both_ways_and_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let bytes = noise(100_000);
    assert_eq!(store.alias(&entry("a b:c")).await.unwrap(), None);
    let native = teach(&store, &seen("a b:c", bytes.len(), Some(5_000)), &bytes).await;
    assert_eq!(native, ContentId::native(blake3::hash(&bytes)));
    store.close().await;
    drop(store);
    let store = open(dir.path()).await;
    let alias = store.alias(&entry("a b:c")).await.unwrap().unwrap();
    assert_eq!((alias.native(), alias.size), (native, 100_000));
    assert_eq!(store.foreign_ids(&alias.hash).await.unwrap(), [entry("a b:c")]);
    let proof = store.proof_of(&alias).await.unwrap();
    let part = proof.covering(&(40_000..50_000));
    let bytes = Bytes::from(bytes).slice(part.start as usize..part.end as usize);
    assert!(proof.walk(&part).prove(bytes).is_ok());
}

#[tokio::test]
async fn a_content_of_this_node_lists_its_aliases() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let bytes = noise(40_000);
    let content = publish(&store, "report.bin", &bytes).await;
    let by_search = async || {
        let found = store.search(&Query::parse("report", 5).unwrap()).await.unwrap();
        found[0].1.aliases.clone()
    };
    assert!(by_search().await.is_empty());
    teach(&store, &seen("7", bytes.len(), None), &bytes).await;
    assert_eq!(by_search().await, [entry("7")]);
    assert_eq!(store.get(&content.content_id).await.unwrap().unwrap().aliases, [entry("7")]);
    store.forget_alias(&entry("7")).await.unwrap();
    assert!(by_search().await.is_empty());
}

#[tokio::test]
async fn an_alias_is_forgotten_when_the_other_side_shows_another_size_or_time() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let bytes = noise(70_000);
    for (then, now, is_kept) in [
        (seen("x", 70_000, Some(1_000)), seen("x", 70_000, Some(1_000)), true),
        (seen("x", 70_000, Some(1_000)), seen("x", 70_000, None), true),
        (seen("x", 70_000, None), seen("x", 70_000, Some(1_000)), true),
        (seen("x", 70_000, Some(1_000)), seen("x", 70_000, Some(2_000)), false),
        (seen("x", 70_000, Some(1_000)), seen("x", 70_001, Some(1_000)), false),
        (seen("x", 70_000, Some(1_000)), seen("y", 1, Some(9_000)), true),
    ] {
        teach(&store, &then, &bytes).await;
        store.recheck_aliases(std::slice::from_ref(&now)).await.unwrap();
        assert_eq!(store.alias(&then.id).await.unwrap().is_some(), is_kept, "{then:?} {now:?}");
        assert_eq!(files_of_nodes(&store), usize::from(is_kept));
    }
    // The time that was not known when it was learnt counts from when it is.
    teach(&store, &seen("x", 70_000, None), &bytes).await;
    store.recheck_aliases(&[seen("x", 70_000, Some(1_000))]).await.unwrap();
    store.recheck_aliases(&[seen("x", 70_000, Some(2_000))]).await.unwrap();
    assert_eq!(store.alias(&entry("x")).await.unwrap(), None);
}

#[tokio::test]
async fn nodes_stay_while_any_alias_needs_them() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let bytes = noise(70_000);
    teach(&store, &seen("x", 70_000, None), &bytes).await;
    teach(&store, &seen("y", 70_000, None), &bytes).await;
    // The same again is no other content.
    teach(&store, &seen("y", 70_000, None), &bytes).await;
    assert_eq!(files_of_nodes(&store), 1);
    store.forget_alias(&entry("x")).await.unwrap();
    assert_eq!(files_of_nodes(&store), 1);
    // Another content under that id.
    teach(&store, &seen("y", 90_000, None), &noise(90_000)).await;
    assert_eq!(files_of_nodes(&store), 1);
    assert!(store.proof_of(&store.alias(&entry("y")).await.unwrap().unwrap()).await.is_some());
    store.close().await;
    drop(store);
    // Nodes without an alias are swept.
    let stray = dir.path().join("aliases").join("ab").join(format!("{}.nodes", "ab".repeat(32)));
    std::fs::create_dir_all(stray.parent().unwrap()).unwrap();
    std::fs::write(&stray, b"x").unwrap();
    let store = open(dir.path()).await;
    assert!(!stray.exists());
    assert_eq!(files_of_nodes(&store), 1);
}

fn pieces(bytes: &[u8], range: std::ops::Range<usize>) -> Vec<Piece> {
    let groups = range.clone().step_by(GROUP as usize);
    let piece = |at: usize| Piece {
        offset: at as u64,
        data: Bytes::copy_from_slice(&bytes[at..range.end.min(at + GROUP as usize)]),
        parents: Vec::new(),
    };
    groups.map(piece).collect()
}

#[tokio::test]
async fn a_foreign_content_on_its_way_goes_on_after_a_restart_and_becomes_native() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let bytes = noise(3 << 20);
    let modified = Some(Time::from_millis(1_000));
    let partial = store.partial_as_of(&entry("big"), bytes.len() as u64, modified).await.unwrap();
    partial.write(&pieces(&bytes, 0..1 << 20)).unwrap();
    partial.sync().unwrap();
    let crashed = copy_of(dir.path());
    let store = open(crashed.path()).await;
    // Whoever does not know the time takes what is there.
    assert_eq!(store.partial(&entry("big"), bytes.len() as u64).await.unwrap().received(), 1 << 20);
    let partial = store.partial_as_of(&entry("big"), bytes.len() as u64, modified).await.unwrap();
    assert_eq!(partial.missing(0..u64::MAX), std::slice::from_ref(&(1 << 20..3 << 20)));
    partial.write(&pieces(&bytes, 1 << 20..3 << 20)).unwrap();
    let content = partial.complete(named("big.bin")).await.unwrap();
    assert_eq!(content.content_id, ContentId::native(blake3::hash(&bytes)));
    assert_eq!(content.aliases, [entry("big")]);
    assert_eq!(std::fs::read_dir(crashed.path().join("partial")).unwrap().count(), 0);
    let reader = store.reader(&content.content_id).await.unwrap().unwrap();
    assert_eq!(whole(&reader).await.unwrap(), bytes);
    assert_eq!(store.alias(&entry("big")).await.unwrap().unwrap().modified, modified);
}

#[tokio::test]
async fn what_is_here_of_a_foreign_content_that_changed_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let bytes = noise(1 << 20);
    for (size, modified) in [(1 << 20, 2_000), (1 << 19, 1_000)] {
        for restart in [false, true] {
            let then = Some(Time::from_millis(1_000));
            let id = entry(&format!("{size} {restart}"));
            let partial = store.partial_as_of(&id, 1 << 20, then).await.unwrap();
            partial.write(&pieces(&bytes, 0..1 << 19)).unwrap();
            partial.sync().unwrap();
            let kept = (!restart).then_some(partial);
            let now = store.partial_as_of(&id, size, Some(Time::from_millis(modified))).await.unwrap();
            assert_eq!((now.size(), now.received()), (size, 0), "{restart}");
            drop(kept);
        }
    }
}
