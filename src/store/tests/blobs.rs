//! Publishing, reading and proving bytes.

use bao_tree::{
    BaoTree, BlockSize, ByteRanges,
    io::{
        outboard::PreOrderMemOutboard,
        round_up_to_chunks, round_up_to_chunks_groups,
        sync::{decode_ranges, encode_ranges_validated},
    },
};

use super::*;
use crate::model::FaultKind;

const BLOCK: BlockSize = BlockSize::from_chunk_log(4);
const SIZES: [usize; 10] = [0, 1, 16383, 16384, 16385, 3 << 14, 33 << 14, 1 << 20, (5 << 20) + 3, (64 << 14) + 1];

fn ranges(size: u64) -> Vec<std::ops::Range<u64>> {
    let middle = size / 2;
    vec![
        0..size,
        0..1,
        middle..middle + 1,
        middle.saturating_sub(20_000)..middle + 20_000,
        size.saturating_sub(1)..size,
    ]
}

#[tokio::test]
async fn what_was_published_is_read_back_and_proved_as_bao_tree_does() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for size in SIZES {
        let data = noise(size);
        let content = publish(&store, &format!("{size}.bin"), &data).await;
        assert_eq!(content.content_id, ContentId::native(blake3::hash(&data)));
        let reader = store.reader(&content.content_id).await.unwrap().unwrap();
        assert_eq!(whole(&reader).await.unwrap(), data, "{size}");
        let outboard = PreOrderMemOutboard::create(&data, BLOCK);
        for range in ranges(size as u64) {
            let range = range.start..range.end.min(size as u64);
            if range.is_empty() {
                continue;
            }
            let mut ours = Vec::new();
            reader.encode(range.clone(), &mut ours).unwrap();
            let wanted = round_up_to_chunks(&ByteRanges::from(range.clone()));
            let wanted = round_up_to_chunks_groups(wanted, BLOCK);
            let mut theirs = Vec::new();
            encode_ranges_validated(&data, &outboard, &wanted, &mut theirs).unwrap();
            assert!(ours == theirs, "{size} {range:?}: {} and {} bytes", ours.len(), theirs.len());
            let mut decoded = vec![0; size];
            let tree = BaoTree::new(size as u64, BLOCK);
            let mut empty = bao_tree::io::outboard::EmptyOutboard { tree, root: reader.hash() };
            decode_ranges(&ours[..], &wanted, &mut decoded, &mut empty).unwrap();
            let (from, to) = (range.start as usize, range.end as usize);
            assert_eq!(decoded[from..to], data[from..to]);
            if range.end - range.start <= MAX_READ {
                assert_eq!(reader.read(range).await.unwrap(), data[from..to]);
            }
        }
    }
}

#[tokio::test]
async fn a_read_is_bounded_and_cut_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let content = publish(&store, "x", &noise(3 << 20)).await;
    let reader = store.reader(&content.content_id).await.unwrap().unwrap();
    assert_eq!(reader.read(0..MAX_READ + 1).await.unwrap_err().kind, FaultKind::TooLarge);
    assert_eq!(reader.read((3 << 20) - 5..u64::MAX).await.unwrap().len(), 5);
    assert!(reader.read(4 << 20..5 << 20).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_stream_that_breaks_off_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let broken = parts(&noise(200_000)).chain(stream::iter([Err(Fault::timeout("too slow"))])).boxed();
    assert_eq!(store.publish(named("x"), broken).await.unwrap_err().kind, FaultKind::Timeout);
    for folder in ["tmp", "blobs"] {
        assert_eq!(std::fs::read_dir(dir.path().join(folder)).unwrap().count(), 0, "{folder}");
    }
    assert_eq!(store.totals(), (0, 0));
}

#[tokio::test]
async fn the_same_bytes_keep_their_id_and_take_the_newest_labels() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let mut changes = store.changes();
    let first = publish(&store, "first.txt", b"same").await;
    let second = publish(&store, "second.pdf", b"same").await;
    assert_eq!(first.content_id, second.content_id);
    assert_eq!((second.name.as_str(), second.media_type.as_str()), ("second.pdf", "application/pdf"));
    assert_eq!(first.published, second.published);
    assert_eq!(store.totals(), (1, 4));
    let changed = Changes { description: Some("words".into()), ..Changes::default() };
    assert_eq!(store.update(&first.content_id, changed).await.unwrap().name, "second.pdf");
    assert_eq!(find(&store, "words").await, ["second.pdf"]);
    assert!(store.unpublish(&first.content_id).await.unwrap());
    assert!(!store.unpublish(&first.content_id).await.unwrap());
    assert!(store.reader(&first.content_id).await.unwrap().is_none());
    let id = first.content_id.clone();
    let overlays = vec!["main".to_owned()];
    assert_eq!(changes.try_recv().unwrap(), Change::Published { id: id.clone(), overlays: overlays.clone() });
    assert_eq!(changes.try_recv().unwrap(), Change::Updated { id: id.clone(), overlays: overlays.clone() });
    assert_eq!(changes.try_recv().unwrap(), Change::Updated { id: id.clone(), overlays: overlays.clone() });
    assert_eq!(changes.try_recv().unwrap(), Change::Withdrawn { id, overlays });
}

#[tokio::test]
async fn damaged_bytes_never_leave() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let content = publish(&store, "x", &noise(100_000)).await;
    let path = store.files.path(files::Kind::Blob, content.content_id.hash().unwrap().as_bytes());
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[50_000] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let reader = store.reader(&content.content_id).await.unwrap().unwrap();
    assert!(reader.read(0..20_000).await.is_ok());
    assert_eq!(whole(&reader).await.unwrap_err().kind, FaultKind::Unavailable);
    let mut out = Vec::new();
    assert_eq!(reader.encode(0..100_000, &mut out).unwrap_err().kind(), std::io::ErrorKind::InvalidData);
}

#[tokio::test]
async fn bytes_that_were_never_acknowledged_are_swept() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let kept = publish(&store, "kept", &noise(50_000)).await;
    store.close().await;
    let stray = store.files.path(files::Kind::Blob, &[7; 32]);
    std::fs::create_dir_all(stray.parent().unwrap()).unwrap();
    std::fs::write(&stray, "stray").unwrap();
    let store = open(dir.path()).await;
    assert!(!stray.exists());
    let reader = store.reader(&kept.content_id).await.unwrap().unwrap();
    assert_eq!(whole(&reader).await.unwrap(), noise(50_000));
}
