//! Questions go over, and hits come back.

use std::{sync::Arc, time::Duration};

use futures::StreamExt;

use super::{FarSide, Kind, NEAR, eventually, within};
use crate::{
    model::{Hit, Query},
    overlay::{
        Found,
        double::{Article, content},
    },
};

/// How long whoever searches waits.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a search brings: the hits as they come, and how often somebody was missing.
async fn search<K: Kind>(kind: &K, query: Query) -> (Vec<Hit>, usize) {
    let query = Query { patience: Some(PATIENCE), ..query };
    let found = kind.overlay().search(Arc::new(query), &kind.journey()).await.expect("it asks");
    let found: Vec<_> = within("the search ends", found.collect()).await;
    let missing = found.iter().filter(|found| matches!(found, Found::Missing)).count();
    let hits = found.into_iter().flat_map(|found| match found {
        Found::Page(hits) => hits,
        Found::Missing => Vec::new(),
    });
    (hits.collect(), missing)
}

/// The names of what a query finds, all of it answered.
async fn names<K: Kind>(kind: &K, query: Query) -> Vec<String> {
    let (hits, missing) = search(kind, query).await;
    assert_eq!(missing, 0, "everybody answered");
    let mut names: Vec<_> = hits.into_iter().map(|hit| hit.name).collect();
    names.sort();
    names
}

fn words(text: &str) -> Query {
    Query::parse(text, 20).unwrap()
}

fn maps() -> Vec<Article> {
    let tags = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect();
    vec![
        Article::new("map of Basel.txt", content(100)).told(|hit| hit.tags = tags(&["swiss", "city"])),
        Article::new("map of Bern.png", content(2000)).told(|hit| {
            hit.media_type = "image/png".into();
            hit.tags = tags(&["swiss"]);
        }),
        Article::new("photo of Basel.png", content(30_000)).told(|hit| {
            hit.media_type = "image/png".into();
            hit.description = Some("seen from the river".into());
        }),
    ]
}

pub async fn finds_what_holds_all_words<K: Kind>() {
    let kind = K::holding(maps()).await;
    assert_eq!(names(&kind, words("map")).await, ["map of Basel.txt", "map of Bern.png"]);
    assert_eq!(names(&kind, words("BASEL photo")).await, ["photo of Basel.png"]);
    assert_eq!(names(&kind, words("basel -photo")).await, ["map of Basel.txt"]);
    assert_eq!(names(&kind, words("\"map of\" ber*")).await, ["map of Bern.png"]);
    assert_eq!(names(&kind, words("river")).await, ["photo of Basel.png"], "by its description");
}

pub async fn filters_are_kept<K: Kind>() {
    let kind = K::holding(maps()).await;
    let of = words("of");
    let image = Query { media_type: Some("image/*".into()), ..of.clone() };
    assert_eq!(names(&kind, image.clone()).await, ["map of Bern.png", "photo of Basel.png"]);
    let text = Query { media_type: Some("text/plain".into()), ..of.clone() };
    assert_eq!(names(&kind, text).await, ["map of Basel.txt"]);
    let tagged = Query { tags: vec!["swiss".into()], ..of.clone() };
    assert_eq!(names(&kind, tagged.clone()).await, ["map of Basel.txt", "map of Bern.png"]);
    let both = Query { tags: vec!["swiss".into(), "city".into()], ..of.clone() };
    assert_eq!(names(&kind, both).await, ["map of Basel.txt"]);
    assert_eq!(names(&kind, Query { min_size: Some(2000), ..tagged }).await, ["map of Bern.png"]);
    assert_eq!(names(&kind, Query { max_size: Some(2000), ..image }).await, ["map of Bern.png"]);
}

pub async fn never_more_than_were_asked_for<K: Kind>() {
    let many = (0..40).map(|number| Article::new(&format!("sheet {number:02}"), content(number + 1)));
    let kind = K::holding(many).await;
    let found = names(&kind, Query::parse("sheet", 7).unwrap()).await;
    assert_eq!(found, (0..7).map(|number| format!("sheet {number:02}")).collect::<Vec<_>>(), "the best of them");
    assert_eq!(names(&kind, Query::parse("sheet", 200).unwrap()).await.len(), 40);
}

pub async fn nothing_found_is_an_answer<K: Kind>() {
    let kind = K::holding(maps()).await;
    let (hits, missing) = search(&kind, words("zeppelin")).await;
    assert!(hits.is_empty() && missing == 0, "{hits:?}");
}

pub async fn the_journey_is_handed_on<K: Kind>() {
    let article = Article::new("map", content(20_000));
    let kind = K::holding([article.clone()]).await;
    let (overlay, journey, id) = (kind.overlay(), kind.journey(), kind.id_of(&article));
    drop(overlay.search(Arc::new(words("map")), &journey).await.unwrap().collect::<Vec<_>>().await);
    if !K::TALENTS.journeys {
        return assert!(kind.far_side().last_asked().is_none(), "the far side is told no journey that it cannot read");
    }
    let is_told = |expected: Option<Query>| {
        let (query, told) = kind.far_side().last_asked().expect("the far side was asked");
        let query = query.map(|query| Query { patience: None, ..query });
        assert_eq!(query, expected);
        assert_eq!((told.id, &told.origin), (journey.id, &journey.origin));
        assert!(told.path.contains(&overlay.id()) && told.hop_limit <= journey.hop_limit, "{told:?}");
    };
    is_told(Some(words("map")));
    overlay.locate(&id, &journey).await.unwrap();
    is_told(None);
    let asked = kind.far_side().count_asked();
    let fetched: Vec<_> = overlay.fetch(&id, 0..1, &[], &journey).await.unwrap().pieces.collect().await;
    assert!(fetched.into_iter().all(|piece| piece.is_ok()));
    if kind.far_side().count_asked() > asked {
        is_told(None);
    }
}

pub async fn hits_are_the_overlays_own<K: Kind>() {
    let article = Article::new("map", content(10)).told(|hit| {
        hit.via = vec!["a-bridge".into(), "another".into()];
        hit.description = Some("of somewhere".into());
    });
    let kind = K::holding([article.clone()]).await;
    let (hits, _) = search(&kind, words("map")).await;
    let located = kind.overlay().locate(&kind.id_of(&article), &kind.journey()).await.unwrap();
    assert_eq!(hits.len(), 1);
    for hit in [&hits[0], &located.hit] {
        assert_eq!((&hit.content_id, hit.overlay.as_str()), (&kind.id_of(&article), NEAR), "{hit:?}");
        assert_eq!((hit.name.as_str(), hit.size, hit.media_type.as_str()), ("map", 10, "text/plain"));
        assert_eq!((hit.description.as_deref(), hit.providers), (Some("of somewhere"), 1));
        assert!(hit.score.is_finite());
    }
    assert_eq!(located.providers, 1);
    let via: &[&str] = if K::TALENTS.via { &["a-bridge", "another"] } else { &[] };
    assert_eq!(hits[0].via, via);
    // A record of a single content need not tell the way.
    assert!(located.hit.via == via || located.hit.via.is_empty(), "{:?}", located.hit.via);
}

pub async fn what_the_far_side_says_is_harmless<K: Kind>() {
    let hostile = Article::new("map \u{202e}gnp.exe\u{2066}", content(10)).told(|hit| {
        hit.media_type = "text/html; \u{202d}x".into();
        hit.description = Some("\u{85}x".repeat(20_000));
        hit.tags = vec!["t\u{9b}2J".into(); 500];
        hit.score = 1e300;
    });
    let kind = K::holding([hostile.clone()]).await;
    let (hits, _) = search(&kind, words("map")).await;
    let [hit] = &hits[..] else { panic!("{} hits", hits.len()) };
    if !K::TALENTS.wire {
        return assert_eq!(hit.name, hostile.hit.name, "nobody is a stranger");
    }
    let misleads = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let texts = hit.tags.iter().chain(&hit.description).chain([&hit.name, &hit.media_type]);
    assert!(texts.clone().all(|text| !text.contains(misleads)), "{} {}", hit.name, hit.media_type);
    assert!(texts.map(String::len).sum::<usize>() < 32 << 10 && hit.tags.len() <= 64, "cut to size");
    assert!(hit.score.is_finite());
}

pub async fn ends_when_the_far_side_is_mute<K: Kind>() {
    let kind = K::bring_up(FarSide { articles: maps(), is_mute: true }).await;
    let (hits, missing) = search(&kind, words("map")).await;
    assert_eq!((hits.len(), missing), (0, 1), "it ends by itself, and says that somebody is missing");
    kind.far_side().gate().open();
}

pub async fn a_dropped_search_is_over_there_too<K: Kind>() {
    let kind = K::bring_up(FarSide { articles: maps(), is_mute: true }).await;
    let mut found = kind.overlay().search(Arc::new(words("map")), &kind.journey()).await.unwrap();
    let asked = async {
        while kind.far_side().busy() == 0 {
            // The question goes out while its answer is waited for.
            assert!(futures::poll!(found.next()).is_pending(), "nobody answered yet");
            tokio::task::yield_now().await;
        }
    };
    within("the question arrives", asked).await;
    drop(found);
    eventually("the far side ends the search", || kind.far_side().busy() == 0).await;
}
