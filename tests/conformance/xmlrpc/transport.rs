//! XML-RPC over HTTP as old and plain clients speak it, byte by byte.

use std::io::{Read, Write};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde_json::json;

use super::{call, node};
use crate::harness::{Binding, Connection, Node, NodeConfig};

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).expect("write to memory");
    encoder.finish().expect("write to memory")
}

fn gunzip(packed: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    GzDecoder::new(packed).read_to_end(&mut plain).expect("gzip");
    plain
}

/// A request to `/RPC2` with these lines in its head.
fn request(node: &Node, lines: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /RPC2 HTTP/1.1\r\nHost: {}\r\n{lines}Content-Length: {}\r\n\r\n",
        node.api.authority(),
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn echo(text: &str) -> String {
    call("interopEchoTests.echoString", &[text])
}

#[tokio::test]
async fn a_call_needs_no_content_type_and_may_have_a_plain_one() {
    let node = node().await;
    let mut connection = Connection::to(&node).await;
    for content_type in
        ["", "text/xml", "TEXT/XML; Charset=UTF-8", "application/xml", "text/plain", "application/octet-stream"]
    {
        let line = if content_type.is_empty() { String::new() } else { format!("Content-Type: {content_type}\r\n") };
        connection.send(request(&node, &line, echo("x").as_bytes())).await;
        let reply = connection.reply().await;
        assert_eq!(reply.status, 200, "{content_type}");
        assert_eq!(reply.header("content-type"), "text/xml; charset=utf-8");
        assert!(String::from_utf8_lossy(&reply.body).contains("<string>x</string>"), "{content_type}");
    }
    connection.send(request(&node, "Content-Type: application/json\r\n", b"{}")).await;
    let refused = connection.reply().await;
    assert_eq!(refused.status, 415);
    assert!(refused.header("connection").eq_ignore_ascii_case("close"), "{refused:?}");
    assert_eq!(connection.until_closed().await, "");
}

#[tokio::test]
async fn http_1_0_is_answered_and_closed_or_kept_as_it_asks() {
    let node = node().await;
    let body = echo("x");
    let mut connection = Connection::to(&node).await;
    connection.send(format!("POST /xmlrpc HTTP/1.0\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await;
    let reply = connection.reply().await;
    assert_eq!((reply.status, reply.header("transfer-encoding")), (200, ""));
    assert_eq!(connection.until_closed().await, "");
    let mut kept = Connection::to(&node).await;
    for _ in 0..2 {
        let lines = "Connection: keep-alive\r\n";
        kept.send(format!("POST /xmlrpc HTTP/1.0\r\n{lines}Content-Length: {}\r\n\r\n{body}", body.len())).await;
        assert_eq!(kept.reply().await.status, 200);
    }
}

#[tokio::test]
async fn a_gzip_request_is_read_with_a_length_or_in_chunks() {
    let node = node().await;
    let packed = gzip(echo(&"long ".repeat(5_000)).as_bytes());
    let mut connection = Connection::to(&node).await;
    for name in ["gzip", "x-gzip", "GZIP"] {
        connection.send(request(&node, &format!("Content-Encoding: {name}\r\n"), &packed)).await;
        let reply = connection.reply().await;
        assert_eq!(reply.status, 200, "{name}");
        assert!(String::from_utf8_lossy(&reply.body).contains("long long"), "{name}");
    }
    let head = format!("POST /RPC2 HTTP/1.1\r\nHost: {}\r\n", node.api.authority());
    connection.send(head + "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    for chunk in packed.chunks(10) {
        connection.send([format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat()).await;
    }
    connection.send("0\r\n\r\n").await;
    assert_eq!(connection.reply().await.status, 200);
}

#[tokio::test]
async fn gzip_is_read_on_every_binding_and_refused_for_content() {
    let node = NodeConfig::new().start().await;
    for binding in Binding::ALL {
        let body = gzip(binding.encode("node.info", &json!({})).as_bytes());
        let request = node.api.request(reqwest::Method::POST, &binding.path("node.info"));
        let request =
            request.header("content-type", binding.media_type()).header("content-encoding", "gzip").body(body);
        let reply = crate::harness::Reply::of(request).await;
        assert!(reply.outcome(binding, "node.info", &node.api).await.is_ok(), "{binding:?}");
    }
    let put = node.api.request(reqwest::Method::PUT, "/content?name=x").header("content-encoding", "gzip");
    assert_eq!(crate::harness::Reply::of(put.body(gzip(b"x"))).await.status, 415);
}

#[tokio::test]
async fn other_codings_are_status_415_and_broken_gzip_is_a_fault() {
    let node = node().await;
    for coding in ["deflate", "br", "compress", "gzip, gzip", "klingon"] {
        let mut connection = Connection::to(&node).await;
        connection.send(request(&node, &format!("Content-Encoding: {coding}\r\n"), echo("x").as_bytes())).await;
        let reply = connection.reply().await;
        assert_eq!((reply.status, reply.header("accept-encoding")), (415, "gzip"), "{coding}");
        assert!(String::from_utf8_lossy(&reply.body).contains("Content-Encoding"), "{coding}");
    }
    let mut connection = Connection::to(&node).await;
    let packed = gzip(echo("x").as_bytes());
    for body in [echo("x").into_bytes(), packed[..packed.len() - 3].to_vec()] {
        connection.send(request(&node, "Content-Encoding: gzip\r\n", &body)).await;
        let reply = connection.reply().await;
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        assert!(reply.status == 200 && text.contains("<int>400</int>") && text.contains("gzip"), "{text}");
        connection = Connection::to(&node).await;
    }
}

#[tokio::test]
async fn answers_are_gzip_only_when_asked_and_worth_it() {
    let node = node().await;
    let long = echo(&"long ".repeat(5_000));
    let mut connection = Connection::to(&node).await;
    connection.send(request(&node, "", long.as_bytes())).await;
    let plain = connection.reply().await;
    assert_eq!(plain.header("content-encoding"), "");
    for accepted in ["gzip", "deflate, gzip;q=0.8", "x-gzip"] {
        connection.send(request(&node, &format!("Accept-Encoding: {accepted}\r\n"), long.as_bytes())).await;
        let packed = connection.reply().await;
        assert_eq!(packed.header("content-encoding"), "gzip", "{accepted}");
        assert_eq!(packed.header("content-length"), packed.body.len().to_string());
        assert_eq!(packed.header("transfer-encoding"), "");
        assert!(packed.body.len() < plain.body.len() / 10);
        assert_eq!(gunzip(&packed.body), plain.body, "{accepted}");
    }
    for (accepted, body) in [("gzip", echo("short")), ("*", long.clone()), ("gzip;q=0", long.clone()), ("br", long)] {
        connection.send(request(&node, &format!("Accept-Encoding: {accepted}\r\n"), body.as_bytes())).await;
        let reply = connection.reply().await;
        assert_eq!(reply.header("content-encoding"), "", "{accepted}");
        assert_eq!(reply.header("content-length"), reply.body.len().to_string());
    }
}

#[tokio::test]
async fn descriptions_are_gzip_when_asked_and_content_never() {
    let node = NodeConfig::new().start().await;
    let put = node.api.request(reqwest::Method::PUT, "/content?name=text.txt").body("text ".repeat(10_000));
    let content = crate::harness::Reply::of(put).await.json();
    let content = format!("/content/{}", content["contentId"].as_str().expect("contentId"));
    let mut connection = Connection::to(&node).await;
    for (path, coding) in [("/soap?wsdl", "gzip"), ("/api/openapi.json", "gzip"), (content.as_str(), "")] {
        let host = node.api.authority();
        connection.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: gzip\r\n\r\n")).await;
        let reply = connection.reply().await;
        assert_eq!((reply.status, reply.header("content-encoding")), (200, coding), "{path}");
        assert_eq!(reply.header("content-length"), reply.body.len().to_string(), "{path}");
    }
}

#[tokio::test]
async fn a_refused_body_is_announced_to_end_the_connection() {
    let node = NodeConfig::new().limit("inline_bytes", 1_024).start().await;
    let mut connection = Connection::to(&node).await;
    let head = format!("POST /RPC2 HTTP/1.1\r\nHost: {}\r\nContent-Length: 100000000\r\n\r\n", node.api.authority());
    connection.send(head).await;
    let reply = connection.reply().await;
    assert!(String::from_utf8_lossy(&reply.body).contains("<int>413</int>"), "{reply:?}");
    assert!(reply.header("connection").eq_ignore_ascii_case("close"), "{reply:?}");
    assert_eq!(connection.until_closed().await, "");
}

#[tokio::test]
async fn a_caller_that_waits_for_100_continue_is_not_asked_for_what_would_be_refused() {
    let node = NodeConfig::new().limit("inline_bytes", 1_024).start().await;
    let mut connection = Connection::to(&node).await;
    let head = format!("POST /RPC2 HTTP/1.1\r\nHost: {}\r\nExpect: 100-continue\r\n", node.api.authority());
    connection.send(format!("{head}Content-Length: 100000000\r\n\r\n")).await;
    let reply = connection.reply().await;
    assert_ne!(reply.status, 100);
    assert!(String::from_utf8_lossy(&reply.body).contains("<int>413</int>"), "{reply:?}");
}
