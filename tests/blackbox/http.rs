//! The listener as browsers, operators and old clients meet it: whose requests it takes, health and metrics, and the
//! parts of HTTP that a stock client counts on.

use reqwest::Method;
use serde_json::json;

use crate::harness::{Binding, Connection, Node, NodeConfig, Reply};

/// A call of node.info over XML-RPC, written by hand.
const CALL: &str = "<?xml version=\"1.0\"?><methodCall><methodName>node.info</methodName></methodCall>";

/// A head of a POST to `/xmlrpc` with `extra` fields, and the call as its body.
fn post(version: &str, extra: &str) -> String {
    format!("POST /xmlrpc {version}\r\n{extra}Content-Type: text/xml\r\nContent-Length: {}\r\n\r\n{CALL}", CALL.len())
}

fn host(node: &Node) -> String {
    format!("Host: {}\r\n", node.api.authority())
}

#[tokio::test]
async fn a_host_or_origin_that_is_not_the_nodes_own_is_refused() {
    let node = NodeConfig::new().start().await;
    for header in ["Host: evil.example\r\n".to_owned(), host(&node) + "Origin: http://evil.example\r\n"] {
        let mut connection = Connection::to(&node).await;
        connection.send(post("HTTP/1.1", &header)).await;
        let reply = connection.reply().await;
        assert!(matches!(reply.status, 403 | 421), "{header}: {reply:?}");
    }
    let port = node.api.authority().rsplit(':').next().expect("port");
    for header in [
        host(&node),
        format!("Host: localhost:{port}\r\n"),
        host(&node) + &format!("Origin: http://{}\r\n", node.api.authority()),
    ] {
        let mut connection = Connection::to(&node).await;
        connection.send(post("HTTP/1.1", &header)).await;
        assert_eq!(connection.reply().await.status, 200, "{header}");
    }
    let origin = node.api.request(Method::PUT, "/content?name=x").header("origin", "https://evil.example").body("x");
    assert_eq!(Reply::of(origin).await.status, 403);
}

#[tokio::test]
async fn health_and_metrics_are_there_for_operators() {
    let node = NodeConfig::new().start().await;
    assert_eq!(node.api.get("/health/live").await.status, 200);
    assert_eq!(node.api.get("/health/ready").await.status, 200);
    node.api.ok("search.find", json!({ "query": "word", "timeoutMs": 200 })).await;
    let metrics = node.api.get("/metrics").await;
    assert_eq!((metrics.status, metrics.header("content-type").split(';').next()), (200, Some("text/plain")));
    let samples: Vec<&str> = metrics.text().lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    assert!(!samples.is_empty());
    assert!(samples.iter().all(|line| line.starts_with("peergate_")), "{samples:?}");
}

#[tokio::test]
async fn every_answer_forbids_sniffing() {
    let node = NodeConfig::new().start().await;
    for path in ["/health/live", "/api/openapi.json", "/soap?wsdl", "/metrics", "/nothing"] {
        assert_eq!(node.api.get(path).await.header("x-content-type-options"), "nosniff", "{path}");
    }
    for binding in Binding::ALL {
        let reply = node.api.post(binding, "node.info", binding.encode("node.info", &json!({}))).await;
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{binding:?}");
    }
}

#[tokio::test]
async fn a_caller_that_waits_for_100_continue_is_answered() {
    let node = NodeConfig::new().start().await;
    let mut connection = Connection::to(&node).await;
    let request = post("HTTP/1.1", &(host(&node) + "Expect: 100-continue\r\n"));
    let (head, body) = request.split_at(request.len() - CALL.len());
    connection.send(head).await;
    assert_eq!(connection.reply().await.status, 100);
    connection.send(body).await;
    assert_eq!(connection.reply().await.status, 200);
}

#[tokio::test]
async fn a_connection_is_kept_until_its_end_is_announced() {
    let node = NodeConfig::new().start().await;
    let mut connection = Connection::to(&node).await;
    for _ in 0..3 {
        connection.send(post("HTTP/1.1", &host(&node))).await;
        let reply = connection.reply().await;
        assert_eq!(reply.status, 200);
        assert!(!reply.header("connection").eq_ignore_ascii_case("close"));
    }
    connection.send(post("HTTP/1.1", &(host(&node) + "Connection: close\r\n"))).await;
    let last = connection.reply().await;
    assert!(last.header("connection").eq_ignore_ascii_case("close"), "{last:?}");
    assert_eq!(connection.until_closed().await, "");
}

#[tokio::test]
async fn requests_sent_ahead_are_answered_in_order() {
    let node = NodeConfig::new().start().await;
    let mut connection = Connection::to(&node).await;
    connection.send(post("HTTP/1.1", &host(&node)).repeat(5)).await;
    for _ in 0..5 {
        assert_eq!(connection.reply().await.status, 200);
    }
}

#[tokio::test]
async fn http_1_0_without_a_host_is_answered_with_its_length() {
    let node = NodeConfig::new().start().await;
    let mut connection = Connection::to(&node).await;
    connection.send(post("HTTP/1.0", "")).await;
    let reply = connection.reply().await;
    assert_eq!(reply.status, 200);
    assert!(!reply.body.is_empty() && reply.header("transfer-encoding").is_empty(), "{reply:?}");
}

#[tokio::test]
async fn a_chunked_call_is_read() {
    let node = NodeConfig::new().start().await;
    let mut connection = Connection::to(&node).await;
    let (left, right) = CALL.split_at(30);
    let head = format!("POST /RPC2 HTTP/1.1\r\n{}Transfer-Encoding: chunked\r\n\r\n", host(&node));
    connection.send(head + &format!("1e\r\n{left}\r\n{:x}\r\n{right}\r\n0\r\n\r\n", right.len())).await;
    assert_eq!(connection.reply().await.status, 200, "chunked, and without a Content-Type");
}
