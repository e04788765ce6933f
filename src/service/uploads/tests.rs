//! Uploads as their callers see them: limits, repetition and expiry, without a network.

use bytes::Bytes;
use futures::{StreamExt, stream};

use super::*;
use crate::model::FaultKind;

const POLICY: Policy = Policy { uploads: 3, bytes: 1_000, inline_bytes: 4 << 20, expire: Duration::from_secs(3600) };

async fn uploads(dir: &std::path::Path) -> Arc<Uploads> {
    Uploads::restore(Store::open(dir).await.unwrap(), POLICY).await.unwrap()
}

fn named() -> NewContent {
    NewContent { name: "parts.bin".into(), overlays: vec!["main".into()], ..NewContent::default() }
}

fn bytes(count: usize) -> ByteStream {
    stream::iter([Ok(Bytes::from(vec![7; count]))]).boxed()
}

fn refused<T>(outcome: Outcome<T>) -> (FaultKind, String) {
    let fault = outcome.err().expect("a fault");
    (fault.kind, fault.message)
}

/// A moment so many seconds from now.
fn after(seconds: i64) -> Time {
    Time::from_millis(Time::now().as_millis() + seconds * 1000)
}

#[tokio::test]
async fn number_and_bytes_are_bounded_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let uploads = uploads(dir.path()).await;
    let (kind, message) = refused(uploads.begin(named(), Some(1_001)).await);
    assert!(kind == FaultKind::TooLarge && message.contains("limits.upload_bytes"), "{message}");
    let declared = uploads.begin(named(), Some(600)).await.unwrap();
    assert_eq!((declared.received, declared.chunk_size), (0, 4 << 20));
    let (kind, message) = refused(uploads.begin(named(), Some(401)).await);
    assert!(kind == FaultKind::LimitExceeded && message.contains("limits.upload_bytes"), "{message}");
    let unknown = uploads.begin(named(), None).await.unwrap();
    uploads.append(&unknown.upload_id, 0, bytes(300)).await.unwrap();
    let (kind, message) = refused(uploads.append(&unknown.upload_id, 300, bytes(101)).await);
    assert!(kind == FaultKind::LimitExceeded && message.contains("limits.upload_bytes"), "{message}");
    assert_eq!(uploads.append(&unknown.upload_id, 300, bytes(100)).await.unwrap().received, 400);
    // What was set aside can be filled.
    assert_eq!(uploads.append(&declared.upload_id, 0, bytes(600)).await.unwrap().received, 600);
    let third = uploads.begin(named(), None).await.unwrap();
    let (kind, message) = refused(uploads.begin(named(), None).await);
    assert!(kind == FaultKind::LimitExceeded && message.contains("limits.uploads"), "{message}");
    assert!(uploads.abort(&declared.upload_id).await.unwrap());
    assert!(uploads.begin(named(), Some(600)).await.is_ok());
    assert!(uploads.append(&third.upload_id, 0, bytes(1)).await.is_err());
}

#[tokio::test]
async fn a_commit_is_answered_again_and_knows_another_hash() {
    let dir = tempfile::tempdir().unwrap();
    let right: Sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824".parse().unwrap();
    let (plain, checked, content) = {
        let uploads = uploads(dir.path()).await;
        let mut ids = Vec::new();
        let mut contents = Vec::new();
        for sha256 in [None, Some(right)] {
            let id = uploads.begin(named(), None).await.unwrap().upload_id;
            uploads.append(&id, 0, stream::iter([Ok(Bytes::from_static(b"hello"))]).boxed()).await.unwrap();
            contents.push(uploads.commit(&id, sha256).await.unwrap());
            assert_eq!(uploads.commit(&id, sha256).await.unwrap(), contents[0], "answered again");
            ids.push(id);
        }
        uploads.store.close().await;
        (ids.remove(0), ids.remove(0), contents.remove(0))
    };
    // A restart forgets none of it.
    let uploads = uploads(dir.path()).await;
    assert_eq!(uploads.commit(&plain, None).await.unwrap().content_id, content.content_id);
    assert_eq!(uploads.commit(&checked, Some(right)).await.unwrap().content_id, content.content_id);
    assert_eq!(uploads.commit(&checked, None).await.unwrap().content_id, content.content_id);
    assert_eq!(refused(uploads.commit(&checked, Some(Sha256([0; 32]))).await).0, FaultKind::InvalidRequest);
    assert_eq!(refused(uploads.commit(&plain, Some(right)).await).0, FaultKind::Conflict);
    assert_eq!(refused(uploads.abort(&plain).await).0, FaultKind::Conflict);
    assert_eq!(refused(uploads.append(&plain, 0, bytes(1)).await).0, FaultKind::Conflict);
    uploads.store.unpublish(&content.content_id).await.unwrap();
    let (kind, message) = refused(uploads.commit(&plain, None).await);
    assert!(kind == FaultKind::Conflict && message.contains("unpublished"), "{message}");
}

#[tokio::test]
async fn simultaneous_commits_get_one_content() {
    let dir = tempfile::tempdir().unwrap();
    let uploads = uploads(dir.path()).await;
    let id = uploads.begin(named(), Some(900)).await.unwrap().upload_id;
    uploads.append(&id, 0, bytes(900)).await.unwrap();
    let commits = futures::future::join_all((0..5).map(|_| uploads.commit(&id, None))).await;
    assert!(commits.iter().all(|content| content.as_ref().unwrap().size == 900));
}

#[tokio::test]
async fn what_nobody_comes_back_for_expires_and_what_is_worked_on_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let uploads = uploads(dir.path()).await;
    let abandoned = uploads.begin(named(), Some(100)).await.unwrap().upload_id;
    let busy = uploads.begin(named(), None).await.unwrap().upload_id;
    let committed = uploads.begin(named(), None).await.unwrap().upload_id;
    uploads.commit(&committed, None).await.unwrap();
    let (pieces, stream) = futures::channel::mpsc::unbounded();
    pieces.unbounded_send(Ok(Bytes::from_static(b"x"))).unwrap();
    let append = tokio::spawn({
        let (uploads, busy) = (uploads.clone(), busy.clone());
        async move { uploads.append(&busy, 0, stream.boxed()).await }
    });
    while uploads.find(&busy).unwrap().unwrap().upload.idle_since().is_some() {
        tokio::task::yield_now().await;
    }
    uploads.expire(after(3500)).await;
    assert!(uploads.find(&abandoned).is_ok() && uploads.find(&committed).is_ok());
    uploads.expire(after(3700)).await;
    assert_eq!(refused(uploads.append(&abandoned, 0, bytes(1)).await).0, FaultKind::NotFound);
    assert_eq!(refused(uploads.commit(&committed, None).await).0, FaultKind::NotFound);
    assert_eq!(std::fs::read_dir(dir.path().join("uploads")).unwrap().count(), 1);
    drop(pieces);
    assert_eq!(append.await.unwrap().unwrap().received, 1);
    assert!(!uploads.abort(&abandoned).await.unwrap(), "there is nothing to give up any more");
    assert_eq!(uploads.store.totals().0, 1, "a content stays when its upload is forgotten");
}
