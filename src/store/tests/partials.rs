//! Contents on their way, over crashes.

use bao_tree::{
    BaoTree, BlockSize, ByteRanges,
    io::{BaoContentItem, round_up_to_chunks, round_up_to_chunks_groups},
};

use super::*;
use crate::model::{FaultKind, Parent, Piece};

/// The pieces of a range, as an overlay delivers them.
async fn pieces(from: &Arc<BlobReader>, range: std::ops::Range<u64>) -> Vec<Piece> {
    let block = BlockSize::from_chunk_log(4);
    let mut encoded = Vec::new();
    from.encode(range.clone(), &mut encoded).unwrap();
    let ranges = round_up_to_chunks_groups(round_up_to_chunks(&ByteRanges::from(range)), block);
    let tree = BaoTree::new(from.size(), block);
    let decoder = bao_tree::io::sync::DecodeResponseIter::new(from.hash(), tree, &encoded[..], &ranges);
    let (mut pieces, mut parents) = (Vec::new(), Vec::new());
    for item in decoder {
        match item.unwrap() {
            BaoContentItem::Parent(parent) => parents.push(Parent {
                node: parent.node.mid().0 - 1,
                pair: [*parent.pair.0.as_bytes(), *parent.pair.1.as_bytes()],
            }),
            BaoContentItem::Leaf(leaf) => {
                pieces.push(Piece { offset: leaf.offset, data: leaf.data, parents: std::mem::take(&mut parents) });
            }
        }
    }
    pieces
}

async fn source(size: usize) -> (tempfile::TempDir, Arc<Store>, Arc<BlobReader>) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let content = publish(&store, "source.bin", &noise(size)).await;
    let reader = store.reader(&content.content_id).await.unwrap().unwrap();
    (dir, store, reader)
}

#[tokio::test]
async fn a_transfer_in_parts_completes_and_proves_its_bytes_in_turn() {
    for size in [0, 5, 16384, 16385, (3 << 20) + 77] {
        let (_far, _store, source) = source(size).await;
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).await;
        let id = ContentId::native(source.hash());
        let partial = store.partial(&id, size as u64).await.unwrap();
        let middle = (size as u64) / 2;
        if size > 0 {
            partial.write(&pieces(&source, middle..size as u64).await).unwrap();
            let reader = store.reader(&id).await.unwrap().unwrap();
            let here = reader.available(middle..u64::MAX);
            assert_eq!(here, middle..size as u64);
            assert!(reader.read(here).await.is_ok() || size > 1 << 20);
            for missing in partial.missing(0..u64::MAX) {
                partial.write(&pieces(&source, missing).await).unwrap();
            }
        }
        assert!(partial.is_whole());
        let content = partial.complete(named("copy.bin")).await.unwrap();
        assert_eq!((content.size, &content.content_id), (size as u64, &id));
        assert_eq!(std::fs::read_dir(dir.path().join("partial")).unwrap().count(), 0);
        let reader = store.reader(&id).await.unwrap().unwrap();
        assert_eq!(whole(&reader).await.unwrap(), noise(size));
        assert_eq!(find(&store, "copy").await, ["copy.bin"]);
    }
}

#[tokio::test]
async fn after_a_crash_only_what_was_synced_is_claimed() {
    let size = 4 << 20;
    let (_far, _store, source) = source(size).await;
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let id = ContentId::native(source.hash());
    let partial = store.partial(&id, size as u64).await.unwrap();
    partial.write(&pieces(&source, 0..1 << 20).await).unwrap();
    partial.sync().unwrap();
    partial.write(&pieces(&source, 1 << 20..2 << 20).await).unwrap();
    let crashed = copy_of(dir.path());
    let store = open(crashed.path()).await;
    let partial = store.partial(&id, size as u64).await.unwrap();
    assert_eq!(partial.received(), 1 << 20);
    assert_eq!(partial.missing(0..u64::MAX), [1 << 20..size as u64]);
    partial.write(&pieces(&source, 1 << 20..size as u64).await).unwrap();
    partial.complete(named("x")).await.unwrap();
    let reader = store.reader(&id).await.unwrap().unwrap();
    assert_eq!(whole(&reader).await.unwrap(), noise(size));
}

#[tokio::test]
async fn a_map_that_was_cut_claims_nothing() {
    let (_far, _store, source) = source(1 << 20).await;
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let id = ContentId::native(source.hash());
    let partial = store.partial(&id, 1 << 20).await.unwrap();
    partial.write(&pieces(&source, 0..1 << 20).await).unwrap();
    partial.sync().unwrap();
    let map = store.files.path(files::Kind::PartialMap, source.hash().as_bytes());
    let bytes = std::fs::read(&map).unwrap();
    drop(partial);
    std::fs::write(&map, &bytes[..bytes.len() / 2]).unwrap();
    assert_eq!(store.partial(&id, 1 << 20).await.unwrap().received(), 0);
}

#[tokio::test]
async fn a_false_size_is_refused_once_something_is_proved() {
    let (_far, _store, source) = source(1 << 20).await;
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let id = ContentId::native(source.hash());
    store.partial(&id, 99).await.unwrap();
    let partial = store.partial(&id, 1 << 20).await.unwrap();
    assert_eq!(partial.size(), 1 << 20);
    partial.write(&pieces(&source, 0..GROUP).await).unwrap();
    let refused = |outcome: Outcome<Arc<Partial>>| outcome.err().unwrap().kind;
    assert_eq!(refused(store.partial(&id, 99).await), FaultKind::Conflict);
    assert_eq!(refused(store.partial(&id, u64::MAX).await), FaultKind::TooLarge);
    assert_eq!(partial.complete(named("x")).await.unwrap_err().kind, FaultKind::Conflict);
    let far = Piece { offset: 2 << 20, data: Bytes::from(vec![0; GROUP as usize]), parents: Vec::new() };
    let askew = Piece { offset: 1, data: Bytes::from(vec![0; GROUP as usize]), parents: Vec::new() };
    assert!(partial.write(&[far]).is_err() && partial.write(&[askew]).is_err());
    partial.discard().unwrap();
    assert_eq!(store.partial(&id, 1 << 20).await.unwrap().received(), 0);
}

#[tokio::test]
async fn nodes_that_no_overlay_gave_are_made_and_wrong_bytes_are_dropped() {
    let (_far, _store, source) = source(1 << 20).await;
    let id = ContentId::native(source.hash());
    for damage in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).await;
        let partial = store.partial(&id, 1 << 20).await.unwrap();
        let mut pieces = pieces(&source, 0..1 << 20).await;
        for piece in &mut pieces {
            piece.parents.clear();
        }
        if damage {
            pieces[7].data = Bytes::from(vec![0; GROUP as usize]);
        }
        partial.write(&pieces).unwrap();
        let completed = partial.complete(named("x")).await;
        assert_eq!(completed.is_ok(), !damage);
        assert_eq!(partial.received(), if damage { 0 } else { 1 << 20 });
    }
}
