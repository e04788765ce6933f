//! Which rule decides.

use super::double::*;
use crate::model::{BridgeDecision, ContentId};

fn told(decisions: &[BridgeDecision]) -> Vec<(bool, &str)> {
    decisions.iter().map(|decision| (decision.forwarded, decision.rule.as_str())).collect()
}

#[tokio::test]
async fn each_direction_says_what_decides_for_the_query_and_for_each_hit_that_is_held_back() {
    let scene =
        scene(|settings| settings.deny = ["*classified*", "tag:x"].map(|text| text.parse().unwrap()).into()).await;
    scene.blue.put("open plan.txt", &[], content(1)).await;
    scene.blue.put("classified plan.txt", &[], content(2)).await;
    scene.red.put("red plan.txt", &["x"], content(3)).await;
    put(&scene.store, "blue", "tagged plan.txt", &["X"], content(4)).await;
    let decisions = scene.bridges.explain("plan").await.unwrap();
    let want = [(true, "none"), (false, "tag:x"), (false, "*classified*"), (true, "none"), (false, "tag:x")];
    assert_eq!(told(&decisions), want);
    assert!(decisions[2].reason.starts_with("red -> blue: \"classified plan.txt\""), "{}", decisions[2].reason);
    assert!(decisions[4].reason.starts_with("blue -> red: \"red plan.txt\""), "{}", decisions[4].reason);
    let decisions = scene.bridges.explain("classified").await.unwrap();
    assert_eq!(told(&decisions), [(false, "*classified*"), (false, "*classified*")]);
    let bridge = scene.bridge();
    assert_eq!((bridge.queries_forwarded, bridge.refusals), (0, 0), "explaining counts nothing");
    assert!(scene.bridges.explain("").await.is_err());
}

#[tokio::test]
async fn a_content_id_says_what_decides_for_that_content() {
    let scene = scene(|settings| {
        settings.max_size = Some(10);
        settings.bidirectional = false;
    })
    .await;
    let small = scene.blue.put("small.txt", &[], content(10)).await;
    let large = scene.blue.put("large.txt", &[], content(11)).await;
    for (id, want) in
        [(small, (true, "none")), (large, (false, "maxSize")), (ContentId::native([9; 32]), (false, "absent"))]
    {
        let decisions = scene.bridges.explain(&id.to_string()).await.unwrap();
        assert_eq!(told(&decisions), [want]);
        assert!(decisions[0].reason.contains(&id.to_string()), "{}", decisions[0].reason);
    }
}

#[tokio::test]
async fn states_and_limits_decide_too() {
    let scene = scene(|settings| {
        settings.rate = Some(1);
        settings.bytes_per_day = Some(0);
        settings.bidirectional = false;
    })
    .await;
    let id = scene.bridge().bridge_id;
    assert_eq!(told(&scene.bridges.explain("plan").await.unwrap()), [(true, "none"), (false, "bytes_per_day")]);
    scene.finds("plan").await;
    assert_eq!(told(&scene.bridges.explain("plan").await.unwrap()), [(false, "rate")]);
    scene.bridges.pause(&id, true).await.unwrap();
    assert_eq!(told(&scene.bridges.explain("plan").await.unwrap()), [(false, "paused")]);
    *scene.blue.capabilities.lock().unwrap() =
        crate::overlay::Capabilities { search: false, fetch: false, publish: true, peers: true };
    let decisions = scene.bridges.explain("plan").await.unwrap();
    assert_eq!(told(&decisions), [(false, "refused")]);
    assert!(decisions[0].reason.contains("neither be searched nor fetched"));
}
