//! Contents are located, and their bytes come as the trait promises.

use std::ops::Range;

use futures::StreamExt;

use super::{Kind, NEAR, within};
use crate::{
    model::{ContentId, FaultKind, Piece},
    overlay::{
        Fetch,
        double::{Article, content},
    },
};

const GROUP: u64 = 16 << 10;

/// The pieces of a fetch that ends well.
async fn pieces(fetch: Fetch) -> Vec<Piece> {
    let pieces: Vec<_> = within("the fetch ends", fetch.pieces.collect()).await;
    pieces.into_iter().map(|piece| piece.expect("no fault")).collect()
}

/// Checks that pieces are what a range of an article brings.
fn assert_bring<K: Kind>(kind: &K, pieces: &[Piece], article: &Article, range: &Range<u64>) {
    let is_native = kind.id_of(article).hash().is_some();
    let groups = article.groups(range.clone());
    let mut place = groups.start;
    for Piece { offset, data, .. } in pieces {
        assert_eq!(*offset, place, "in order, without gaps, from the group of the first byte on: {range:?}");
        let fits = data.len() as u64 <= GROUP || !is_native;
        assert!(fits && !data.is_empty(), "a group at most, of native content: {}", data.len());
        place += data.len() as u64;
        assert!(place <= groups.end, "no more than the groups of the range: {place} of {groups:?}");
        assert!(*data == article.data[*offset as usize..place as usize], "byte for byte");
    }
    let wanted = range.start..range.end.min(article.hit.size);
    assert!(place >= wanted.end || wanted.is_empty(), "all of it: {place} of {wanted:?}");
    assert!(!pieces.is_empty() || wanted.is_empty());
}

pub async fn locates_what_is_there<K: Kind>() {
    let article = Article::new("map.txt", content(100_000));
    let kind = K::holding([article.clone(), Article::new("other", content(5))]).await;
    let located = kind.overlay().locate(&kind.id_of(&article), &kind.journey()).await.unwrap();
    assert_eq!((located.hit.content_id, located.providers), (kind.id_of(&article), 1));
    assert_eq!((located.hit.size, located.hit.overlay.as_str()), (100_000, NEAR));
    assert!(located.hit.name == "map.txt" || !K::TALENTS.records, "{}", located.hit.name);
}

pub async fn does_not_locate_what_is_not<K: Kind>() {
    let kind = K::holding([Article::new("map", content(10))]).await;
    let overlay = kind.overlay();
    let foreign: ContentId = "btih:0123456789abcdef0123456789abcdef01234567".parse().unwrap();
    for (id, allowed) in
        [(kind.unknown_id(), &[FaultKind::NotFound][..]), (foreign, &[FaultKind::NotFound, FaultKind::Unsupported])]
    {
        let located = within("locate", overlay.locate(&id, &kind.journey())).await.unwrap_err();
        let fetched = within("fetch", overlay.fetch(&id, 0..1, &[], &kind.journey())).await.err().unwrap();
        for fault in [located, fetched] {
            assert!(allowed.contains(&fault.kind), "{id}: {fault}");
        }
    }
}

pub async fn brings_contents_of_every_size<K: Kind>() {
    let sizes = [0, 1, 16_383, 16_384, 16_385, 32_768, (3 << 20) + 1];
    let articles = sizes.map(|size| Article::new(&format!("{size} bytes"), content(size)));
    let kind = K::holding(articles.clone()).await;
    for article in articles {
        let size = article.hit.size;
        let fetch = kind.overlay().fetch(&kind.id_of(&article), 0..u64::MAX, &[], &kind.journey()).await;
        let fetch = fetch.unwrap_or_else(|fault| panic!("{size} bytes: {fault}"));
        assert_eq!(fetch.size, size);
        assert!(!fetch.source.is_empty());
        assert_bring(&kind, &pieces(fetch).await, &article, &(0..u64::MAX));
    }
}

pub async fn brings_ranges_from_the_group_on<K: Kind>() {
    let article = Article::new("map", content(100_000));
    let empty = Article::new("nothing", content(0));
    let kind = K::holding([article.clone(), empty.clone()]).await;
    let ranges = [
        0..1,
        0..100_000,
        20_000..20_001,
        16_384..32_768,
        16_383..16_385,
        40_000..90_000,
        99_999..100_000,
        90_000..1 << 60,
        100_000..200_000,
        1 << 40..1 << 41,
        50..50,
    ];
    for range in ranges {
        let fetch = kind.overlay().fetch(&kind.id_of(&article), range.clone(), &[], &kind.journey()).await;
        let fetch = fetch.unwrap_or_else(|fault| panic!("{range:?}: {fault}"));
        assert_eq!(fetch.size, 100_000, "{range:?}");
        assert_bring(&kind, &pieces(fetch).await, &article, &range);
    }
    for range in [0..0, 0..10, 5..10] {
        let fetch = kind.overlay().fetch(&kind.id_of(&empty), range, &[], &kind.journey()).await.unwrap();
        assert_eq!((fetch.size, pieces(fetch).await.len()), (0, 0));
    }
}

pub async fn pieces_are_the_stream_that_proves_them<K: Kind>() {
    let article = Article::new("map", content((1 << 20) + 5));
    let kind = K::holding([article.clone()]).await;
    for range in [0..u64::MAX, 300_000..700_000] {
        let fetch = kind.overlay().fetch(&kind.id_of(&article), range.clone(), &[], &kind.journey()).await.unwrap();
        let pieces = pieces(fetch).await;
        assert_bring(&kind, &pieces, &article, &range);
        if pieces.iter().all(|piece| piece.parents.is_empty()) {
            continue;
        }
        let mut stream = Vec::new();
        for piece in &pieces {
            piece.parents.iter().for_each(|parent| stream.extend_from_slice(parent.pair.as_flattened()));
            stream.extend_from_slice(&piece.data);
        }
        assert!(stream == article.stream(range), "parents and data are the bao stream of the range");
    }
}

pub async fn contents_of_other_networks<K: Kind>() {
    let entry = Article::new("entry", content(50_000)).under("cat:archive:2026%2F17");
    let kind = K::holding([entry.clone()]).await;
    let id = entry.id();
    let fetched = kind.overlay().fetch(id, 0..u64::MAX, &[], &kind.journey()).await;
    if !K::TALENTS.foreign {
        let kind = fetched.err().map(|fault| fault.kind);
        return assert!(matches!(kind, Some(FaultKind::NotFound | FaultKind::Unsupported)), "{kind:?}");
    }
    let whole = pieces(fetched.unwrap()).await;
    assert_bring(&kind, &whole, &entry, &(0..u64::MAX));
    assert!(whole.iter().all(|piece| piece.parents.is_empty()), "nobody is to take them for proved");
    for range in [20_000..20_001, 0..16_384, 40_000..1 << 40, 50_000..60_000] {
        let part = kind.overlay().fetch(id, range.clone(), &[], &kind.journey()).await.unwrap();
        assert_eq!(part.size, 50_000);
        assert_bring(&kind, &pieces(part).await, &entry, &range);
    }
    let located = kind.overlay().locate(id, &kind.journey()).await.unwrap();
    assert_eq!((&located.hit.content_id, located.hit.size), (id, 50_000));
}
