//! XML-RPC by its specification, its extensions and the habits of its clients.
//!
//! How a value was read shows by the echoes of `interopEchoTests.*`: they give back what they were sent, and the
//! harness refuses answers that are untyped, self-closed or of another length than they say.

mod dialects;
mod documents;
mod encodings;
mod hostile;
mod introspection;
mod multicall;
mod transport;
mod validator;
mod values;

use reqwest::Method;
use serde_json::Value;

use crate::harness::{Api, Binding, Fault, Node, NodeConfig, Reply};

/// A node that answers the echoes.
async fn node() -> Node {
    NodeConfig::new().validator().start().await
}

/// A call with these contents of `value` as its parameters.
fn call(method: &str, values: &[&str]) -> String {
    let params: String = values.iter().map(|value| format!("<param><value>{value}</value></param>")).collect();
    format!(
        "<?xml version=\"1.0\"?><methodCall><methodName>{method}</methodName><params>{params}</params></methodCall>"
    )
}

/// Posts a body as it is, under a content type.
async fn post_as(api: &Api, content_type: &str, body: impl Into<reqwest::Body>) -> Result<Value, Fault> {
    let request = api.request(Method::POST, "/xmlrpc").header("content-type", content_type).body(body);
    Reply::of(request).await.outcome(Binding::XmlRpc, "", api).await
}

async fn post(api: &Api, body: impl Into<reqwest::Body>) -> Result<Value, Fault> {
    post_as(api, "text/xml", body).await
}

/// What the node read of a content of `value`.
async fn echo(api: &Api, value: &str) -> Result<Value, Fault> {
    post(api, call("interopEchoTests.echoStruct", &[value])).await
}

/// The code of the fault that a call must get.
#[track_caller]
fn code(outcome: Result<Value, Fault>, what: &str) -> i32 {
    let fault = outcome.expect_err(&format!("{what} was taken"));
    assert_eq!(fault.status, 200, "{what}");
    assert!(fault.message.len() < 1_000, "{what}: the fault repeats the request");
    fault.code.parse().expect("the code is a number")
}
