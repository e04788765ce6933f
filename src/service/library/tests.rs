//! The library over real folders.

use std::fs;

use super::*;
use crate::model::{ContentId, Query};

async fn start(store: &Arc<Store>, root: &Path) -> Library {
    Library::start(Arc::clone(store), vec![root.to_owned()], vec!["main".into()]).await.unwrap()
}

async fn names(store: &Store) -> Vec<String> {
    let (page, _) = store.list(None, None, 100).await.unwrap();
    let mut names: Vec<_> = page.iter().map(|content| content.name.clone()).collect();
    names.sort();
    names
}

/// Waits until the list of contents is as wanted; every change of the store is looked at.
async fn until(store: &Store, want: &[&str]) {
    let mut changes = store.changes();
    let reached = async {
        while names(store).await != want {
            changes.recv().await.unwrap();
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), reached).await;
    assert!(waited.is_ok(), "want {want:?}, have {:?}", names(store).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_shared_and_followed() {
    let (dir, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret.txt"), "secret").unwrap();
    fs::create_dir(root.path().join("sub")).unwrap();
    for (name, text) in [("a.txt", "a"), ("sub/b.txt", "b"), (".hidden", "h"), ("c.part", "c"), ("d~", "d")] {
        fs::write(root.path().join(name), text).unwrap();
    }
    std::os::unix::fs::symlink(outside.path(), root.path().join("link")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret.txt"), root.path().join("link.txt")).unwrap();
    let store = Store::open(dir.path()).await.unwrap();
    let library = start(&store, root.path()).await;
    library.settled().await;
    assert_eq!(names(&store).await, ["a.txt", "b.txt"]);
    let progress = library.progress().borrow().clone();
    assert_eq!((progress.files_done, progress.files_total, progress.bytes_done, progress.bytes_total), (2, 2, 2, 2));

    fs::write(root.path().join("new.txt"), "new").unwrap();
    until(&store, &["a.txt", "b.txt", "new.txt"]).await;
    fs::write(root.path().join("a.txt"), "changed").unwrap();
    let changed = ContentId::native(blake3::hash(b"changed"));
    let mut changes = store.changes();
    while store.get(&changed).await.unwrap().is_none() {
        changes.recv().await.unwrap();
    }
    assert!(store.get(&ContentId::native(blake3::hash(b"a"))).await.unwrap().is_none());
    fs::remove_dir_all(root.path().join("sub")).unwrap();
    fs::rename(root.path().join("new.txt"), root.path().join("renamed.txt")).unwrap();
    until(&store, &["a.txt", "renamed.txt"]).await;
    assert!(library.unshare(root.path()).await.unwrap());
    library.settled().await;
    assert!(names(&store).await.is_empty());
    library.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_behind_the_notices_is_found_by_its_reader() {
    let (dir, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = root.path().join("x.bin");
    fs::write(&path, "before").unwrap();
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    let store = Store::open(dir.path()).await.unwrap();
    let library = start(&store, root.path()).await;
    library.settled().await;
    library.stop().await;
    // The same size, time and inode: only the bytes tell.
    fs::write(&path, "after!").unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    let library = start(&store, root.path()).await;
    library.settled().await;
    let old = ContentId::native(blake3::hash(b"before"));
    let reader = store.reader(&old).await.unwrap().unwrap();
    let mut changes = store.changes();
    assert!(reader.read(0..6).await.is_err());
    let new = ContentId::native(blake3::hash(b"after!"));
    while store.get(&new).await.unwrap().is_none() {
        changes.recv().await.unwrap();
    }
    assert!(store.get(&old).await.unwrap().is_none());
    drop(library);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_hashes_nothing_and_former_folders_are_withdrawn() {
    let (dir, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for i in 0..300 {
        fs::write(root.path().join(format!("file {i}.txt")), format!("{i}")).unwrap();
    }
    let store = Store::open(dir.path()).await.unwrap();
    let library = start(&store, root.path()).await;
    library.settled().await;
    assert_eq!(store.totals().0, 300);
    library.stop().await;
    store.close().await;
    let store = Store::open(dir.path()).await.unwrap();
    let found = store.search(&Query::parse("file 7", 10).unwrap()).await.unwrap();
    assert_eq!(found[0].1.name, "file 7.txt");
    let library = start(&store, root.path()).await;
    library.settled().await;
    assert_eq!(library.progress().borrow().files_total, 0);
    library.stop().await;
    let other = tempfile::tempdir().unwrap();
    let library = start(&store, other.path()).await;
    library.settled().await;
    assert_eq!(store.totals().0, 0);
    assert!(library.share(&other.path().join("none")).await.is_err());
}
