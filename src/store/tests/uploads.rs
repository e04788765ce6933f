//! Contents that are sent in parts, over crashes.

use super::*;
use crate::model::{FaultKind, Sha256};

async fn begin(store: &Store, size: Option<u64>) -> Arc<Upload> {
    store.begin_upload(uuid::Uuid::now_v7().simple().to_string(), named("parts.bin"), size).await.unwrap()
}

async fn append(upload: &Arc<Upload>, bytes: &[u8], at: std::ops::Range<usize>) -> Outcome<()> {
    upload.append(at.start as u64, parts(&bytes[at])).await
}

fn refused<T>(outcome: Outcome<T>) -> (FaultKind, String) {
    let fault = outcome.err().expect("a fault");
    (fault.kind, fault.message)
}

fn uploads_in(dir: &Path) -> usize {
    std::fs::read_dir(dir.join("uploads")).unwrap().count()
}

#[tokio::test]
async fn parts_in_any_order_become_the_content_of_their_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let data = noise(1_000_003);
    for size in [Some(data.len() as u64), None] {
        let upload = begin(&store, size).await;
        for at in [700_000..data.len(), 0..3, 3..300_000, 500_000..700_000, 300_000..500_000] {
            append(&upload, &data, at).await.unwrap();
        }
        assert_eq!((upload.received(), upload.reserved()), (data.len() as u64, data.len() as u64));
        let content = upload.commit(None).await.unwrap();
        assert_eq!(content.content_id, ContentId::native(blake3::hash(&data)));
        let reader = store.reader(&content.content_id).await.unwrap().unwrap();
        assert_eq!(whole(&reader).await.unwrap(), data);
        assert_eq!(find(&store, "parts").await, ["parts.bin"]);
        assert_eq!(uploads_in(dir.path()), 0);
        assert_eq!(refused(append(&upload, &data, 0..3).await).0, FaultKind::Conflict);
    }
}

#[tokio::test]
async fn an_upload_without_bytes_is_an_empty_content() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let upload = begin(&store, Some(0)).await;
    append(&upload, &[], 0..0).await.unwrap();
    assert_eq!(upload.commit(None).await.unwrap().size, 0);
}

#[tokio::test]
async fn overlaps_are_named_and_repetitions_are_done() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let data = noise(300_000);
    let upload = begin(&store, Some(300_000)).await;
    append(&upload, &data, 100_000..200_000).await.unwrap();
    for at in [0..100_001, 199_999..250_000, 0..300_000, 150_000..250_000] {
        let (kind, message) = refused(append(&upload, &data, at.clone()).await);
        assert_eq!(kind, FaultKind::Conflict, "{message}");
        assert!(message.contains("100000-199999") || message.contains("here already"), "{at:?}: {message}");
    }
    append(&upload, &data, 100_000..200_000).await.unwrap();
    append(&upload, &data, 120_000..140_000).await.unwrap();
    let (kind, message) = refused(upload.append(120_000, parts(&noise(5))).await);
    assert!(kind == FaultKind::Conflict && message.contains("bytes 120000-120004"), "{message}");
    assert_eq!(upload.received(), 100_000);
    // What was refused has left no claim behind.
    append(&upload, &data, 200_000..300_000).await.unwrap();
    let (kind, message) = refused(upload.commit(None).await);
    assert!(kind == FaultKind::Conflict && message.contains("bytes 0-99999 of 300000"), "{message}");
    append(&upload, &data, 0..100_000).await.unwrap();
    assert_eq!(upload.commit(None).await.unwrap().content_id, ContentId::native(blake3::hash(&data)));
}

#[tokio::test]
async fn what_lies_outside_of_the_size_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let upload = begin(&store, Some(10)).await;
    for (offset, count) in [(0, 11), (10, 1), (11, 0), (u64::MAX, 1), (u64::MAX - 1, 5)] {
        let (kind, message) = refused(upload.append(offset, parts(&noise(count))).await);
        assert!(kind == FaultKind::InvalidRequest && message.contains("size was declared as 10"), "{message}");
    }
    let unknown = begin(&store, None).await;
    assert_eq!(refused(unknown.append(1 << 43, parts(b"x")).await).0, FaultKind::TooLarge);
    let beyond = store.begin_upload("x".into(), named("x"), Some(u64::MAX)).await;
    assert_eq!(refused(beyond).0, FaultKind::TooLarge);
    assert_eq!((upload.received(), unknown.received()), (0, 0));
}

#[tokio::test]
async fn a_part_that_breaks_off_leaves_nothing_and_blocks_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let data = noise(400_000);
    let upload = begin(&store, None).await;
    let broken = parts(&noise(300_000)).chain(stream::iter([Err(Fault::timeout("too slow"))])).boxed();
    assert_eq!(refused(upload.append(200_000, broken).await).0, FaultKind::Timeout);
    assert_eq!(upload.received(), 0);
    // The claim is given back in the background, once nothing can be written any more.
    while upload.idle_since().is_none() {
        tokio::task::yield_now().await;
    }
    append(&upload, &data, 0..400_000).await.unwrap();
    let content = upload.commit(None).await.unwrap();
    // The broken part had reached further than the content does.
    assert_eq!((content.size, &content.content_id), (400_000, &ContentId::native(blake3::hash(&data))));
}

#[tokio::test]
async fn bytes_that_another_call_writes_are_left_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let upload = begin(&store, Some(10)).await;
    let (pieces, stream) = futures::channel::mpsc::unbounded();
    let first = tokio::spawn({
        let upload = upload.clone();
        async move { upload.append(0, stream.boxed()).await }
    });
    pieces.unbounded_send(Ok(Bytes::from_static(b"01234"))).unwrap();
    while upload.idle_since().is_some() {
        tokio::task::yield_now().await;
    }
    let (kind, message) = refused(upload.append(3, parts(b"34567")).await);
    assert!(kind == FaultKind::Unavailable && message.contains("bytes 0-4"), "{message}");
    assert_eq!(refused(upload.commit(None).await).0, FaultKind::Conflict);
    upload.append(7, parts(b"789")).await.unwrap();
    pieces.unbounded_send(Ok(Bytes::from_static(b"56"))).unwrap();
    drop(pieces);
    first.await.unwrap().unwrap();
    assert_eq!(upload.commit(None).await.unwrap().content_id, ContentId::native(blake3::hash(b"0123456789")));
}

#[tokio::test]
async fn after_a_crash_every_acknowledged_byte_is_there_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let data = noise(500_000);
    let upload = begin(&store, Some(500_000)).await;
    append(&upload, &data, 0..100_000).await.unwrap();
    append(&upload, &data, 300_000..400_000).await.unwrap();
    let (pieces, stream) = futures::channel::mpsc::unbounded();
    pieces.unbounded_send(Ok(Bytes::copy_from_slice(&data[100_000..200_000]))).unwrap();
    let unfinished = tokio::spawn({
        let upload = upload.clone();
        async move { upload.append(100_000, stream.boxed()).await }
    });
    while upload.idle_since().is_some() {
        tokio::task::yield_now().await;
    }
    let crashed = copy_of(dir.path());
    drop(pieces);
    unfinished.await.unwrap().unwrap();

    let store = open(crashed.path()).await;
    let (uploads, committed) = store.uploads().await.unwrap();
    let [again] = &uploads[..] else { panic!("{} uploads", uploads.len()) };
    assert_eq!((again.id(), again.received(), committed.len()), (upload.id(), 200_000, 0));
    append(again, &data, 100_000..300_000).await.unwrap();
    append(again, &data, 400_000..500_000).await.unwrap();
    let hash = Sha256(sha2::Digest::finalize(sha2::Digest::chain_update(sha2::Sha256::default(), &data)).into());
    let content = again.commit(Some(hash)).await.unwrap();
    let reader = store.reader(&content.content_id).await.unwrap().unwrap();
    assert_eq!(whole(&reader).await.unwrap(), data);

    // A crash right after the commit's answer, and one before the upload's own file was removed.
    let crashed = copy_of(crashed.path());
    std::fs::write(crashed.path().join("uploads").join(format!("{}.data", blake3::hash(again.id().as_bytes()))), "x")
        .unwrap();
    let store = open(crashed.path()).await;
    let (uploads, committed) = store.uploads().await.unwrap();
    assert!(uploads.is_empty());
    assert_eq!((&committed[0].content_id, committed[0].sha256), (&content.content_id, Some(hash)));
    assert_eq!(uploads_in(crashed.path()), 0);
    store.forget_upload(again.id()).await.unwrap();
    assert!(store.uploads().await.unwrap().1.is_empty());
}

#[tokio::test]
async fn a_wrong_hash_is_named_and_the_upload_stays() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let upload = begin(&store, None).await;
    append(&upload, b"hello", 0..5).await.unwrap();
    let right: Sha256 = "2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824".parse().unwrap();
    let wrong = Sha256([7; 32]);
    let (kind, message) = refused(upload.commit(Some(wrong)).await);
    assert_eq!(kind, FaultKind::InvalidRequest);
    assert!(message.contains(&wrong.to_string()) && message.contains(&right.to_string()), "{message}");
    assert_eq!(store.totals(), (0, 0));
    assert_eq!(upload.commit(Some(right)).await.unwrap().size, 5);
}

#[tokio::test]
async fn bytes_that_are_published_already_are_taken_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let data = noise(100_000);
    publish(&store, "first.bin", &data).await;
    let upload = begin(&store, None).await;
    append(&upload, &data, 0..100_000).await.unwrap();
    assert_eq!(upload.commit(None).await.unwrap().name, "parts.bin");
    assert_eq!((store.totals(), uploads_in(dir.path())), ((1, 100_000), 0));
}

#[tokio::test]
async fn what_is_given_up_leaves_no_file_and_no_row() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let upload = begin(&store, None).await;
    append(&upload, &noise(100_000), 0..100_000).await.unwrap();
    upload.discard().await.unwrap();
    assert_eq!(uploads_in(dir.path()), 0);
    assert!(store.uploads().await.unwrap().0.is_empty());
    assert_eq!(refused(upload.append(0, parts(b"x")).await).0, FaultKind::Conflict);
    assert_eq!(refused(upload.commit(None).await).0, FaultKind::Conflict);
}

#[tokio::test]
async fn an_upload_whose_bytes_were_taken_away_is_not_offered_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let upload = begin(&store, None).await;
    append(&upload, &noise(100), 0..100).await.unwrap();
    store.close().await;
    let file = std::fs::read_dir(dir.path().join("uploads")).unwrap().next().unwrap().unwrap().path();
    std::fs::OpenOptions::new().write(true).open(file).unwrap().set_len(99).unwrap();
    let store = open(dir.path()).await;
    assert!(store.uploads().await.unwrap().0.is_empty());
    assert!(store.uploads().await.unwrap().0.is_empty());
}
