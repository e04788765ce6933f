//! `validator1.*` of the XML-RPC validation suite and the echoes of the interoperability tests.

use serde_json::json;

use super::{call, code, node, post};
use crate::harness::NodeConfig;

fn stooges(moe: i64, larry: i64, curly: i64) -> String {
    let member =
        |name: &str, number: i64| format!("<member><name>{name}</name><value><i4>{number}</i4></value></member>");
    format!("<struct>{}{}{}</struct>", member("moe", moe), member("larry", larry), member("curly", curly))
}

fn array(values: impl IntoIterator<Item = String>) -> String {
    let values: String = values.into_iter().map(|value| format!("<value>{value}</value>")).collect();
    format!("<array><data>{values}</data></array>")
}

fn within(name: &str, value: &str) -> String {
    format!("<struct><member><name>{name}</name><value>{value}</value></member></struct>")
}

#[tokio::test]
async fn the_validation_suite_is_answered() {
    let node = node().await;
    let stooges_list = array([stooges(1, 2, 3), stooges(4, 5, 6), stooges(0, 0, -1)]);
    let strings = array((0..150).map(|n| format!("<string>s{n}</string>")));
    let day = within("2000", &within("04", &within("01", &stooges(1, 20, 300))));
    let echoed = "<struct><member><name>a</name><value><dateTime.iso8601>19980717T14:08:55</dateTime.iso8601></value>\
                  </member><member><name>b</name><value><base64>eW91</base64></value></member></struct>";
    for (test, parameter, want) in [
        ("arrayOfStructsTest", stooges_list.as_str(), json!(8)),
        (
            "countTheEntities",
            "&lt;&gt;&amp;'\"&quot;&lt;",
            json!({
                "ctLeftAngleBrackets": 2, "ctRightAngleBrackets": 1, "ctAmpersands": 1, "ctApostrophes": 1, "ctQuotes": 2
            }),
        ),
        ("easyStructTest", &stooges(10, -3, 5), json!(12)),
        ("echoStructTest", echoed, json!({ "a": "1998-07-17T14:08:55Z", "b": "eW91" })),
        ("moderateSizeArrayCheck", &strings, json!("s0s149")),
        ("nestedStructTest", &day, json!(321)),
        ("simpleStructReturnTest", "<int>7</int>", json!({ "times10": 70, "times100": 700, "times1000": 7000 })),
    ] {
        assert_eq!(post(&node.api, call(&format!("validator1.{test}"), &[parameter])).await, Ok(want), "{test}");
    }
    let many = [
        "<int>42</int>",
        "<boolean>1</boolean>",
        "text",
        "<double>-1.5</double>",
        "<dateTime.iso8601>19980717T14:08:55</dateTime.iso8601>",
        "<base64>eW91</base64>",
    ];
    let want = json!([42, true, "text", -1.5, "1998-07-17T14:08:55Z", "eW91"]);
    assert_eq!(post(&node.api, call("validator1.manyTypesTest", &many)).await, Ok(want));
}

#[tokio::test]
async fn parameters_that_do_not_fit_a_test_are_fault_32602() {
    let node = node().await;
    for (test, parameters) in [
        ("easyStructTest", &["x"][..]),
        ("echoStructTest", &["x"]),
        ("echoStructTest", &[]),
        ("manyTypesTest", &["<int>1</int>"]),
        ("moderateSizeArrayCheck", &["<array><data><value>x</value></data></array>"]),
        ("nestedStructTest", &["<struct/>"]),
        ("simpleStructReturnTest", &["<int>1</int>", "<int>1</int>"]),
    ] {
        let refused = post(&node.api, call(&format!("validator1.{test}"), parameters)).await;
        assert_eq!(code(refused, test), -32602, "{test}");
    }
}

#[tokio::test]
async fn without_the_key_there_are_no_such_methods() {
    let node = NodeConfig::new().start().await;
    assert_eq!(code(post(&node.api, call("validator1.echoStructTest", &["<struct/>"])).await, "the test"), -32601);
    let methods = post(&node.api, call("system.listMethods", &[])).await.expect("listMethods").to_string();
    assert!(!methods.contains("validator1") && !methods.contains("interopEchoTests"), "{methods}");
}
