//! Nodes that reach each other over HTTP only: what lies behind a far gateway is found and fetched here, over SOAP and over
//! XML-RPC.

use std::{fs, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{
    harness::{Api, Binding, Library, Node, NodeConfig, connected, content_id, eventually, noise, write_noise},
    mtom::memory,
    two_nodes::finds,
};

/// The paths of the two bindings that a gateway can be called over.
const PATHS: [&str; 2] = ["/soap", "/xmlrpc"];
/// How much the memory of a node may grow while content of any size passes through it.
const GROWTH_KIB: u64 = 32 << 10;

/// The state of the overlay of that name.
async fn overlay(node: &Node, name: &str) -> Value {
    let overlays = node.api.ok("overlay.list", json!({})).await;
    let overlays = overlays["overlays"].as_array().expect("overlays").clone();
    overlays.into_iter().find(|overlay| overlay["name"] == name).expect("it is configured")
}

/// Waits until the overlay of that name is in that state.
async fn is(node: &Node, name: &str, state: &str) -> Value {
    eventually(&format!("overlay {name} is {state}"), async || {
        let overlay = overlay(node, name).await;
        (overlay["state"] == state).then_some(overlay)
    })
    .await
}

/// Reads the content on every binding of a node.
async fn reads(api: &Api, id: &str, want: &[u8]) {
    let reply = api.get(&format!("/content/{id}")).await;
    assert_eq!((reply.status, reply.body == want), (200, true), "/content/{id}");
    let range = api.request(reqwest::Method::GET, &format!("/content/{id}")).header("range", "bytes=100-199");
    let part = crate::harness::Reply::of(range).await;
    assert_eq!((part.status, part.body.as_slice()), (206, &want[100..200]));
    for binding in Binding::ALL {
        let input = json!({ "contentId": id, "offset": 20_000, "length": 1000 });
        let chunk = api.call(binding, "content.read", input).await.expect("content.read");
        let data = base64_simd::STANDARD.decode_to_vec(chunk["data"].as_str().expect("data")).expect("base64");
        assert_eq!((data.as_slice(), &chunk["size"]), (&want[20_000..21_000], &json!(want.len())), "{binding:?}");
    }
}

#[tokio::test]
async fn what_lies_behind_a_far_gateway_is_found_and_fetched_here() {
    let mut library = Library::empty();
    library.add("far away paper000.txt", "paper000", noise("far", 100_000));
    let peer = NodeConfig::new().overlay("blue", &[]).share(library.path()).start().await;
    let far = NodeConfig::new().overlay("blue", &[&peer]).start().await;
    peer.has_contents(1).await;
    connected(&far, &peer).await;
    let own = far.api.ok("content.publish", json!({ "name": "its own paper001.txt", "data": "AAAA" })).await;
    for path in PATHS {
        let near = NodeConfig::new().overlay("red", &[]).gateway("partner", &far.api.url(path), "").start().await;
        let status = is(&near, "partner", "up").await;
        assert_eq!((&status["kind"], &status["canPublish"]), (&json!("gateway"), &json!(false)));
        assert!(status["detail"].as_str().is_some_and(|detail| detail.contains(far.peer_id())), "{status}");

        let hits = finds(&near.api, "paper*", 2).await;
        for hit in &hits {
            assert_eq!((&hit["overlay"], &hit["via"]), (&json!("partner"), &json!([])), "{path}");
        }
        assert!(hits.iter().any(|hit| hit["contentId"] == own["contentId"]), "{path}");
        let found = near.api.ok("search.find", json!({ "query": "paper000", "overlays": ["partner"] })).await;
        let answered = json!([{ "overlay": "partner", "outcome": "answered", "hits": 1 }]);
        assert_eq!((&found["complete"], &found["outcomes"]), (&json!(true), &answered), "{path}");

        let file = &library.files[0];
        let known = near.api.ok("content.describe", json!({ "contentId": file.id })).await;
        assert_eq!((&known["name"], &known["overlays"]), (&json!(file.name), &json!(["partner"])), "{path}");
        reads(&near.api, &file.id, &file.bytes).await;
        let transfer = near.api.ok("transfer.start", json!({ "contentId": file.id })).await;
        let wait = json!({ "transferId": transfer["transferId"], "waitMs": 30_000 });
        assert_eq!(near.api.ok("transfer.wait", wait).await["state"], "complete", "{path}");
        assert_eq!(near.api.ok("content.describe", json!({ "contentId": file.id })).await["local"], true);
        assert!(overlay(&near, "partner").await["bytesIn"].as_u64() >= Some(200_000), "{path}");
    }
}

#[tokio::test]
async fn a_far_gateway_is_shown_the_token_that_it_wants() {
    const SECRET: &str = "a-secret-of-the-far-side";
    let far = NodeConfig::new()
        .overlay("blue", &[])
        .token("erp", SECRET, &["search.*", "content.*", "node.info"])
        .start()
        .await;
    let api = far.api.showing(&format!("Bearer {SECRET}"));
    let data = noise("token", 50_000);
    let input = json!({ "name": "token paper.bin", "data": base64_simd::STANDARD.encode_to_string(&data) });
    let content = api.ok("content.publish", input).await;
    let id = content["contentId"].as_str().expect("contentId");
    let file = format!("token_file = {:?}", far.folder().join("erp.token"));
    let wrong = tempfile::NamedTempFile::new().expect("temporary file");
    fs::write(wrong.path(), "another-secret-altogether").expect("write the token");
    let wrong = format!("token_file = {:?}", wrong.path());
    for path in PATHS {
        let url = far.api.url(path);
        for keys in ["", &wrong] {
            let near = NodeConfig::new().overlay("red", &[]).gateway("partner", &url, keys).start().await;
            let detail = is(&near, "partner", "down").await["detail"].to_string();
            assert!(detail.contains("token_file") && detail.contains(&url), "{detail}");
            let found = near.api.ok("search.find", json!({ "query": "paper" })).await;
            assert_eq!((&found["complete"], &found["outcomes"][0]["outcome"]), (&json!(false), &json!("refused")));
        }
        let named = url.replace("http://", &format!("http://erp:{SECRET}@"));
        for (url, keys) in [(&url, file.as_str()), (&named, "")] {
            let near = NodeConfig::new().overlay("red", &[]).gateway("partner", url, keys).start().await;
            is(&near, "partner", "up").await;
            finds(&near.api, "paper", 1).await;
            reads(&near.api, id, &data).await;
            assert!(!near.log().contains(SECRET) && !overlay(&near, "partner").await.to_string().contains(SECRET));
        }
    }
}

/// How many searches a node was asked.
async fn searches(node: &Node) -> u64 {
    node.api.ok("node.stats", json!({})).await["searchesServed"].as_u64().expect("searchesServed")
}

/// An address where nobody listens yet.
async fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    format!("http://{}", listener.local_addr().expect("its address"))
}

/// Passes bytes between callers of this address and a node that is named later.
struct Hallway {
    url: String,
    leads_to: std::sync::Arc<tokio::sync::OnceCell<String>>,
    task: tokio::task::JoinHandle<()>,
}

impl Hallway {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let leads_to = std::sync::Arc::new(tokio::sync::OnceCell::<String>::new());
        let place = leads_to.clone();
        let task = tokio::spawn(async move {
            let mut open = tokio::task::JoinSet::new();
            while let Ok((mut caller, _)) = listener.accept().await {
                let Some(node) = place.get().cloned() else { continue };
                open.spawn(async move {
                    let mut node = tokio::net::TcpStream::connect(node).await?;
                    tokio::io::copy_bidirectional(&mut caller, &mut node).await
                });
            }
        });
        Self { url, leads_to, task }
    }

    fn lead_to(&self, node: &Node) {
        self.leads_to.set(node.api.authority().to_owned()).expect("set once");
    }
}

impl Drop for Hallway {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[tokio::test]
async fn two_gateways_that_name_each_other_do_not_ask_in_circles() {
    for path in PATHS {
        let hallway = Hallway::open().await;
        let a = NodeConfig::new().overlay("red", &[]).gateway("b", &format!("{}{path}", hallway.url), "").start().await;
        let b = NodeConfig::new().overlay("blue", &[]).gateway("a", &a.api.url(path), "").start().await;
        hallway.lead_to(&b);
        for (node, word) in [(&a, "here"), (&b, "there")] {
            node.api.ok("content.publish", json!({ "name": format!("{word} paper"), "data": "AAAA" })).await;
        }
        is(&a, "b", "up").await;
        is(&b, "a", "up").await;
        let before = (searches(&a).await, searches(&b).await);
        let found = a.api.ok("search.find", json!({ "query": "paper" })).await;
        assert_eq!((found["hits"].as_array().map(Vec::len), &found["complete"]), (Some(1), &json!(true)), "{found}");
        assert_eq!((searches(&a).await - before.0, searches(&b).await - before.1), (1, 1), "{path}");
        assert_eq!(found["hits"][0]["providers"], 2, "the same bytes lie on both: {found}");

        let nobody = content_id(blake3::hash(b"nobody has this"));
        for node in [&a, &b] {
            let reply = node.api.get(&format!("/content/{nobody}")).await;
            assert_eq!(reply.status, 404, "{}", reply.text());
        }
    }
}

#[tokio::test]
async fn a_far_side_that_is_down_holds_nobody_up() {
    let url = free_address().await;
    let near = NodeConfig::new().overlay("red", &[]).gateway("partner", &format!("{url}/soap"), "").start().await;
    near.api.ok("content.publish", json!({ "name": "near paper", "data": "AAAA" })).await;
    let detail = is(&near, "partner", "down").await["detail"].to_string();
    assert!(detail.contains(&url), "{detail}");
    let found = near.api.ok("search.find", json!({ "query": "paper", "timeoutMs": 20_000 })).await;
    assert_eq!((found["hits"].as_array().map(Vec::len), &found["complete"]), (Some(1), &json!(false)), "{found}");
    let refused = found["outcomes"].as_array().expect("outcomes").iter().any(|outcome| outcome["outcome"] == "refused");
    assert!(refused && found["elapsedMs"].as_u64() < Some(10_000), "{found}");
    let nobody = content_id(blake3::hash(b"nobody has this"));
    let fault = near.api.fault("content.read", json!({ "contentId": nobody })).await;
    assert!(fault.message.contains("partner") && fault.message.contains("down"), "{fault:?}");
}

/// A far side over XML-RPC that has one content and sends other bytes for it, however it is asked.
async fn liar(data: Vec<u8>) -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/RPC2", listener.local_addr().expect("its address"));
    let id = content_id(blake3::hash(&data));
    let mut forged = data.clone();
    forged[data.len() / 2] ^= 1;
    let member = |name: &str, value: String| format!("<member><name>{name}</name><value>{value}</value></member>");
    let answer = move |request: &str| {
        let size = member("size", format!("<string>{}</string>", forged.len()));
        let record = [member("contentId", id.clone()), member("name", "a lie".into()), size.clone()].concat();
        let fields = if request.contains("content.read") {
            let data = base64_simd::STANDARD.encode_to_string(&forged);
            [member("data", format!("<base64>{data}</base64>")), size, member("eof", "<int>1</int>".into())].concat()
        } else if request.contains("search.find") {
            member("hits", format!("<array><data><value><struct>{record}</struct></value></data></array>"))
        } else {
            record
        };
        format!(
            "<methodResponse><params><param><value><struct>{fields}</struct></value></param></params></methodResponse>"
        )
    };
    let answer = std::sync::Arc::new(answer);
    let task = tokio::spawn(async move {
        let mut open = tokio::task::JoinSet::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            open.spawn(async move {
                let (mut request, mut part) = (String::new(), [0; 4096]);
                // The calls are small, and end with their document; a GET ends with its head.
                let is_whole = |request: &str| match request.starts_with("GET") {
                    true => request.ends_with("\r\n\r\n"),
                    false => request.contains("</methodCall>"),
                };
                while !is_whole(&request) {
                    let count = stream.read(&mut part).await.unwrap_or(0);
                    if count == 0 {
                        return;
                    }
                    request.push_str(&String::from_utf8_lossy(&part[..count]));
                }
                let reply = match request.starts_with("GET") {
                    true => "HTTP/1.0 404 Not here\r\n\r\n".to_owned(),
                    false => format!("HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n{}", answer(&request)),
                };
                let _ = stream.write_all(reply.as_bytes()).await;
            });
        }
    });
    (url, task)
}

#[tokio::test]
async fn what_a_lying_far_side_sends_is_never_handed_out() {
    let data = noise("lie", 40_000);
    let (url, liar) = liar(data.clone()).await;
    let near = NodeConfig::new().overlay("red", &[]).gateway("partner", &url, "").start().await;
    let hits = finds(&near.api, "lie", 1).await;
    let id = content_id(blake3::hash(&data));
    assert_eq!(hits[0]["contentId"], id);
    for binding in Binding::ALL {
        let fault = near.api.call(binding, "content.read", json!({ "contentId": id })).await.expect_err("it lies");
        assert!(fault.message.contains("do not belong to content"), "{binding:?} {fault:?}");
    }
    let reply = near.api.get(&format!("/content/{id}")).await;
    assert_eq!(reply.status, 503, "{}", reply.text());
    liar.abort();
}

#[tokio::test]
async fn large_content_passes_through_in_flat_memory() {
    const SIZE: u64 = 64 << 20;
    let folder = tempfile::tempdir().expect("temporary folder");
    let hash = write_noise(&folder.path().join("large paper.bin"), "large", SIZE).expect("write the file");
    let far = NodeConfig::new().overlay("blue", &[]).share(folder.path()).start().await;
    far.has_contents(1).await;
    for path in PATHS {
        let near = NodeConfig::new().overlay("red", &[]).gateway("partner", &far.api.url(path), "").start().await;
        is(&near, "partner", "up").await;
        // 5 sets the mark of the highest memory back to what is used now.
        fs::write(format!("/proc/{}/clear_refs", near.process_id()), "5").expect("reset the mark");
        let before = memory(&near, "VmRSS");
        let url = format!("/content/{}", content_id(hash));
        let request = near.api.request(reqwest::Method::GET, &url).timeout(Duration::from_secs(120));
        let mut reply = request.send().await.expect("an answer");
        let mut hasher = blake3::Hasher::new();
        while let Some(part) = reply.chunk().await.expect("all of it") {
            hasher.update(&part);
        }
        assert_eq!(hasher.finalize(), hash, "{path}");
        let growth = memory(&near, "VmHWM").saturating_sub(before);
        assert!(growth < GROWTH_KIB, "{path}: memory grew by {growth} KiB");
    }
}

#[tokio::test]
async fn a_content_proves_itself_over_http() {
    let node = NodeConfig::new().start().await;
    let data = noise("proof", 100_000);
    let input = json!({ "name": "proof.bin", "data": base64_simd::STANDARD.encode_to_string(&data) });
    let content = node.api.ok("content.publish", input).await;
    let path = format!("/content/{}?start=20000&end=40000", content["contentId"].as_str().expect("contentId"));
    let request = node.api.request(reqwest::Method::GET, &path).header("accept", "application/vnd.peergate.bao");
    let reply = crate::harness::Reply::of(request).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "application/vnd.peergate.bao"));
    let block = bao_tree::BlockSize::from_chunk_log(4);
    let outboard = bao_tree::io::outboard::PreOrderMemOutboard::create(&data[..], block);
    // The groups that hold bytes 20,000 to 40,000.
    let ranges = bao_tree::io::round_up_to_chunks(&bao_tree::ByteRanges::from(16_384..49_152));
    let mut want = (data.len() as u64).to_le_bytes().to_vec();
    bao_tree::io::sync::encode_ranges_validated(&data[..], &outboard, &ranges, &mut want).expect("encode");
    assert!(reply.body == want, "{} bytes instead of {}", reply.body.len(), want.len());
    assert_eq!(node.api.get(&path).await.body, data, "everybody else gets the bytes");

    let journey = node.api.request(reqwest::Method::GET, &path).header("peergate-journey", "round in circles");
    let reply = crate::harness::Reply::of(journey).await;
    assert_eq!((reply.status, reply.json()["kind"].as_str()), (400, Some("InvalidRequest")), "{}", reply.text());
    for binding in Binding::ALL {
        let body = binding.encode("search.find", &json!({ "query": "proof" }));
        let request = node.api.request(reqwest::Method::POST, &binding.path("search.find"));
        let request = request.header("content-type", binding.media_type()).header("peergate-journey", "no;such;way");
        let reply = crate::harness::Reply::of(request.body(body)).await;
        let fault = reply.outcome(binding, "search.find", &node.api).await.expect_err("it cannot be read");
        assert!(fault.message.contains("journey"), "{binding:?} {fault:?}");
    }
}

#[tokio::test]
async fn a_question_goes_on_to_further_gateways_as_far_as_its_hops_reach() {
    // a -> b -> c -> d, and each of them back to a: whatever is asked at a goes round and ends.
    let hallway = Hallway::open().await;
    let mut nodes = Vec::new();
    let mut next: Option<String> = None;
    for name in ["d", "c", "b", "a"] {
        let mut config = NodeConfig::new().overlay(name, &[]);
        if let Some(url) = &next {
            config = config.gateway("next", url, "");
        }
        if name != "a" {
            config = config.gateway("first", &format!("{}/soap", hallway.url), "");
        }
        let node = config.start().await;
        node.api.ok("content.publish", json!({ "name": format!("paper of {name}"), "data": "AAAA" })).await;
        next = Some(node.api.url("/soap"));
        nodes.push(node);
    }
    let [d, c, b, a] = &nodes[..] else { panic!("four nodes") };
    hallway.lead_to(a);
    for node in [a, b, c] {
        is(node, "next", "up").await;
    }
    for node in [b, c, d] {
        is(node, "first", "up").await;
    }
    let before = [searches(a).await, searches(b).await, searches(c).await, searches(d).await];
    let found = a.api.ok("search.find", json!({ "query": "paper" })).await;
    assert_eq!((&found["hits"][0]["providers"], &found["complete"]), (&json!(4), &json!(true)), "{found}");
    let after = [searches(a).await, searches(b).await, searches(c).await, searches(d).await];
    assert_eq!([0, 1, 2, 3].map(|at| after[at] - before[at]), [1; 4], "each of them is asked once");

    let journey = format!("{};12D3Other;0;native:elsewhere,gateway:12D3Other", "1".repeat(32));
    let request = a.api.request(reqwest::Method::POST, "/api/search/find").header("peergate-journey", journey);
    let reply =
        crate::harness::Reply::of(request.header("content-type", "application/json").body("{\"query\":\"paper\"}"));
    assert_eq!(reply.await.json()["hits"][0]["providers"], 1, "without a hop left it goes to no further gateway");
}

#[tokio::test]
async fn bridges_decide_what_a_gateway_reaches_that_asks_over_http() {
    let hallway = Hallway::open().await;
    let rules = "[[bridge]]\nfrom = \"a\"\nto = \"blue\"\nbidirectional = false\ndeny = [\"*secret*\"]\n";
    let far = NodeConfig::new().overlay("blue", &[]).gateway("a", &format!("{}/soap", hallway.url), "").with(rules);
    let far = far.start().await;
    let publish = async |name: &str, data: &str| {
        let content = far.api.ok("content.publish", json!({ "name": name, "data": data })).await;
        content["contentId"].as_str().expect("contentId").to_owned()
    };
    let (open, secret) = (publish("open paper", "AAAA").await, publish("secret paper", "BBBB").await);
    let near = NodeConfig::new().overlay("red", &[]).gateway("b", &far.api.url("/soap"), "").start().await;
    hallway.lead_to(&near);
    is(&near, "b", "up").await;
    is(&far, "a", "up").await;

    let hits = finds(&near.api, "paper", 1).await;
    assert_eq!(hits[0]["contentId"], open);
    let bridges = far.api.ok("bridge.list", json!({})).await;
    assert_eq!(hits[0]["via"], json!([bridges["bridges"][0]["bridgeId"]]), "it says which bridge it crossed");
    assert_eq!(near.api.get(&format!("/content/{open}")).await.body, [0; 3]);
    assert_eq!(near.api.get(&format!("/content/{secret}")).await.status, 404, "it is as if it were not there");
    let fault = near.api.fault("content.describe", json!({ "contentId": secret })).await;
    fault.assert_is(crate::harness::Kind::NotFound);
    assert_eq!(far.api.get(&format!("/content/{secret}")).await.status, 200, "who is no gateway asks for himself");

    far.api.ok("bridge.pause", json!({ "bridgeId": bridges["bridges"][0]["bridgeId"] })).await;
    finds(&near.api, "paper", 0).await;
}
