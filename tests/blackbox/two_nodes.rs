//! The main job between two nodes: what B shares is found at A, whatever A's caller speaks; peers, overlays and the
//! node itself as its callers see them.

use std::{collections::BTreeSet, time::Instant};

use serde_json::{Value, json};

use crate::harness::{Api, Binding, Kind, Library, NodeConfig, Pair, connected, eventually};

/// How many real files B shares.
const FILES: usize = 200;

fn ids(hits: &Value) -> BTreeSet<String> {
    let hits = hits.as_array().expect("hits are a list").iter();
    hits.map(|hit| hit["contentId"].as_str().expect("contentId").to_owned()).collect()
}

/// Searches until there are `count` hits: what was published a moment ago may take one to be found.
pub async fn finds(api: &Api, query: &str, count: usize) -> Vec<Value> {
    eventually(&format!("{count} hits for {query:?}"), async || {
        let found = api.ok("search.find", json!({ "query": query, "limit": 200 })).await;
        let hits = found["hits"].as_array().expect("hits").clone();
        (hits.len() == count).then_some(hits)
    })
    .await
}

#[tokio::test]
async fn two_hundred_real_files_are_found_by_words_on_every_binding() {
    let pair = Pair::sharing(Library::real(FILES)).await;
    finds(&pair.a.api, "paper*", FILES).await;
    for binding in Binding::ALL {
        let input = json!({ "query": "paper*", "limit": 200 });
        let all = pair.a.api.call(binding, "search.find", input).await.expect("search.find");
        let wanted: BTreeSet<String> = pair.library.files.iter().map(|file| file.id.clone()).collect();
        assert_eq!(ids(&all["hits"]), wanted, "{binding:?}");
        assert_eq!(all["complete"], true, "{binding:?}");

        let file = &pair.library.files[FILES / 2];
        let one = pair.a.api.call(binding, "search.find", json!({ "query": file.word })).await.expect("search.find");
        let [hit] = one["hits"].as_array().expect("hits").as_slice() else { panic!("{binding:?}: {one}") };
        assert_eq!(hit["contentId"], file.id, "{binding:?}");
        assert_eq!(hit["name"], file.name, "{binding:?}");
        assert_eq!(hit["size"], file.bytes.len(), "{binding:?}");
        assert_eq!(hit["mediaType"], "text/plain", "{binding:?}");
        assert_eq!((&hit["overlay"], &hit["providers"], &hit["via"]), (&json!("home"), &json!(1), &json!([])));
        assert!(hit["score"].as_f64() > Some(0.0), "{hit}");
        let outcome = json!([{ "overlay": "home", "outcome": "answered", "hits": 1 }]);
        assert_eq!(one["outcomes"], outcome, "{binding:?}");
    }
}

#[tokio::test]
async fn queries_know_words_phrases_exclusion_prefixes_accents_and_filters() {
    let pair = Pair::empty().await;
    let publish = |name: &'static str, media_type: &'static str, tags: Value, data: &'static str| {
        pair.b.api.ok("content.publish", json!({ "name": name, "mediaType": media_type, "tags": tags, "data": data }))
    };
    publish("Crème brûlée recipe", "text/plain", json!(["dessert", "french"]), "AAAA").await;
    publish("recipe for onion soup", "text/html", json!(["soup", "french"]), "AAAAAAAA").await;
    publish("soup onion poster", "image/png", json!([]), "AAAAAAAAAAAA").await;
    finds(&pair.a.api, "recipe", 2).await;
    let cases = [
        (json!({ "query": "CREME brulee" }), 1),
        (json!({ "query": "onion soup" }), 2),
        (json!({ "query": "\"onion soup\"" }), 1),
        (json!({ "query": "soup -poster" }), 1),
        (json!({ "query": "post*" }), 1),
        (json!({ "query": "dessert" }), 1),
        (json!({ "query": "recipe absent" }), 0),
        (json!({ "query": "soup", "mediaType": "image/png" }), 1),
        (json!({ "query": "recipe", "tags": ["french", "soup"] }), 1),
        (json!({ "query": "recipe", "minSize": 6 }), 1),
        (json!({ "query": "recipe", "maxSize": 5 }), 1),
        (json!({ "query": "soup", "limit": 1 }), 1),
        (json!({ "query": "soup", "overlays": ["home"] }), 2),
    ];
    for (input, count) in cases {
        let found = pair.a.api.ok("search.find", input.clone()).await;
        assert_eq!(found["hits"].as_array().map(Vec::len), Some(count), "{input}: {found}");
    }
    let fault = pair.a.api.fault("search.find", json!({ "query": "soup", "overlays": ["elsewhere"] })).await;
    fault.assert_names(&["elsewhere"]);
}

#[tokio::test]
async fn the_pages_of_a_started_search_hold_every_hit_once() {
    let pair = Pair::sharing(Library::real(60)).await;
    finds(&pair.a.api, "paper*", 60).await;
    for binding in Binding::ALL {
        let call = async |operation: &str, input: Value| {
            pair.a.api.call(binding, operation, input).await.unwrap_or_else(|fault| panic!("{operation}: {fault:?}"))
        };
        let handle = call("search.start", json!({ "query": "paper*", "limit": 200 })).await;
        let (mut after, mut hits) = (0, Vec::new());
        loop {
            let input = json!({ "searchId": handle["searchId"], "after": after, "limit": 25, "waitMs": 10_000 });
            let page = call("search.results", input).await;
            let here = page["hits"].as_array().expect("hits");
            assert!(here.len() <= 25);
            hits.extend(here.iter().cloned());
            after = page["next"].as_i64().expect("next");
            if page["complete"] == true && here.is_empty() {
                break;
            }
            assert!(hits.len() <= 60, "more hits than files: {after}");
        }
        assert_eq!((hits.len(), ids(&Value::Array(hits)).len()), (60, 60), "{binding:?}");
    }
}

#[tokio::test]
async fn a_cancelled_search_ends_and_an_unknown_one_is_not_found() {
    let pair = Pair::sharing(Library::real(5)).await;
    let handle = pair.a.api.ok("search.start", json!({ "query": "paper*", "timeoutMs": 60_000 })).await;
    assert_eq!(pair.a.api.ok("search.cancel", handle.clone()).await, json!({ "done": true }));
    let start = Instant::now();
    let input = json!({ "searchId": handle["searchId"], "waitMs": 60_000 });
    match pair.a.api.call(Binding::Json, "search.results", input).await {
        Ok(page) => assert_eq!(page["complete"], true),
        Err(fault) => _ = fault.assert_is(Kind::NotFound),
    }
    assert!(start.elapsed().as_secs() < 30, "a cancelled search keeps nobody waiting");
    for binding in Binding::ALL {
        let fault = pair.a.api.call(binding, "search.results", json!({ "searchId": "nothing" })).await.unwrap_err();
        fault.assert_is(Kind::NotFound);
    }
}

#[tokio::test]
async fn a_blocked_peer_vanishes_from_search_until_it_is_unblocked() {
    let pair = Pair::sharing(Library::real(3)).await;
    let (a, b) = (&pair.a, &pair.b);
    finds(&a.api, "paper*", 3).await;
    let blocked = a.api.ok("peer.update", json!({ "peerId": b.peer_id(), "blocked": true })).await;
    assert_eq!((&blocked["peerId"], &blocked["blocked"]), (&json!(b.peer_id()), &json!(true)));
    finds(&a.api, "paper*", 0).await;
    let fault = a.api.fault("content.read", json!({ "contentId": pair.library.files[0].id, "timeoutMs": 3000 })).await;
    assert!(matches!(fault.kind(), Kind::NotFound | Kind::Unavailable | Kind::Timeout), "{fault:?}");
    a.api.ok("peer.update", json!({ "peerId": b.peer_id(), "blocked": false })).await;
    a.api.ok("peer.connect", json!({ "address": b.addresses()[0] })).await;
    finds(&a.api, "paper*", 3).await;
}

#[tokio::test]
async fn peers_are_listed_named_disconnected_and_connected_again() {
    let pair = Pair::empty().await;
    let (a, b) = (&pair.a, &pair.b);
    for binding in Binding::ALL {
        let input = json!({ "peerId": b.peer_id(), "alias": "the office", "trusted": true });
        let peer = a.api.call(binding, "peer.update", input).await.expect("peer.update");
        assert_eq!((&peer["alias"], &peer["trusted"]), (&json!("the office"), &json!(true)), "{binding:?}");
        let page = a.api.call(binding, "peer.list", json!({ "overlay": "home" })).await.expect("peer.list");
        let peers = page["peers"].as_array().expect("peers");
        let peer = peers.iter().find(|peer| peer["peerId"] == b.peer_id()).expect("b is listed");
        assert_eq!((&peer["overlay"], &peer["connected"]), (&json!("home"), &json!(true)), "{binding:?}");
        assert_eq!((&peer["alias"], &peer["blocked"]), (&json!("the office"), &json!(false)), "{binding:?}");
        assert!(peer["since"].is_string() && !peer["addresses"].as_array().expect("addresses").is_empty(), "{peer}");
    }
    assert_eq!(a.api.ok("peer.disconnect", json!({ "peerId": b.peer_id() })).await, json!({ "done": true }));
    let peer = a.api.ok("peer.connect", json!({ "address": b.addresses()[0] })).await;
    assert_eq!((&peer["peerId"], &peer["connected"]), (&json!(b.peer_id()), &json!(true)));
}

#[tokio::test]
async fn peers_that_cannot_be_reached_or_named_are_refused() {
    let pair = Pair::empty().await;
    let api = &pair.a.api;
    api.fault("peer.connect", json!({ "address": "not an address" }))
        .await
        .assert_is(Kind::InvalidRequest)
        .assert_names(&["address"]);
    let nobody = "/ip4/127.0.0.1/tcp/1/p2p/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA";
    let fault = api.fault("peer.connect", json!({ "address": nobody })).await;
    assert_ne!(fault.kind(), Kind::Internal, "{fault:?}");
    api.fault("peer.connect", json!({ "address": pair.b.addresses()[0], "overlay": "elsewhere" }))
        .await
        .assert_names(&["elsewhere"]);
    api.fault("peer.disconnect", json!({ "peerId": "nobody" })).await.assert_names(&["peerId"]);
}

#[tokio::test]
async fn a_node_joins_by_peer_connect_as_well_as_by_bootstrap() {
    let mut library = Library::empty();
    library.add("joined later.txt", "later", b"joined later".to_vec());
    let b = NodeConfig::new().share(library.path()).start().await;
    let a = NodeConfig::new().start().await;
    b.has_contents(1).await;
    for binding in Binding::ALL {
        let peer = a.api.call(binding, "peer.connect", json!({ "address": b.addresses()[0] })).await;
        assert_eq!(peer.expect("peer.connect")["peerId"], b.peer_id(), "{binding:?}");
    }
    connected(&a, &b).await;
    finds(&a.api, "later", 1).await;
}

#[tokio::test]
async fn the_node_describes_itself_its_overlays_and_its_counters() {
    let pair = Pair::sharing(Library::real(4)).await;
    let (a, b) = (&pair.a, &pair.b);
    for binding in Binding::ALL {
        let info = a.api.call(binding, "node.info", json!({})).await.expect("node.info");
        assert_eq!(info["peerId"], a.peer_id(), "{binding:?}");
        assert_eq!(info["version"], env!("CARGO_PKG_VERSION"), "{binding:?}");
        assert_eq!(info["httpAddress"], a.api.url(""), "{binding:?}");
        assert_eq!(info["overlays"][0]["name"], "home", "{binding:?}");
        assert!(
            info["overlays"][0]["listenAddresses"][0].as_str().is_some_and(|text| text.starts_with("/ip4/127.0.0.1/"))
        );
        let bindings = info["bindings"].as_array().expect("bindings");
        assert!(["soap", "xmlrpc", "json"].iter().all(|name| bindings.iter().any(|b| b == name)), "{info}");
        let limits: Vec<&str> =
            info["limits"].as_array().expect("limits").iter().filter_map(|l| l["name"].as_str()).collect();
        for name in
            ["inline_bytes", "xml_depth", "xml_attributes", "multicall_calls", "header_bytes", "request_seconds"]
        {
            assert!(limits.contains(&name), "{name} is not among {limits:?}");
        }

        let overlays = a.api.call(binding, "overlay.list", json!({})).await.expect("overlay.list");
        let [home] = overlays["overlays"].as_array().expect("overlays").as_slice() else { panic!("{overlays}") };
        assert_eq!((&home["name"], &home["kind"], &home["state"]), (&json!("home"), &json!("native"), &json!("up")));
        assert!(["canSearch", "canFetch", "canPublish"].iter().all(|can| home[can] == true), "{home}");
        assert!(home["peers"].as_u64() >= Some(1), "{home}");

        let stats = b.api.call(binding, "node.stats", json!({})).await.expect("node.stats");
        let shared: usize = pair.library.files.iter().map(|file| file.bytes.len()).sum();
        assert_eq!((&stats["contents"], &stats["bytesShared"]), (&json!(4), &json!(shared)), "{binding:?}");
    }
    a.api.ok("search.find", json!({ "query": "paper*" })).await;
    assert!(a.api.ok("node.stats", json!({})).await["searchesServed"].as_u64() >= Some(1));
}
