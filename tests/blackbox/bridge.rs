//! Bridges between real nodes: what a peer of one overlay finds and fetches that lies in another one, what it does not,
//! and what the gateway's operator sees of it.

use std::{
    collections::BTreeMap,
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    harness::{Api, Binding, Kind, Node, NodeConfig, connected, content_id, eventually, noise},
    two_nodes::finds,
};

/// A bridge between red and blue, with further keys.
fn bridge(keys: &str) -> String {
    format!("[[bridge]]\nfrom = \"red\"\nto = \"blue\"\n{keys}\n")
}

/// One peer of red, one of blue, and a gateway that is in both.
struct Joined {
    red: Node,
    blue: Node,
    gate: Node,
}

impl Joined {
    /// With these sections in the gateway's configuration.
    async fn by(sections: &str) -> Self {
        let red = NodeConfig::new().overlay("red", &[]).start().await;
        let blue = NodeConfig::new().overlay("blue", &[]).start().await;
        let gate = gateway(&red, &blue, sections).await;
        Self { red, blue, gate }
    }
}

async fn gateway(red: &Node, blue: &Node, sections: &str) -> Node {
    // The gateway dials the peers, so that it finds them again after a restart.
    let gate = NodeConfig::new().overlay("red", &[red]).overlay("blue", &[blue]).with(sections).start().await;
    connected(red, &gate).await;
    connected(blue, &gate).await;
    gate
}

async fn publish(api: &Api, name: &str, tags: &[&str], bytes: &[u8]) -> String {
    let data = base64_simd::STANDARD.encode_to_string(bytes);
    let content = api.ok("content.publish", json!({ "name": name, "tags": tags, "data": data })).await;
    let id = content["contentId"].as_str().expect("contentId").to_owned();
    assert_eq!(id, content_id(blake3::hash(bytes)));
    id
}

async fn list(gate: &Node) -> Vec<Value> {
    gate.api.ok("bridge.list", json!({})).await["bridges"].as_array().expect("bridges").clone()
}

async fn explain(gate: &Node, query: &str) -> Vec<Value> {
    gate.api.ok("bridge.explain", json!({ "query": query })).await["decisions"].as_array().expect("decisions").clone()
}

/// Searches once.
async fn search(api: &Api, query: &str) -> Value {
    api.ok("search.find", json!({ "query": query, "timeoutMs": 10_000 })).await
}

#[tokio::test]
async fn peers_find_and_fetch_what_lies_beyond_a_bridge_both_ways() {
    let joined = Joined::by(&bridge("")).await;
    let id = list(&joined.gate).await[0]["bridgeId"].clone();
    let bytes = noise("across", 3_000_000);
    for (from, to, name) in [(&joined.blue, &joined.red, "blue"), (&joined.red, &joined.blue, "red")] {
        let bytes = [name.as_bytes(), &bytes].concat();
        let published = publish(&from.api, &format!("{name} paper.bin"), &["paper"], &bytes).await;
        let hit = finds(&to.api, &format!("{name} paper"), 1).await.remove(0);
        assert_eq!(
            (&hit["contentId"], &hit["via"], &hit["size"]),
            (&json!(published), &json!([id]), &json!(bytes.len()))
        );
        assert_eq!(hit["overlay"], if name == "blue" { "red" } else { "blue" }, "the asking node's own overlay");
        let got = to.api.get(&format!("/content/{published}")).await;
        assert_eq!((got.status, got.body == bytes), (200, true));
        let part = json!({ "contentId": published, "offset": 1_000_001, "length": 70_000 });
        for binding in Binding::ALL {
            let chunk = to.api.call(binding, "content.read", part.clone()).await.expect("content.read");
            let data = base64_simd::STANDARD.decode_to_vec(chunk["data"].as_str().unwrap()).unwrap();
            assert!(data == bytes[1_000_001..1_070_001], "{binding:?}");
        }
        let started = to.api.ok("transfer.start", json!({ "contentId": published })).await;
        let wait = json!({ "transferId": started["transferId"], "waitMs": 60_000 });
        assert_eq!(to.api.ok("transfer.wait", wait).await["state"], "complete");
        assert_eq!(to.api.ok("content.describe", json!({ "contentId": published })).await["local"], true);
    }
    let counted = list(&joined.gate).await.remove(0);
    assert_eq!((&counted["state"], &counted["refusals"]), (&json!("up"), &json!(0)));
    assert!(
        counted["queriesForwarded"].as_u64() >= Some(2) && counted["hitsReturned"].as_u64() >= Some(2),
        "{counted}"
    );
    assert!(counted["bytesRelayed"].as_u64() >= Some(2 * 3_000_000), "{counted}");
    let log = joined.gate.log();
    assert!(log.contains("content crossed a bridge") && log.contains("blue paper.bin"), "{log}");
    let metrics = joined.gate.api.get("/metrics").await;
    assert!(metrics.text().contains("peergate_bridge_bytes_total{bridge="), "{}", metrics.text());
}

#[tokio::test]
async fn what_a_rule_denies_is_as_if_it_were_not_there_and_the_operator_is_told_which() {
    let rules = "deny = [\"*classified*\", \"tag:internal\", \"type:image/*\"]\nmax_size = 1000";
    let joined = Joined::by(&bridge(rules)).await;
    let topics = json!({ "topics": ["bridge.*"] });
    let subscription = joined.gate.api.ok("event.subscribe", topics).await["subscriptionId"].clone();
    let blue = &joined.blue.api;
    let open = publish(blue, "open plan.txt", &[], b"open").await;
    let denied = [
        ("*classified*", publish(blue, "Classified plan.txt", &[], b"classified").await),
        ("tag:internal", publish(blue, "tagged plan.txt", &["Internal"], b"internal").await),
        ("type:image/*", publish(blue, "plan.png", &[], b"image").await),
        ("maxSize", publish(blue, "large plan.txt", &[], &[7; 1001]).await),
    ];
    finds(&joined.gate.api, "plan", 5).await;
    let found = search(&joined.red.api, "plan").await;
    let ids: Vec<_> = found["hits"].as_array().unwrap().iter().map(|hit| hit["contentId"].clone()).collect();
    assert_eq!((ids, &found["complete"]), (vec![json!(open)], &json!(true)), "nothing is missing");
    let decisions = explain(&joined.gate, "plan").await;
    for (rule, id) in &denied {
        assert_eq!(joined.red.api.get(&format!("/content/{id}")).await.status, 404, "{rule}");
        joined.red.api.fault("content.describe", json!({ "contentId": id })).await.assert_is(Kind::NotFound);
        let about = decisions.iter().find(|one| one["reason"].as_str().unwrap().contains(id.as_str()));
        let about = about.unwrap_or_else(|| panic!("nothing is said of {rule}: {decisions:?}"));
        assert_eq!((&about["rule"], &about["forwarded"]), (&json!(rule), &json!(false)));
        let by_id = explain(&joined.gate, id).await;
        assert_eq!((&by_id[0]["rule"], &by_id[0]["forwarded"]), (&json!(rule), &json!(false)), "{by_id:?}");
    }
    assert_eq!((&decisions[0]["forwarded"], &decisions[0]["rule"]), (&json!(true), &json!("none")));
    let of_query = explain(&joined.gate, "classified").await;
    assert!(of_query.iter().all(|one| one["forwarded"] == false && one["rule"] == "*classified*"), "{of_query:?}");
    let counted = list(&joined.gate).await.remove(0);
    assert!(counted["refusals"].as_u64() >= Some(8), "{counted}");
    assert_eq!(counted["bytesRelayed"], 0, "{counted}");
    let events = joined.gate.api.ok("event.pull", json!({ "subscriptionId": subscription, "limit": 500 })).await;
    let refused: Vec<_> =
        events["events"].as_array().unwrap().iter().filter(|e| e["topic"] == "bridge.refused").collect();
    for (rule, id) in &denied {
        let told = |event: &&&Value| {
            let detail: Value = serde_json::from_str(event["detail"].as_str().unwrap()).unwrap();
            detail["rule"] == *rule && detail["contentId"] == **id && event["subject"] == counted["bridgeId"]
        };
        assert!(refused.iter().any(|event| told(&event)), "{rule}: {refused:?}");
    }
}

#[tokio::test]
async fn an_allow_list_means_nothing_else() {
    let joined = Joined::by(&bridge("allow = [\"tag:public\"]")).await;
    let public = publish(&joined.blue.api, "public paper.txt", &["public"], b"public").await;
    let other = publish(&joined.blue.api, "other paper.txt", &[], b"other").await;
    let hit = finds(&joined.red.api, "paper", 1).await.remove(0);
    assert_eq!(hit["contentId"], public);
    assert_eq!(joined.red.api.get(&format!("/content/{public}")).await.body, b"public");
    assert_eq!(joined.red.api.get(&format!("/content/{other}")).await.status, 404);
    let decisions = explain(&joined.gate, &other).await;
    assert_eq!(decisions[0]["rule"], "allow", "{decisions:?}");
}

#[tokio::test]
async fn bridges_are_made_paused_and_removed_while_the_gateway_runs_and_that_lasts() {
    let mut joined = Joined::by("").await;
    publish(&joined.blue.api, "paper.txt", &[], b"paper").await;
    finds(&joined.gate.api, "paper", 1).await;
    assert_eq!(search(&joined.red.api, "paper").await["hits"], json!([]), "without a bridge nothing crosses");
    let mut made = Vec::new();
    for binding in Binding::ALL {
        let input = json!({ "from": "red", "to": "blue", "hopLimit": 2, "deny": ["tag:internal"], "maxSize": 5_000_000_000_u64 });
        let bridge = joined.gate.api.call(binding, "bridge.create", input).await.expect("bridge.create");
        assert_eq!(
            (&bridge["hopLimit"], &bridge["deny"], &bridge["bidirectional"]),
            (&json!(2), &json!(["tag:internal"]), &json!(true))
        );
        assert_eq!((&bridge["maxSize"], &bridge["queriesForwarded"]), (&json!(5_000_000_000_u64), &json!(0)));
        made.push(bridge);
    }
    assert_eq!(made[0]["state"], "up");
    for twin in &made[1..] {
        assert_eq!(twin["state"], "refused");
        assert!(twin["reason"].as_str().unwrap().contains(made[0]["bridgeId"].as_str().unwrap()), "{twin}");
        let done = joined.gate.api.ok("bridge.remove", json!({ "bridgeId": twin["bridgeId"] })).await;
        assert_eq!(done["done"], true);
    }
    let id = json!({ "bridgeId": made[0]["bridgeId"] });
    assert_eq!(finds(&joined.red.api, "paper", 1).await[0]["via"], json!([made[0]["bridgeId"]]));
    assert_eq!(joined.gate.api.ok("bridge.pause", id.clone()).await["state"], "paused");
    assert_eq!(search(&joined.red.api, "paper").await["hits"], json!([]));
    assert_eq!(explain(&joined.gate, "paper").await[0]["rule"], "paused");
    joined.gate.kill();
    joined.gate.restart().await;
    connected(&joined.red, &joined.gate).await;
    connected(&joined.blue, &joined.gate).await;
    assert_eq!(list(&joined.gate).await[0]["state"], "paused");
    finds(&joined.gate.api, "paper", 1).await;
    assert_eq!(search(&joined.red.api, "paper").await["hits"], json!([]));
    assert_eq!(joined.gate.api.ok("bridge.resume", id.clone()).await["state"], "up");
    finds(&joined.red.api, "paper", 1).await;
    joined.gate.api.ok("bridge.remove", id.clone()).await;
    joined.gate.api.fault("bridge.remove", id.clone()).await.assert_is(Kind::NotFound);
    joined.gate.api.fault("bridge.pause", id).await.assert_is(Kind::NotFound);
    for (input, kind, part) in [
        (json!({ "from": "red", "to": "green" }), Kind::NotFound, "to: there is no overlay \"green\""),
        (json!({ "from": "red", "to": "blue", "hopLimit": 0 }), Kind::InvalidRequest, "want 1 to 16"),
        (json!({ "from": "red", "to": "blue", "deny": ["tag:"] }), Kind::InvalidRequest, "says nothing"),
    ] {
        joined.gate.api.fault("bridge.create", input).await.assert_is(kind).assert_names(&[part]);
    }
}

#[tokio::test]
async fn a_bridge_of_the_configuration_is_paused_but_not_removed() {
    let mut joined = Joined::by(&bridge("")).await;
    let id = json!({ "bridgeId": list(&joined.gate).await[0]["bridgeId"] });
    let fault = joined.gate.api.fault("bridge.remove", id.clone()).await;
    fault.assert_is(Kind::Conflict).assert_names(&["[[bridge]]"]);
    joined.gate.api.ok("bridge.pause", id.clone()).await;
    assert!(joined.gate.terminate().await.success());
    joined.gate.restart().await;
    let bridge = list(&joined.gate).await.remove(0);
    assert_eq!((&bridge["bridgeId"], &bridge["state"]), (&id["bridgeId"], &json!("paused")));
}

#[tokio::test]
async fn two_gateways_between_the_same_overlays_bring_each_hit_once() {
    let joined = Joined::by(&bridge("")).await;
    let second = gateway(&joined.red, &joined.blue, &bridge("")).await;
    let (mut of_blue, bytes) = (BTreeMap::new(), noise("ring", 400_000));
    for number in 0..5 {
        let id =
            publish(&joined.blue.api, &format!("paper {number}.bin"), &[], &[&[number], &bytes[..]].concat()).await;
        of_blue.insert(id, number);
    }
    finds(&joined.red.api, "paper", 5).await;
    let before = [&joined.gate, &second].map(list);
    let before: u64 = futures::future::join_all(before).await.iter().map(|page| forwarded(&page[0])).sum();
    let found = search(&joined.red.api, "paper").await;
    let hits = found["hits"].as_array().unwrap();
    let ids: BTreeMap<_, _> = hits.iter().map(|hit| (hit["contentId"].as_str().unwrap(), hit["via"].clone())).collect();
    assert_eq!((hits.len(), ids.len()), (5, 5));
    assert!(ids.iter().all(|(id, via)| of_blue.contains_key(*id) && via.as_array().unwrap().len() == 1), "{ids:?}");
    let after = futures::future::join_all([&joined.gate, &second].map(list)).await;
    let after: u64 = after.iter().map(|page| forwarded(&page[0])).sum();
    assert_eq!(after - before, 2, "each gateway forwards the query once, and no echo of it");
    let (id, number) = of_blue.pop_first().unwrap();
    let got = joined.red.api.get(&format!("/content/{id}")).await;
    assert!(got.status == 200 && got.body[0] == number && got.body[1..] == bytes);
}

fn forwarded(bridge: &Value) -> u64 {
    bridge["queriesForwarded"].as_u64().expect("queriesForwarded")
}

#[tokio::test]
async fn in_a_triangle_of_overlays_a_query_dies_out_and_each_hit_comes_once() {
    let [red, blue, green] = ["red", "blue", "green"].map(|name| NodeConfig::new().overlay(name, &[]).start());
    let (red, blue, green) = tokio::join!(red, blue, green);
    let between = |one: &'static str, other: &'static str, nodes: [&Node; 2]| {
        let bridge = format!("[[bridge]]\nfrom = {one:?}\nto = {other:?}\nhop_limit = 8\n");
        NodeConfig::new().overlay(one, &[nodes[0]]).overlay(other, &[nodes[1]]).with(&bridge).start()
    };
    let gates = tokio::join!(
        between("red", "blue", [&red, &blue]),
        between("blue", "green", [&blue, &green]),
        between("green", "red", [&green, &red])
    );
    let mut gates = [gates.0, gates.1, gates.2];
    for round in 0..2 {
        for (gate, peers) in gates.iter().zip([[&red, &blue], [&blue, &green], [&green, &red]]) {
            connected(peers[0], gate).await;
            connected(peers[1], gate).await;
        }
        let id = publish(&green.api, &format!("paper{round}.txt"), &[], format!("green {round}").as_bytes()).await;
        let query = format!("paper{round}");
        finds(&red.api, &query, 1).await;
        let count = async |gates: &[Node; 3]| -> u64 {
            let lists = futures::future::join_all(gates.iter().map(list)).await;
            lists.iter().map(|page| forwarded(&page[0])).sum()
        };
        let before = count(&gates).await;
        let found = search(&red.api, &query).await;
        let [hit] = found["hits"].as_array().unwrap().as_slice() else { panic!("{found}") };
        assert_eq!((&hit["contentId"], hit["via"].as_array().unwrap().len()), (&json!(id), 1), "the shortest way");
        // Red to blue and to green by its two gateways, and on from each of them to the other one: not round again.
        let forwards = count(&gates).await - before;
        assert!((2..=4).contains(&forwards), "{forwards} forwards");
        assert_eq!(red.api.get(&format!("/content/{id}")).await.body, format!("green {round}").as_bytes());
        if round == 0 {
            for gate in &mut gates {
                gate.kill();
                gate.restart().await;
            }
        }
    }
}

#[tokio::test]
async fn a_far_side_that_is_gone_slows_nobody_and_what_was_cached_is_still_had() {
    let mut joined = Joined::by(&bridge("")).await;
    let bytes = noise("kept", 2_000_000);
    let id = publish(&joined.blue.api, "far paper.bin", &[], &bytes).await;
    publish(&joined.red.api, "near paper.bin", &[], b"near").await;
    finds(&joined.red.api, "paper", 2).await;
    assert!(joined.red.api.get(&format!("/content/{id}")).await.body == bytes);
    let cache = joined.gate.data_dir().join("cache");
    eventually("what crossed is kept", async || {
        let files = std::fs::read_dir(&cache).ok()?.flatten();
        files.filter(|file| file.path().extension().is_some_and(|ext| ext == "map")).count().checked_sub(1)
    })
    .await;
    joined.blue.kill();
    let begun = Instant::now();
    let found = joined.red.api.ok("search.find", json!({ "query": "near", "timeoutMs": 30_000 })).await;
    assert_eq!(found["hits"].as_array().map(Vec::len), Some(1));
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let again = joined.red.api.get(&format!("/content/{id}")).await;
    assert!(again.status == 200 && again.body == bytes, "{}", again.status);
    assert!(joined.gate.terminate().await.success());
    joined.gate.restart().await;
    connected(&joined.red, &joined.gate).await;
    let again = joined.red.api.get(&format!("/content/{id}")).await;
    assert!(again.status == 200 && again.body == bytes, "{}", again.status);
}

#[tokio::test]
async fn the_command_line_lists_explains_and_steers_bridges() {
    let joined = Joined::by(&bridge("deny = [\"tag:internal\"]")).await;
    let id = list(&joined.gate).await[0]["bridgeId"].as_str().unwrap().to_owned();
    let run = async |arguments: &[&str]| {
        let mut command = Command::new(Node::program());
        command.arg("bridges").args(arguments).env("PEERGATE_URL", joined.gate.api.url("/xmlrpc"));
        let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.expect("run the program");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let listed = run(&[]).await;
    assert!(listed.contains("red") && listed.contains("-tag:internal") && listed.contains(&id), "{listed}");
    publish(&joined.blue.api, "paper.txt", &["internal"], b"paper").await;
    finds(&joined.gate.api, "paper", 1).await;
    let explained = run(&["explain", "paper"]).await;
    assert!(explained.contains("tag:internal") && explained.contains("\"paper.txt\""), "{explained}");
    assert!(run(&["pause", &id]).await.contains("paused"));
    let page: Value = serde_json::from_str(&run(&["--json"]).await).expect("one JSON document");
    assert_eq!(page["bridges"][0]["state"], "paused");
    assert!(run(&["resume", &id]).await.contains("up"));
    let made: Value = serde_json::from_str(&run(&["create", "blue", "red", "--one-way", "--json"]).await).unwrap();
    assert_eq!((&made["state"], &made["bidirectional"]), (&json!("refused"), &json!(false)));
    assert_eq!(run(&["remove", made["bridgeId"].as_str().unwrap()]).await.trim(), "removed");
}
