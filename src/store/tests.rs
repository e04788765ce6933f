//! The store as its users see it, over crashes, damage and changes behind its back.

mod aliases;
mod blobs;
mod partials;
mod search;
mod sharing;
mod uploads;

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};

use super::*;
use crate::model::ByteStream;

/// Bytes that repeat nowhere near, the same every time.
fn noise(size: usize) -> Vec<u8> {
    let mut out = vec![0; size];
    blake3::Hasher::new().update(&size.to_le_bytes()).finalize_xof().fill(&mut out);
    out
}

fn parts(bytes: &[u8]) -> ByteStream {
    let parts: Vec<_> = bytes.chunks(70_001).map(|part| Ok(Bytes::copy_from_slice(part))).collect();
    stream::iter(parts).boxed()
}

fn named(name: &str) -> NewContent {
    NewContent { name: name.into(), overlays: vec!["main".into()], ..NewContent::default() }
}

async fn open(dir: &Path) -> Arc<Store> {
    Store::open(dir).await.unwrap()
}

async fn publish(store: &Store, name: &str, bytes: &[u8]) -> Arc<Content> {
    store.publish(named(name), parts(bytes)).await.unwrap()
}

async fn find(store: &Store, query: &str) -> Vec<String> {
    let found = store.search(&Query::parse(query, 50).unwrap()).await.unwrap();
    found.into_iter().map(|(_, content)| content.name.clone()).collect()
}

async fn whole(reader: &Arc<BlobReader>) -> Outcome<Vec<u8>> {
    reader.stream(0..u64::MAX).try_collect::<Vec<Bytes>>().await.map(|parts| parts.concat())
}

/// A copy of a data folder as a crash would leave it.
fn copy_of(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in walkdir::WalkDir::new(dir).min_depth(1).into_iter().flatten() {
        let to = copy.path().join(entry.path().strip_prefix(dir).unwrap());
        match entry.file_type().is_dir() {
            true => std::fs::create_dir_all(to).unwrap(),
            false => drop(std::fs::copy(entry.path(), to).unwrap()),
        }
    }
    copy
}

#[tokio::test]
async fn a_second_store_on_one_folder_is_refused_until_the_first_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    assert!(matches!(Store::open(dir.path()).await, Err(StoreError::Locked(_))));
    store.close().await;
    open(dir.path()).await.close().await;
}

#[tokio::test]
async fn transfers_and_peer_notes_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let transfer = crate::model::Transfer {
        transfer_id: "t1".into(),
        content_id: ContentId::native([1; 32]),
        name: "x".into(),
        size: Some(7),
        received: 3,
        rate: 0,
        sources: 0,
        state: crate::model::TransferState::Paused,
        error: Some("why".into()),
        started: crate::model::Time::now(),
        finished: None,
        priority: -2,
    };
    let row = TransferRow { transfer, overlays: vec!["main".into()] };
    store.save_transfer(&row, &[]).await.unwrap();
    let note = PeerNote {
        overlay: "main".into(),
        peer_id: "12D3".into(),
        alias: Some("Ann".into()),
        trusted: true,
        blocked: false,
    };
    store.save_peer_note(&note).await.unwrap();
    store.close().await;
    let store = open(dir.path()).await;
    assert_eq!(store.transfers().await.unwrap(), [row]);
    assert!(store.delete_transfer("t1").await.unwrap());
    assert!(!store.delete_transfer("t1").await.unwrap());
    assert_eq!(store.peer_note("main", "12D3").await.unwrap(), Some(note.clone()));
    store.save_peer_note(&PeerNote { alias: None, trusted: false, ..note }).await.unwrap();
    assert!(store.peer_notes().await.unwrap().is_empty());
}
