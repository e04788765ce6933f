//! Requests that have brought down a server somewhere: each is refused, by a bound that has a name, and the node goes on.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use reqwest::Method;

use super::{call, code, post};
use crate::harness::{Binding, Fault, Node, NodeConfig, Reply};

async fn refused(node: &Node, body: String, what: &str) -> Fault {
    let fault = post(&node.api, body).await.expect_err(what);
    assert!(fault.message.len() < 1_000, "{what}: the fault repeats the request");
    node.api.assert_answers(what).await;
    fault
}

#[tokio::test]
async fn a_gzip_bomb_counts_by_what_it_becomes() {
    let node = NodeConfig::new().limit("inline_bytes", 1 << 20).start().await;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let zeros = vec![b' '; 1 << 20];
    for _ in 0..256 {
        encoder.write_all(&zeros).expect("write to memory");
    }
    let bomb = encoder.finish().expect("write to memory");
    assert!(bomb.len() < 1 << 20, "the bomb itself is within the limit");
    for binding in Binding::ALL {
        let request = node.api.request(Method::POST, &binding.path("search.find")).header("content-encoding", "gzip");
        let reply = Reply::of(request.header("content-type", binding.media_type()).body(bomb.clone())).await;
        let fault = reply.outcome(binding, "search.find", &node.api).await.expect_err("a bomb");
        fault.assert_is(crate::harness::Kind::TooLarge).assert_names(&["limits.inline_bytes"]);
    }
    node.api.assert_answers("a gzip bomb").await;
}

#[tokio::test]
async fn entities_are_never_expanded() {
    let node = NodeConfig::new().start().await;
    let entities: String = (1..40).map(|n| format!("<!ENTITY e{n} \"&e{0};&e{0};\">", n - 1)).collect();
    let bomb =
        call("search.find", &["&e39;"]).replace("?>", &format!("?><!DOCTYPE m [<!ENTITY e0 \"ha\">{entities}]>"));
    assert_eq!(refused(&node, bomb, "an entity bomb").await.code, "-32700");
    let quadratic = format!("?><!DOCTYPE m [<!ENTITY a \"{}\">]>", "a".repeat(100_000));
    let quadratic = call("search.find", &[&"&a;".repeat(100_000)]).replace("?>", &quadratic);
    assert_eq!(refused(&node, quadratic, "a quadratic entity bomb").await.code, "-32700");
    let unknown = call("search.find", &[&"&a;".repeat(100_000)]);
    assert_eq!(refused(&node, unknown, "entities that are not declared").await.code, "-32700");
}

#[tokio::test]
async fn levels_are_bounded_whatever_they_are_made_of() {
    let node = NodeConfig::new().start().await;
    const LEVELS: usize = 100_000;
    let arrays = "<array><data><value>".repeat(LEVELS) + &"</value></data></array>".repeat(LEVELS);
    let structs = "<struct><member><name>a</name><value>".repeat(LEVELS) + &"</value></member></struct>".repeat(LEVELS);
    for value in [arrays.as_str(), structs.as_str(), &"<value>".repeat(LEVELS)] {
        for method in ["search.find", "system.multicall", "system.methodHelp", "no.such"] {
            let fault = post(&node.api, call(method, &[value])).await.expect_err("a deep value");
            assert!(
                matches!(fault.code.as_str(), "-32700" | "-32600" | "-32601" | "-32602" | "400"),
                "{method}: {fault:?}"
            );
        }
    }
    let options = format!("<struct><member><name>tags</name><value>{arrays}</value></member></struct>");
    refused(&node, call("search.find", &["x", &options]), "deep options").await;
    let inner = format!(
        "<struct><member><name>methodName</name><value>node.info</value></member><member><name>params</name><value>{arrays}</value></member></struct>"
    );
    let multicall = call("system.multicall", &[&format!("<array><data><value>{inner}</value></data></array>")]);
    refused(&node, multicall, "a deep inner call").await.assert_names(&["limits.xml_depth, 64"]);
    refused(&node, "<methodCall>".repeat(LEVELS), "deep calls").await;
}

#[tokio::test]
async fn a_million_attributes_are_refused_at_the_limit() {
    let node = NodeConfig::new().start().await;
    let attributes: String = (0..1_000_000).map(|n| format!(" a{n}=''")).collect();
    let wide = call("node.info", &[]).replace("<methodName>", &format!("<methodName{attributes}>"));
    let fault = refused(&node, wide, "a million attributes").await;
    assert_eq!(fault.code, "-32700");
    fault.assert_names(&["limits.xml_attributes, 64"]);
    let long = call("node.info", &[]).replace("<methodName>", &format!("<methodName a='{}'>", "x".repeat(1 << 20)));
    assert!(post(&node.api, long).await.is_ok(), "one long attribute is one attribute");
}

#[tokio::test]
async fn a_multicall_of_a_hundred_thousand_is_refused_whole() {
    let node = NodeConfig::new().start().await;
    let inner = "<value><struct><member><name>methodName</name><value>node.info</value></member></struct></value>";
    for (inner, what) in [(inner, "calls"), ("<value/>", "values")] {
        let calls = format!("<array><data>{}</data></array>", inner.repeat(100_000));
        let fault = refused(&node, call("system.multicall", &[&calls]), what).await;
        assert_eq!(fault.code, "413");
        fault.assert_names(&["100000", "limits.multicall_calls is 1000"]);
    }
}

#[tokio::test]
async fn values_without_end_are_refused_where_they_stop_making_sense() {
    let node = NodeConfig::new().start().await;
    const MANY: usize = 200_000;
    let members = "<member><name>x</name><value/></member>".repeat(MANY);
    let fault =
        refused(&node, call("search.find", &["x", &format!("<struct>{members}</struct>")]), "many members").await;
    assert_eq!(fault.code, "400");
    let params = "<param><value>x</value></param>".repeat(MANY);
    let document = format!("<methodCall><methodName>search.find</methodName><params>{params}</params></methodCall>");
    assert_eq!(refused(&node, document, "many parameters").await.code, "-32602");
    let tags = format!("<array><data>{}</data></array>", "<value>x</value>".repeat(MANY));
    let options = format!("<struct><member><name>tags</name><value>{tags}</value></member></struct>");
    // Many tags are a question like another one; only that it is answered matters.
    let _ = post(&node.api, call("search.find", &["x", &options])).await;
    let references = call("search.find", &[&"&#65;".repeat(MANY)]);
    assert_eq!(code(post(&node.api, references).await, "a long query"), 400);
    let comments = call("node.info", &[]).replace("<params>", &("<!-- -->".repeat(MANY) + "<params>"));
    assert!(post(&node.api, comments).await.is_ok(), "comments are nothing");
    let instructions = call("node.info", &[]).replace("<params>", &("<?a b?>".repeat(MANY) + "<params>"));
    assert!(post(&node.api, instructions).await.is_ok(), "processing instructions are nothing");
    let cdata = call("search.find", &[&"<![CDATA[x]]>".repeat(MANY)]);
    assert_eq!(code(post(&node.api, cdata).await, "a long query in parts"), 400);
    node.api.assert_answers("long documents").await;
}

#[tokio::test]
async fn a_multicall_under_a_wrong_token_is_refused_once() {
    let secret = "a-secret-that-nobody-has-guessed";
    let node = NodeConfig::new().token("erp", secret, &["node.*"]).start().await;
    let inner = "<value><struct><member><name>methodName</name><value>node.info</value></member></struct></value>";
    let calls = call("system.multicall", &[&format!("<array><data>{}</data></array>", inner.repeat(500))]);
    for shown in [None, Some("a-secret-that-somebody-guessed"), Some("")] {
        let request = node.api.request(Method::POST, "/xmlrpc").header("content-type", "text/xml");
        let request =
            shown.map_or(request.try_clone().expect("no body yet"), |shown| request.basic_auth("erp", Some(shown)));
        let reply = Reply::of(request.body(calls.clone())).await;
        assert_eq!(reply.status, 401, "{shown:?}");
        assert!(!reply.header("www-authenticate").is_empty(), "{shown:?}");
        assert!(reply.text().contains("<int>401</int>") && reply.body.len() < 1_000, "{}", reply.text());
    }
    let request = node.api.request(Method::POST, "/xmlrpc").basic_auth("erp", Some(secret));
    let reply = Reply::of(request.header("content-type", "text/xml").body(calls)).await;
    assert_eq!(reply.text().matches("<name>peerId</name>").count(), 500);
}
