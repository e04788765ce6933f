//! Bad HTTP: wrong methods and media types, heads that are slow, huge or broken. Each ends with a status or a closed
//! connection, and the node goes on.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;

use crate::harness::{Binding, Connection, Kind, NodeConfig, Reply};

#[tokio::test]
async fn a_wrong_method_is_405_and_names_the_right_one() {
    let node = NodeConfig::new().start().await;
    for path in ["/xmlrpc", "/RPC2", "/api/search/find"] {
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let reply = Reply::of(node.api.request(method.clone(), path)).await;
            assert_eq!(reply.status, 405, "{method} {path}");
            assert!(reply.header("allow").contains("POST"), "{method} {path} allows {:?}", reply.header("allow"));
        }
    }
    for path in ["/soap", "/soap12", "/content/x", "/health/live", "/metrics"] {
        let reply = Reply::of(node.api.request(Method::DELETE, path)).await;
        assert_eq!(reply.status, 405, "{path}");
        assert!(!reply.header("allow").is_empty(), "{path}");
    }
    assert_eq!(node.api.get("/nothing/here").await.status, 404);
}

#[tokio::test]
async fn a_wrong_media_type_is_415() {
    let node = NodeConfig::new().start().await;
    let cases = [
        (Binding::Json, "text/plain"),
        (Binding::Json, "text/xml"),
        (Binding::XmlRpc, "application/json"),
        (Binding::Soap11, "application/json"),
        (Binding::Soap12, "image/png"),
    ];
    for (binding, media_type) in cases {
        let request = node.api.request(Method::POST, &binding.path("node.info")).header("content-type", media_type);
        let reply = Reply::of(request.body(binding.encode("node.info", &json!({})))).await;
        assert_eq!(reply.status, 415, "{binding:?} as {media_type}");
    }
    node.api.assert_answers("wrong media types").await;
}

#[tokio::test]
async fn media_types_are_read_leniently() {
    let node = NodeConfig::new().start().await;
    let cases = [
        (Binding::Json, "application/json; charset=UTF-8"),
        (Binding::Json, "APPLICATION/JSON"),
        (Binding::XmlRpc, "application/xml"),
        (Binding::XmlRpc, "text/xml;charset=\"utf-8\""),
        (Binding::Soap11, "text/xml;charset=\"UTF-8\";action=\"urn:other\""),
        (Binding::Soap11, "application/soap+xml; action=\"urn:peergate:v1/NodeInfo\"; charset=utf-8"),
        (Binding::Soap12, "application/soap+xml"),
    ];
    for (binding, media_type) in cases {
        let request = node.api.request(Method::POST, &binding.path("node.info")).header("content-type", media_type);
        let reply = Reply::of(request.body(binding.encode("node.info", &json!({})))).await;
        let answer = reply.outcome(binding, "node.info", &node.api).await;
        assert!(answer.is_ok(), "{binding:?} as {media_type}: {answer:?}");
    }
}

#[tokio::test]
async fn a_head_that_takes_too_long_ends_the_connection() {
    let node = NodeConfig::new().limit("request_seconds", 1).start().await;
    for start in ["", "POST /xmlrpc HT", "POST /xmlrpc HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
        let began = Instant::now();
        let mut connection = Connection::to(&node).await;
        connection.send(start).await;
        connection.until_closed().await;
        assert!(began.elapsed() < Duration::from_secs(8), "{start:?} was waited for {:?}", began.elapsed());
    }
    node.api.assert_answers("slow heads").await;
}

#[tokio::test]
async fn a_head_above_64_kib_is_refused_and_one_below_is_read() {
    let node = NodeConfig::new().start().await;
    let head = |padding: usize| {
        let authority = node.api.authority();
        format!("GET /health/live HTTP/1.1\r\nHost: {authority}\r\nX-Padding: {}\r\n\r\n", "p".repeat(padding))
    };
    let mut connection = Connection::to(&node).await;
    connection.send(head(40_000)).await;
    assert_eq!(connection.reply().await.status, 200);
    let mut connection = Connection::to(&node).await;
    connection.send(head(70_000)).await;
    let answer = connection.until_closed().await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    node.api.assert_answers("a large head").await;
}

#[tokio::test]
async fn what_is_no_http_ends_the_connection() {
    let node = NodeConfig::new().start().await;
    let cases: [&[u8]; 6] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /xmlrpc HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<a/>..",
        b"POST /xmlrpc HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\nConnection: close\r\n\r\n",
        b"POST /xmlrpc HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nZZ\r\n",
    ];
    for bytes in cases {
        let mut connection = Connection::to(&node).await;
        connection.send(bytes).await;
        let answer = connection.until_closed().await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    node.api.assert_answers("bytes that are no HTTP").await;
}

#[tokio::test]
async fn a_body_that_breaks_off_is_forgotten() {
    let node = NodeConfig::new().start().await;
    let head = |method: &str, path: &str| {
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n",
            node.api.authority()
        )
    };
    for (method, path) in [("PUT", "/content?name=half"), ("POST", "/api/content/publish")] {
        let mut connection = Connection::to(&node).await;
        connection.send(head(method, path)).await;
        connection.send("{\"name\":\"half\",").await;
        drop(connection);
    }
    node.api.assert_answers("bodies that break off").await;
    let contents = node.api.ok("content.list", json!({})).await;
    assert_eq!(contents["contents"], json!([]), "half a body is no content");
}

/// A caller that gives up in the middle of an answer costs the node nothing.
#[tokio::test]
async fn a_caller_that_goes_away_is_no_fault() {
    let node = NodeConfig::new().start().await;
    let body = vec![7_u8; 8 << 20];
    let put = Reply::of(node.api.request(Method::PUT, "/content?name=left%20alone").body(body)).await.json();
    let id = put["contentId"].as_str().expect("contentId");
    for _ in 0..20 {
        let mut connection = Connection::to(&node).await;
        let request = format!("GET /content/{id} HTTP/1.1\r\nHost: {}\r\n\r\n", node.api.authority());
        connection.send(request).await;
    }
    node.api.assert_answers("callers that went away").await;
    let missing = node.api.fault("transfer.status", json!({ "transferId": "nothing" })).await;
    missing.assert_is(Kind::NotFound);
}
