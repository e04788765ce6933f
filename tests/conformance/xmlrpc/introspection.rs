//! `system.*`: what a client learns of a node that it has never seen.

use serde_json::json;

use super::{call, code, post};
use crate::harness::NodeConfig;

#[tokio::test]
async fn every_method_that_is_listed_has_a_signature_and_help() {
    let node = super::node().await;
    let methods = post(&node.api, call("system.listMethods", &[])).await.expect("listMethods");
    let methods: Vec<&str> = methods.as_array().expect("an array").iter().filter_map(|name| name.as_str()).collect();
    for expected in ["search.find", "node.info", "system.listMethods", "system.multicall", "validator1.manyTypesTest"] {
        assert!(methods.contains(&expected), "{expected} is not among {methods:?}");
    }
    for method in methods {
        let signatures = post(&node.api, call("system.methodSignature", &[method])).await.expect(method);
        let signatures = signatures.as_array().expect("an array of signatures").clone();
        assert!(!signatures.is_empty(), "{method}");
        for signature in &signatures {
            let types = signature.as_array().expect("an array of types");
            let known = ["int", "boolean", "string", "double", "dateTime.iso8601", "base64", "struct", "array"];
            assert!(!types.is_empty() && types.iter().all(|t| known.contains(&t.as_str().unwrap_or("?"))), "{method}");
        }
        let help = post(&node.api, call("system.methodHelp", &[method])).await.expect(method);
        assert!(help.as_str().is_some_and(|help| help.len() > 10), "{method}");
        assert_eq!(post(&node.api, call("system.methodExist", &[method])).await, Ok(json!(true)), "{method}");
    }
}

#[tokio::test]
async fn signatures_name_the_answer_first_and_every_accepted_form() {
    let node = NodeConfig::new().start().await;
    let signature =
        async |method: &str| post(&node.api, call("system.methodSignature", &[method])).await.expect(method);
    assert_eq!(
        signature("content.publish").await,
        json!([["struct", "string", "base64"], ["struct", "string", "base64", "struct"], ["struct", "struct"]])
    );
    assert_eq!(signature("content.list").await, json!([["struct"], ["struct", "struct"]]));
    assert_eq!(signature("content.describe").await, json!([["struct", "string"], ["struct", "struct"]]));
    assert_eq!(signature("node.stats").await, json!([["struct"]]));
    assert_eq!(signature("system.multicall").await, json!([["array", "array"]]));
}

#[tokio::test]
async fn help_shows_a_call_in_python() {
    let node = NodeConfig::new().start().await;
    let help = post(&node.api, call("system.methodHelp", &["content.publish"])).await.expect("help");
    let help = help.as_str().expect("text");
    for part in [
        "content.publish(string name, base64 data, [struct options])",
        "base64 data: The bytes.",
        "413 TooLarge",
        "gate = xmlrpc.client.ServerProxy(",
        "gate.content.publish(\"minutes.txt\", xmlrpc.client.Binary(b\"hello\")",
    ] {
        assert!(help.contains(part), "{part} is not in {help}");
    }
}

#[tokio::test]
async fn introspection_of_what_is_unknown_is_fault_32601() {
    let node = NodeConfig::new().start().await;
    for method in ["system.methodHelp", "system.methodSignature"] {
        for name in ["no.such", "", "system.nothing", "validator1.echoStructTest"] {
            assert_eq!(code(post(&node.api, call(method, &[name])).await, name), -32601, "{method} {name}");
        }
        assert_eq!(code(post(&node.api, call(method, &[])).await, method), -32602);
        assert_eq!(code(post(&node.api, call(method, &["node.info", "node.info"])).await, method), -32602);
        assert_eq!(code(post(&node.api, call(method, &["<int>1</int>"])).await, method), -32602);
    }
    assert_eq!(post(&node.api, call("system.methodExist", &["no.such"])).await, Ok(json!(false)));
    assert_eq!(code(post(&node.api, call("system.listMethods", &["x"])).await, "a parameter too many"), -32602);
}

#[tokio::test]
async fn capabilities_name_the_conventions_and_the_limits() {
    let node = NodeConfig::new().limit("multicall_calls", 7).start().await;
    let capabilities = post(&node.api, call("system.getCapabilities", &[])).await.expect("getCapabilities");
    for name in ["xmlrpc", "system.multicall", "introspection", "faults_interop", "peergate"] {
        assert!(capabilities[name]["specUrl"].is_string() && capabilities[name]["specVersion"].is_i64(), "{name}");
    }
    assert_eq!(capabilities["faults_interop"]["specVersion"], 20_010_516);
    assert_eq!(capabilities["peergate"]["limits"]["multicall_calls"], 7);
}
