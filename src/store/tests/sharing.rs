//! Files that are shared in place.

use std::fs;

use super::*;
use crate::model::FaultKind;

async fn share(store: &Store, root: &Path, names: &[&str]) {
    let examine = |name: &&str| store.examine(root, &root.join(name), &mut |_| ()).unwrap().unwrap();
    store.adopt(names.iter().map(examine).collect(), &["main".into()]).await.unwrap();
    store.index.flush().await.unwrap();
}

#[tokio::test]
async fn a_shared_file_is_found_by_its_name_and_folders_and_read_where_it_lies() {
    let (dir, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(dir.path()).await;
    fs::create_dir_all(root.path().join("music/jazz")).unwrap();
    fs::write(root.path().join("music/jazz/blue.ogg"), noise(100_000)).unwrap();
    share(&store, root.path(), &["music/jazz/blue.ogg"]).await;
    assert_eq!(find(&store, "jazz blue").await, ["blue.ogg"]);
    let id = ContentId::native(blake3::hash(&noise(100_000)));
    let content = store.get(&id).await.unwrap().unwrap();
    assert_eq!(
        (content.tags.clone(), content.overlays.clone()),
        (vec!["music".into(), "jazz".into()], vec!["main".into()])
    );
    let reader = store.reader(&id).await.unwrap().unwrap();
    assert_eq!(whole(&reader).await.unwrap(), noise(100_000));
}

#[tokio::test]
async fn a_file_that_changed_is_never_served_under_its_old_id() {
    let (dir, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(dir.path()).await;
    let path = root.path().join("x.bin");
    let id = ContentId::native(blake3::hash(&noise(100_000)));
    for damage in [0, 50_000, 100_001] {
        fs::write(&path, noise(100_000)).unwrap();
        share(&store, root.path(), &["x.bin"]).await;
        let reader = store.reader(&id).await.unwrap().unwrap();
        let mut suspects = store.suspects();
        fs::write(&path, noise(damage)).unwrap();
        // What was opened before the change proves nothing of it.
        let fault = whole(&reader).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Unavailable);
        assert!(fault.message.contains("\"x.bin\" has changed since it was published"), "{fault}");
        assert_eq!(suspects.try_recv().unwrap(), path);
        let fault = store.reader(&id).await.err().unwrap();
        assert!(fault.message.contains("indexed again under a new id"), "{fault}");
        assert!(store.get(&id).await.unwrap().is_none());
        store.index.flush().await.unwrap();
        assert!(find(&store, "x").await.is_empty());
    }
}

#[tokio::test]
async fn one_content_with_two_places_stays_while_one_remains() {
    let (dir, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(dir.path()).await;
    for name in ["a.txt", "b.txt"] {
        fs::write(root.path().join(name), "same").unwrap();
    }
    share(&store, root.path(), &["a.txt", "b.txt"]).await;
    assert_eq!(store.totals(), (1, 4));
    store.forget(&[root.path().join("a.txt")]).await.unwrap();
    let id = ContentId::native(blake3::hash(b"same"));
    assert_eq!(store.get(&id).await.unwrap().unwrap().name, "b.txt");
    store.forget(&[root.path().join("b.txt")]).await.unwrap();
    assert!(store.get(&id).await.unwrap().is_none());
    assert_eq!(store.totals(), (0, 0));
}

#[tokio::test]
async fn an_unpublished_file_is_left_alone_and_stays_withdrawn_until_it_changes() {
    let (dir, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(dir.path()).await;
    let path = root.path().join("x.txt");
    fs::write(&path, "one").unwrap();
    share(&store, root.path(), &["x.txt"]).await;
    let id = ContentId::native(blake3::hash(b"one"));
    assert!(store.unpublish(&id).await.unwrap());
    assert!(path.exists());
    share(&store, root.path(), &["x.txt"]).await;
    assert!(store.get(&id).await.unwrap().is_none());
    publish(&store, "again", b"one").await;
    assert!(store.get(&id).await.unwrap().is_some());
    assert!(store.unpublish(&id).await.unwrap());
    fs::write(&path, "two").unwrap();
    share(&store, root.path(), &["x.txt"]).await;
    assert!(store.get(&ContentId::native(blake3::hash(b"two"))).await.unwrap().is_some());
}

#[tokio::test]
async fn labels_that_a_caller_gave_outlive_a_rescan() {
    let (dir, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(dir.path()).await;
    fs::write(root.path().join("x.txt"), "one").unwrap();
    share(&store, root.path(), &["x.txt"]).await;
    let id = ContentId::native(blake3::hash(b"one"));
    let named = Changes { name: Some("Better".into()), ..Changes::default() };
    store.update(&id, named).await.unwrap();
    store.distrust(&[root.path().join("x.txt")]).await.unwrap();
    assert!(store.get(&id).await.unwrap().is_none());
    share(&store, root.path(), &["x.txt"]).await;
    assert_eq!(store.get(&id).await.unwrap().unwrap().name, "Better");
}

#[tokio::test]
async fn totals_are_what_counting_the_catalogue_says() {
    async fn check(store: &Store, want: (u64, u64)) {
        assert_eq!(store.totals(), want);
        assert_eq!(store.catalogue.totals().await.unwrap(), want);
    }
    let (dir, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(dir.path()).await;
    fs::write(root.path().join("a"), "one").unwrap();
    fs::write(root.path().join("b"), "three").unwrap();
    share(&store, root.path(), &["a", "b"]).await;
    check(&store, (2, 8)).await;
    let kept = publish(&store, "kept", b"eleven").await;
    publish(&store, "kept", b"eleven").await;
    publish(&store, "a", b"one").await;
    check(&store, (3, 14)).await;
    store.update(&kept.content_id, Changes { name: Some("named".into()), ..Changes::default() }).await.unwrap();
    check(&store, (3, 14)).await;
    fs::write(root.path().join("b"), "seventeen").unwrap();
    share(&store, root.path(), &["b"]).await;
    check(&store, (3, 18)).await;
    assert!(store.unpublish(&kept.content_id).await.unwrap());
    store.forget(&[root.path().join("b")]).await.unwrap();
    check(&store, (1, 3)).await;
    store.close().await;
    let store = open(dir.path()).await;
    check(&store, (1, 3)).await;
}
