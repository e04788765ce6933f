//! blobs/1 and the DHT between nodes.

use std::time::Duration;

use futures::StreamExt;
use tokio::time::timeout;

use super::{
    super::*,
    double::{AT_MOST, Manner, Node, assert_fault, collect, content, eventually, journey, node},
};
use crate::{
    model::{FaultKind, Piece},
    overlay::stranger::bare_hit,
};

async fn pair() -> (Node, Node) {
    let asker = node(|config| config.patience.stall = Duration::from_millis(300)).await;
    let source = node(|_| {}).await;
    asker.meet(&source).await;
    (asker, source)
}

async fn fetch(node: &Node, id: &ContentId, range: Range<u64>) -> (Vec<u8>, Option<Fault>) {
    collect(node.native.fetch(id, range, &[], &journey()).await.unwrap()).await
}

#[tokio::test]
async fn contents_of_every_size_arrive_whole() {
    let (asker, source) = pair().await;
    for size in [0, 1, 16_383, 16_384, 16_385, (5 << 20) + 3] {
        let data = content(size);
        let id = source.offer.put("file", data.clone(), Manner::Honest);
        let fetched = asker.native.fetch(&id, 0..u64::MAX, &[], &journey()).await.unwrap();
        assert_eq!((fetched.size, &fetched.source), (size as u64, &source.id()));
        assert_eq!(collect(fetched).await, (data, None), "{size}");
    }
    let moved = 1 + 16_383 + 16_384 + 16_385 + (5 << 20) + 3;
    assert_eq!(asker.native.status().bytes_in, moved);
    assert!(source.native.status().bytes_out >= moved);
}

#[tokio::test]
async fn quic_carries_contents_as_well() {
    let quic = |config: &mut NativeConfig| config.listen = vec!["/ip4/127.0.0.1/udp/0/quic-v1".into()];
    let (asker, source) = (node(quic).await, node(quic).await);
    asker.meet(&source).await;
    let data = content(3 << 20);
    let id = source.offer.put("file", data.clone(), Manner::Honest);
    assert_eq!(fetch(&asker, &id, 0..u64::MAX).await, (data, None));
}

#[tokio::test]
async fn a_range_brings_the_groups_that_it_touches_and_ends_where_the_content_does() {
    let (asker, source) = pair().await;
    let data = content(100_000);
    let id = source.offer.put("file", data.clone(), Manner::Honest);
    for (range, want) in [
        (20_000..20_001, 16_384..32_768),
        (16_384..32_768, 16_384..32_768),
        (90_000..1 << 60, 81_920..100_000),
        (0..100_000, 0..100_000),
        (100_000..200_000, 0..0),
        (50..50, 0..0),
    ] {
        assert_eq!(fetch(&asker, &id, range.clone()).await, (data[want].to_vec(), None), "{range:?}");
    }
}

#[tokio::test]
async fn a_peer_that_sends_other_bytes_is_refused_and_not_asked_again() {
    let (asker, liar) = pair().await;
    let data = content(200_000);
    let id = liar.offer.put("file", data.clone(), Manner::Forged);
    let (bytes, fault) = fetch(&asker, &id, 0..u64::MAX).await;
    assert_eq!(bytes, data[..bytes.len()], "what was proved before is right");
    let fault = fault.unwrap();
    assert!(fault.message.contains(&liar.id()) && fault.message.contains("do not belong"), "{fault}");
    assert_eq!(asker.native.lies(), 1);
    assert_fault(asker.native.fetch(&id, 0..1, &[], &journey()).await, FaultKind::NotFound, "nobody in overlay home");

    let honest = node(|_| {}).await;
    honest.offer.put("file", data.clone(), Manner::Honest);
    asker.meet(&honest).await;
    assert_eq!(fetch(&asker, &id, 0..u64::MAX).await, (data, None));
    let other = liar.offer.put("other", content(10), Manner::Honest);
    assert_eq!(fetch(&asker, &other, 0..10).await, (content(10), None), "other contents are still taken from it");
}

#[tokio::test]
async fn a_source_that_stalls_changes_or_has_a_part_only_is_named() {
    let (asker, source) = pair().await;
    let cases = [
        (Manner::Stalled(100_000), "has sent nothing"),
        (Manner::Changed, "no longer has content"),
        (Manner::Partial(40_000), "bytes 32768 to 200000"),
    ];
    for (salt, (manner, part)) in cases.into_iter().enumerate() {
        let data = content(200_000 - salt);
        let id = source.offer.put("file", data.clone(), manner);
        let (bytes, fault) = fetch(&asker, &id, 0..200_000).await;
        assert_eq!(bytes, data[..bytes.len()]);
        assert_fault(
            fault.map_or(Ok(()), Err),
            FaultKind::Unavailable,
            &part.replace("200000", &data.len().to_string()),
        );
    }
    assert_eq!(asker.native.lies(), 0);
}

#[tokio::test]
async fn sources_to_avoid_are_avoided_and_what_nobody_has_is_not_found() {
    let (asker, source) = pair().await;
    let id = source.offer.put("file", content(10), Manner::Honest);
    let avoided = asker.native.fetch(&id, 0..10, &[source.id()], &journey()).await;
    assert_fault(avoided, FaultKind::NotFound, &id.to_string());
    let unknown = ContentId::native([9; 32]);
    assert_fault(
        asker.native.fetch(&unknown, 0..10, &[], &journey()).await,
        FaultKind::NotFound,
        "nobody in overlay home",
    );
    assert_fault(asker.native.locate(&unknown, &journey()).await, FaultKind::NotFound, "nobody in overlay home");
    let foreign = "btih:0123456789abcdef0123456789abcdef01234567".parse().unwrap();
    assert_fault(
        asker.native.fetch(&foreign, 0..10, &[], &journey()).await,
        FaultKind::NotFound,
        "nobody in overlay home",
    );
}

#[tokio::test]
async fn a_content_is_located_with_its_record_and_all_its_sources() {
    let (asker, source) = pair().await;
    let second = node(|_| {}).await;
    second.meet(&asker).await;
    let id = source.offer.put("map.txt", content(10), Manner::Honest);
    second.offer.put("map.txt", content(10), Manner::Honest);
    let located = asker.native.locate(&id, &journey()).await.unwrap();
    assert_eq!((located.hit.name.as_str(), located.hit.size, located.hit.overlay.as_str()), ("map.txt", 10, "home"));
    assert_eq!((located.providers, located.hit.providers), (2, 2));
}

#[tokio::test]
async fn what_is_published_is_found_through_the_dht_by_a_node_further_away() {
    let (provider, middle, asker) = (node(|_| {}).await, node(|_| {}).await, node(|_| {}).await);
    let data = content(70_000);
    let id = provider.offer.put("file", data.clone(), Manner::Honest);
    // Published before anybody is there to hear of it: it is announced again when a peer joins.
    provider.native.publish(std::slice::from_ref(&id)).await.unwrap();
    provider.meet(&middle).await;
    eventually(|| middle.native.kept_records() == 1).await;
    asker.meet(&middle).await;
    asker.native.locate(&id, &journey()).await.unwrap();
    assert!(asker.has_peer(&provider.id()), "the provider was dialled");
    assert_eq!(fetch(&asker, &id, 0..u64::MAX).await, (data, None));
    provider.native.withdraw(&id).await.unwrap();
}

#[tokio::test]
async fn a_fetch_that_is_dropped_frees_its_source() {
    let (asker, source) = pair().await;
    let id = source.offer.put("file", content(8 << 20), Manner::Honest);
    for _ in 0..100 {
        drop(asker.native.fetch(&id, 0..u64::MAX, &[], &journey()).await.unwrap());
    }
    assert_eq!(fetch(&asker, &id, 0..1).await.0.len(), 16_384);
}

#[tokio::test]
async fn many_streams_at_once_lose_none() {
    let (asker, source) = pair().await;
    let data = content(40_000);
    let id = source.offer.put("file", data.clone(), Manner::Honest);
    let fetches = (0..500).map(|_| fetch(&asker, &id, 0..u64::MAX));
    let all = timeout(AT_MOST, futures::future::join_all(fetches)).await.expect("all of them end");
    assert!(all.into_iter().all(|fetched| fetched == (data.clone(), None)));
}

#[tokio::test]
async fn what_others_announced_is_kept_over_a_restart() {
    let (provider, keeper) = (node(|_| {}).await, node(|_| {}).await);
    let id = provider.offer.put("file", content(10), Manner::Honest);
    provider.meet(&keeper).await;
    provider.native.publish(std::slice::from_ref(&id)).await.unwrap();
    eventually(|| keeper.native.kept_records() == 1).await;
    keeper.native.stop().await;
    let mut records = Records::new(PeerId::random(), Room::default());
    assert_eq!(records_file::load(&records_file::path(keeper.state()), &mut records).unwrap(), 1);
}

/// The pieces of a range of a content, as a fetch brings them.
async fn pieces_of(data: &[u8], range: Range<u64>) -> Vec<Outcome<Piece>> {
    let (asker, source) = pair().await;
    let id = source.offer.put("file", data.to_vec(), Manner::Honest);
    asker.native.fetch(&id, range, &[], &journey()).await.unwrap().pieces.collect().await
}

#[tokio::test]
async fn what_a_peer_brings_from_further_away_is_proved_here_as_well() {
    let data = content(3_000_001);
    let (asker, gateway) = pair().await;
    let id = ContentId::native(blake3::hash(&data));
    gateway.offer.list(bare_hit(&id, 3_000_001, "far"));
    let whole = pieces_of(&data, 0..u64::MAX).await;
    for (range, pieces) in [(0..u64::MAX, whole.clone()), (40_000..90_000, pieces_of(&data, 40_000..90_000).await)] {
        gateway.offer.brought.lock().unwrap().insert(id.clone(), (3_000_001, pieces));
        let want = &data[range.start as usize / 16_384 * 16_384..98_304.max(range.end.min(3_000_001) as usize)];
        assert_eq!(fetch(&asker, &id, range).await, (want.to_vec(), None));
    }

    let mut forged = whole.clone();
    let last = forged.last_mut().unwrap().as_mut().unwrap();
    last.data = vec![0; last.data.len()].into();
    let mut broken = whole[..50].to_vec();
    broken.push(Err(Fault::unavailable("the far side is down")));
    let mut gap = whole.clone();
    drop(gap.remove(7));
    for (pieces, part) in [(broken, "failed"), (gap, "failed"), (forged, "do not belong")] {
        gateway.offer.brought.lock().unwrap().insert(id.clone(), (3_000_001, pieces));
        let (bytes, fault) = fetch(&asker, &id, 0..u64::MAX).await;
        assert_eq!(bytes, data[..bytes.len()]);
        assert_fault(fault.map_or(Ok(()), Err), FaultKind::Unavailable, part);
    }
}

#[tokio::test]
async fn contents_of_other_networks_come_as_they_are_and_are_compared_at_the_end() {
    let (asker, gateway) = pair().await;
    let piece = |offset, data: &'static [u8]| Ok(Piece { offset, data: data.into(), parents: Vec::new() });
    for (text, size, pieces, want) in [
        ("cat:archive:1", 10, vec![piece(0, b"lorem"), piece(5, b"ipsum")], &b"loremipsum"[..]),
        ("cat:archive:empty", 0, vec![], b""),
    ] {
        let id: ContentId = text.parse().unwrap();
        gateway.offer.brought.lock().unwrap().insert(id.clone(), (size, pieces));
        assert_eq!(
            gateway.native.fetch(&id, 0..1, &[], &journey()).await.err().map(|f| f.kind),
            Some(FaultKind::NotFound)
        );
        gateway.offer.list(bare_hit(&id, size, "far"));
        assert_eq!(asker.native.locate(&id, &journey()).await.unwrap().hit.size, size);
        assert_eq!(fetch(&asker, &id, 0..u64::MAX).await, (want.to_vec(), None), "{text}");
    }
    let id: ContentId = "cat:archive:short".parse().unwrap();
    gateway.offer.brought.lock().unwrap().insert(id.clone(), (10, vec![piece(0, b"lorem")]));
    gateway.offer.list(bare_hit(&id, 10, "far"));
    let (bytes, fault) = fetch(&asker, &id, 0..u64::MAX).await;
    assert_eq!(bytes, b"lorem");
    assert_fault(fault.map_or(Ok(()), Err), FaultKind::Unavailable, "cat:archive:short");
}
