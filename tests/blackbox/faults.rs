//! Bad input on every binding gets the contract's fault (section 6) and loses nothing: after each case the node must
//! still answer a good call.

use serde_json::{Value, json};

use crate::harness::{
    Api, Binding, Fault, Kind, Node, NodeConfig, Pair, Reply, content_id, noise, small_disk_works, soap,
};

/// What the faulted operations are given: operation, input, the kind expected and the words that the message names.
type Case = (&'static str, Value, Kind, &'static [&'static str]);

fn cases() -> Vec<Case> {
    use Kind::{InvalidRequest, NotFound};
    let nobody = content_id(blake3::hash(b"nobody"));
    vec![
        // missing
        ("search.find", json!({}), InvalidRequest, &["query"]),
        ("content.describe", json!({}), InvalidRequest, &["contentId"]),
        ("content.publish", json!({ "name": "no data" }), InvalidRequest, &["data"]),
        ("peer.update", json!({ "alias": "nobody" }), InvalidRequest, &["peerId"]),
        // unknown
        ("search.find", json!({ "query": "x", "limmit": 1 }), InvalidRequest, &["limmit"]),
        ("node.info", json!({ "verbose": true }), InvalidRequest, &["verbose"]),
        // ill-typed
        ("search.find", json!({ "query": "x", "limit": "ten" }), InvalidRequest, &["limit"]),
        ("search.find", json!({ "query": { "word": "x" } }), InvalidRequest, &["query"]),
        ("transfer.remove", json!({ "transferId": "x", "deleteData": "perhaps" }), InvalidRequest, &["deleteData"]),
        ("content.read", json!({ "contentId": nobody, "offset": 1.5 }), InvalidRequest, &["offset"]),
        // out of range
        ("search.find", json!({ "query": "x", "limit": 0 }), InvalidRequest, &["limit"]),
        ("search.find", json!({ "query": "x", "limit": 201 }), InvalidRequest, &["limit", "200"]),
        ("search.find", json!({ "query": "x", "limit": 5_000_000_000_i64 }), InvalidRequest, &["limit"]),
        ("search.find", json!({ "query": "x", "timeoutMs": 60_001 }), InvalidRequest, &["timeoutMs", "60000"]),
        ("search.find", json!({ "query": "x", "minSize": -1 }), InvalidRequest, &["minSize"]),
        ("content.read", json!({ "contentId": nobody, "length": 16_777_217 }), InvalidRequest, &["length", "16777216"]),
        ("content.list", json!({ "limit": 501 }), InvalidRequest, &["limit", "500"]),
        ("search.results", json!({ "searchId": "x", "waitMs": -1 }), InvalidRequest, &["waitMs"]),
        // malformed
        ("search.find", json!({ "query": "" }), InvalidRequest, &["query"]),
        ("search.find", json!({ "query": "-only -without" }), InvalidRequest, &["query"]),
        ("search.find", json!({ "query": "x".repeat(100_000) }), InvalidRequest, &["query"]),
        ("content.describe", json!({ "contentId": "../etc/passwd" }), InvalidRequest, &["contentId"]),
        ("content.describe", json!({ "contentId": "b".repeat(5000) }), InvalidRequest, &["contentId"]),
        ("peer.update", json!({ "peerId": "nobody" }), InvalidRequest, &["peerId"]),
        // unknown ids
        ("transfer.status", json!({ "transferId": "../../transfers" }), NotFound, &[]),
        ("content.update", json!({ "contentId": nobody, "name": "x" }), NotFound, &[]),
    ]
}

#[tokio::test]
async fn fields_that_are_missing_unknown_ill_typed_or_out_of_range_are_named() {
    let node = NodeConfig::new().start().await;
    for (operation, input, kind, names) in cases() {
        for binding in Binding::ALL {
            let outcome = node.api.call(binding, operation, input.clone()).await;
            let shown: String = input.to_string().chars().take(100).collect();
            let fault = outcome.expect_err(&format!("{operation} over {binding:?} took {shown}"));
            fault.assert_is(kind).assert_names(names);
            assert!(fault.message.len() < 1000, "the fault repeats the request: {fault:?}");
            if kind == Kind::InvalidRequest && binding == Binding::XmlRpc {
                assert!(matches!(fault.code.as_str(), "400" | "-32602"), "{fault:?}");
            }
        }
        node.api.assert_answers(operation).await;
    }
}

/// An unknown member is refused by name, never as a signature that does not fit.
#[tokio::test]
async fn an_unknown_xmlrpc_member_is_fault_400() {
    let node = NodeConfig::new().start().await;
    let input = json!(["word", { "limmit": 1 }]);
    let fault = node.api.call(Binding::XmlRpc, "search.find", input).await.expect_err("limmit is unknown");
    assert_eq!(fault.code, "400");
    fault.assert_names(&["limmit"]);
}

#[tokio::test]
async fn unknown_operations_are_not_found() {
    let node = NodeConfig::new().start().await;
    for operation in ["search.fnid", "nothing.here", "system.shutdown"] {
        for binding in Binding::ALL {
            let body = binding.encode(operation, &json!({}));
            let reply = node.api.post(binding, operation, body).await;
            let fault = reply.outcome(binding, operation, &node.api).await.expect_err("the operation is unknown");
            fault.assert_is(Kind::NotFound);
            if binding == Binding::XmlRpc {
                assert_eq!(fault.code, "-32601");
            }
        }
    }
    node.api.assert_answers("unknown operations").await;
}

/// Posts `body` as a call of search.find and answers the fault that it must get.
async fn refused(api: &Api, binding: Binding, body: impl Into<reqwest::Body>, what: &str) -> Fault {
    let reply = api.post(binding, "search.find", body).await;
    let outcome = reply.outcome(binding, "search.find", api).await;
    let fault = outcome.expect_err(&format!("{what} over {binding:?} was taken"));
    api.assert_answers(what).await;
    fault
}

#[tokio::test]
async fn malformed_json_is_an_invalid_request() {
    let node = NodeConfig::new().start().await;
    let deep = format!("{{\"query\":{}", "[".repeat(100_000));
    let bodies: [&[u8]; 7] =
        [b"", b"{", b"[]", b"\"query\"", b"{\"query\":\"x\"} trailing", b"{\"query\":\"\xff\"}", deep.as_bytes()];
    for body in bodies {
        let shown: String = String::from_utf8_lossy(body).chars().take(40).collect();
        let fault = refused(&node.api, Binding::Json, body.to_vec(), &shown).await;
        fault.assert_is(Kind::InvalidRequest);
    }
    let twice = refused(&node.api, Binding::Json, "{\"query\":\"x\",\"query\":\"y\"}", "a field twice").await;
    twice.assert_is(Kind::InvalidRequest).assert_names(&["query"]);
}

/// A call of search.find with these parameters.
fn find_call(params: &str) -> String {
    format!("<methodCall><methodName>search.find</methodName><params>{params}</params></methodCall>")
}

#[tokio::test]
async fn broken_xmlrpc_gets_the_interop_codes() {
    let node = NodeConfig::new().start().await;
    let good = find_call("<param><value>x</value></param>");
    let param = "<param><value><string>x</string></value></param>";
    let cases: Vec<(&str, String, &[&str])> = vec![
        ("an empty body", String::new(), &["-32700"]),
        ("no XML", "hello".into(), &["-32700"]),
        ("a tag that is not closed", "<methodCall><methodName>search.find".into(), &["-32700"]),
        ("tags that cross", "<methodCall><methodName>search.find</methodCall></methodName>".into(), &["-32700"]),
        ("content after the end", format!("{good}<more/>"), &["-32700"]),
        ("text after the end", format!("{good}more"), &["-32700"]),
        ("an unknown entity", find_call("<param><value>&nbsp;</value></param>"), &["-32700"]),
        ("an impossible character", find_call("<param><value>&#0;</value></param>"), &["-32700"]),
        ("another root", "<envelope/>".into(), &["-32600"]),
        ("no method name", "<methodCall><params/></methodCall>".into(), &["-32600"]),
        ("an answer as a call", "<methodResponse><params/></methodResponse>".into(), &["-32600"]),
        ("an unknown type", find_call("<param><value><complex>1</complex></value></param>"), &["-32600"]),
        ("too many positions", find_call(&param.repeat(4)), &["-32602"]),
        ("no parameters", find_call(""), &["-32602", "400"]),
        ("an array for a word", find_call("<param><value><array><data/></array></value></param>"), &["-32602", "400"]),
        (
            "an int that is none",
            find_call("<param><value><int>1e5</int></value></param>"),
            &["-32602", "-32600", "400"],
        ),
        (
            "a huge int",
            find_call("<param><value><i8>99999999999999999999</i8></value></param>"),
            &["-32602", "-32600", "400"],
        ),
    ];
    for (what, body, codes) in cases {
        let fault = refused(&node.api, Binding::XmlRpc, body, what).await;
        assert!(codes.contains(&fault.code.as_str()), "{what}: want {codes:?}: {fault:?}");
        assert_eq!(fault.status, 200, "{what}");
    }
}

#[tokio::test]
async fn broken_soap_is_the_clients_fault() {
    let node = NodeConfig::new().start().await;
    for binding in [Binding::Soap11, Binding::Soap12] {
        let good = binding.encode("search.find", &json!({ "query": "x" }));
        let cases = [
            ("an empty body", String::new()),
            ("no XML", "hello".to_owned()),
            ("a tag that is not closed", good.replace("</SearchFind>", "")),
            ("content after the end", format!("{good}<more/>")),
            ("a prefix that is not bound", good.replace("<query>", "<q:query>").replace("</query>", "</q:query>")),
            ("an empty SOAP body", soap::envelope(binding, "")),
            ("two operations", soap::envelope(binding, "<NodeInfo/><NodeInfo/>")),
            ("a field twice", good.replace("</query>", "</query><query>y</query>")),
            ("text among the fields", good.replace("</query>", "</query>stray")),
            ("a field of another namespace", good.replace("<query>", "<query xmlns=\"urn:other\">")),
        ];
        for (what, body) in cases {
            refused(&node.api, binding, body, what).await.assert_is(Kind::InvalidRequest);
        }
    }
}

/// Refused outright: no DTD is ever needed, and each of these has brought down a parser somewhere.
#[tokio::test]
async fn dtds_depth_and_attributes_are_bounded_on_the_xml_bindings() {
    let node = NodeConfig::new().start().await;
    let entities: String = (1..30).map(|n| format!("<!ENTITY e{n} \"&e{};&e{0};\">", n - 1)).collect();
    let bomb = format!("<!DOCTYPE bomb [<!ENTITY e0 \"lol\">{entities}]>");
    let file = "<!DOCTYPE x [<!ENTITY e29 SYSTEM \"file:///etc/passwd\">]>".to_owned();
    let attributes: String = (0..1000).map(|n| format!(" a{n}=\"\"")).collect();
    let (open, close) = ("<value><array><data>".repeat(20_000), "</data></array></value>".repeat(20_000));
    for binding in [Binding::XmlRpc, Binding::Soap11, Binding::Soap12] {
        let good = binding.encode("search.find", &json!({ "query": "QUERY" }));
        let root_at = good.find("?>").expect("declaration") + 2;
        for dtd in [&bomb, &file, &"<!DOCTYPE methodCall>".to_owned()] {
            let body = format!("{}{dtd}{}", &good[..root_at], good[root_at..].replace("QUERY", "&e29;"));
            let fault = refused(&node.api, binding, body, "a DTD").await;
            fault.assert_is(Kind::InvalidRequest);
            assert!(!fault.message.contains("root:"), "{fault:?}");
        }
        let element = if binding == Binding::XmlRpc { "<struct>" } else { "<SearchFind>" };
        let wide = good.replace(element, &element.replace('>', &format!("{attributes}>")));
        refused(&node.api, binding, wide, "a thousand attributes").await.assert_names(&["attribute"]);
        let deep = match binding {
            Binding::XmlRpc => find_call(&format!("<param>{open}{close}</param>")),
            _ => {
                let (open, close) = ("<query>".repeat(20_000), "</query>".repeat(20_000));
                soap::envelope(
                    binding,
                    &format!("<p:SearchFind xmlns:p=\"urn:peergate:v1\">{open}{close}</p:SearchFind>"),
                )
            }
        };
        let fault = refused(&node.api, binding, deep, "a deep tree").await;
        assert!(matches!(fault.kind(), Kind::InvalidRequest | Kind::TooLarge), "{fault:?}");
    }
}

#[tokio::test]
async fn a_body_above_the_inline_limit_is_too_large_and_the_way_round_is_named() {
    let node = NodeConfig::new().limit("inline_bytes", 65_536).start().await;
    let data = base64_simd::STANDARD.encode_to_string(noise("too large", 1 << 20));
    for binding in Binding::ALL {
        let input = json!({ "name": "too large", "data": data });
        let fault = node.api.call(binding, "content.publish", input).await.expect_err("1 MiB is over 64 KiB");
        fault.assert_is(Kind::TooLarge).assert_names(&["65536"]);
        node.api.assert_answers("an oversized body").await;
    }
    let put = node.api.request(reqwest::Method::PUT, "/content?name=large").body(noise("large", 1 << 20));
    let put = Reply::of(put).await.json();
    for binding in Binding::ALL {
        let input = json!({ "contentId": put["contentId"] });
        let fault = node.api.call(binding, "content.download", input).await.expect_err("1 MiB is over 64 KiB");
        fault.assert_is(Kind::TooLarge).assert_names(&["content.read", "/content/"]);
    }
}

/// Names that would be trouble as a path, a header or a line of a log.
fn hostile_names() -> Vec<String> {
    let mut names: Vec<String> = [
        "",
        ".",
        "..",
        "../../../../escaped",
        "/tmp/peergate-escaped",
        "..\\..\\escaped",
        "a/b/c",
        "nul\0byte",
        "bell\u{7}\u{1b}[2J",
        "line\r\nX-Injected: yes",
        "\u{202e}gpj.exe",
        "CON",
        "-rf",
        "a\u{301}\u{1f4a9}",
        "%2e%2e%2fescaped",
        "~/escaped",
        " ",
    ]
    .map(str::to_owned)
    .into();
    names.push("x".repeat(4096));
    names.push("漢".repeat(1365));
    names
}

/// Every file below a folder, but not below its data folder.
fn files_outside_of_data(node: &Node) -> Vec<String> {
    let data = node.data_dir();
    let entries = walkdir::WalkDir::new(node.folder()).into_iter().filter_entry(|entry| entry.path() != data).flatten();
    let mut paths: Vec<String> = entries.map(|entry| entry.path().display().to_string()).collect();
    paths.sort();
    paths
}

#[tokio::test]
async fn names_are_text_and_never_paths() {
    let pair = Pair::empty().await;
    let before = (files_outside_of_data(&pair.a), files_outside_of_data(&pair.b));
    for (index, name) in hostile_names().iter().enumerate() {
        let data = base64_simd::STANDARD.encode_to_string(noise(&format!("hostile {index}"), 100));
        let input = json!({ "name": name, "data": data });
        let shown: String = name.chars().take(20).collect();
        let content = match pair.b.api.call(Binding::Json, "content.publish", input).await {
            Err(fault) => {
                fault.assert_is(Kind::InvalidRequest).assert_names(&["name"]);
                continue;
            }
            Ok(content) => content,
        };
        assert_eq!(content["name"], *name, "taken, so kept as it is");
        let id = json!({ "contentId": content["contentId"] });
        for binding in Binding::ALL {
            let described = pair.b.api.call(binding, "content.describe", id.clone()).await;
            let described = described.unwrap_or_else(|fault| panic!("{shown:?} over {binding:?}: {fault:?}"));
            let carried = if binding == Binding::Json { name.clone() } else { xml_text(name) };
            let read = described["name"].as_str().map(|name| name.replace("\r\n", "\n"));
            let carried = carried.replace("\r\n", "\n");
            assert_eq!(read, Some(carried), "{binding:?}");
        }
        let served = pair.b.api.get(&format!("/content/{}", content["contentId"].as_str().expect("contentId"))).await;
        assert_eq!(served.status, 200, "{shown:?}");
        assert!(served.headers.get("x-injected").is_none());
        let input = json!({ "contentId": content["contentId"], "name": name });
        if let Ok(transfer) = pair.a.api.call(Binding::Json, "transfer.start", input).await {
            let ended = crate::two_nodes_transfers::settled(&pair, &transfer["transferId"]).await;
            assert_eq!(ended["state"], "complete", "{shown:?}");
        }
    }
    assert_eq!(before, (files_outside_of_data(&pair.a), files_outside_of_data(&pair.b)));
    for escaped in ["/tmp/peergate-escaped", "/tmp/escaped", "/escaped"] {
        assert!(!std::path::Path::new(escaped).exists(), "{escaped} was written");
    }
    pair.a.api.assert_answers("hostile names").await;
    pair.b.api.assert_answers("hostile names").await;
}

/// What an XML binding makes of a text (contract, section 3), after the rule of XML that a raw CR LF is read as LF.
fn xml_text(text: &str) -> String {
    let replace = |c: char| if c < ' ' && !matches!(c, '\t' | '\n' | '\r') { '\u{fffd}' } else { c };
    text.replace("\r\n", "\n").chars().map(replace).collect()
}

#[tokio::test]
async fn a_full_disk_refuses_the_publish_and_the_node_goes_on() {
    if !small_disk_works() {
        return eprintln!("skipped: this machine lets no test mount a small disk");
    }
    let node = NodeConfig::new().disk_mib(24).start().await;
    let kept = node.api.ok("content.publish", json!({ "name": "kept before", "data": "AAEC" })).await;
    for round in 0..3 {
        let put = node.api.request(reqwest::Method::PUT, "/content?name=too%20much").body(noise("disk", 64 << 20));
        let reply = Reply::of(put).await;
        assert_eq!(reply.status, 503, "round {round}: {}", reply.text());
        assert_eq!(reply.json()["kind"], "Unavailable");
    }
    let data = base64_simd::STANDARD.encode_to_string(noise("disk", 30 << 20));
    for binding in Binding::ALL {
        let input = json!({ "name": "too much", "data": data });
        let fault = node.api.call(binding, "content.publish", input).await.expect_err("30 MiB on a disk of 24");
        fault.assert_is(Kind::Unavailable);
    }
    node.api.assert_answers("a full disk").await;
    let small = node.api.ok("content.publish", json!({ "name": "small after", "data": "AwQF" })).await;
    for content in [kept, small] {
        let read = node.api.ok("content.read", json!({ "contentId": content["contentId"] })).await;
        assert_eq!(read["size"], 3);
    }
    assert_eq!(node.api.ok("content.list", json!({})).await["contents"].as_array().map(Vec::len), Some(2));
}
