//! `system.multicall`: several calls in one request, each answered as if it had come alone.

use serde_json::Value;

use super::{call, code, post};
use crate::harness::{Api, NodeConfig, noise};

/// A call as a multicall holds it, with these contents of `value` as its parameters.
fn inner(method: &str, values: &[&str]) -> String {
    let values: String = values.iter().map(|value| format!("<value>{value}</value>")).collect();
    format!(
        "<struct><member><name>methodName</name><value><string>{method}</string></value></member>\
         <member><name>params</name><value><array><data>{values}</data></array></value></member></struct>"
    )
}

/// A multicall of these contents of `value`.
fn all(calls: &[String]) -> String {
    let calls: String = calls.iter().map(|call| format!("<value>{call}</value>")).collect();
    call("system.multicall", &[&format!("<array><data>{calls}</data></array>")])
}

async fn answers(api: &Api, calls: &[String]) -> Vec<Value> {
    let answer = post(api, all(calls)).await.expect("the multicall itself");
    answer.as_array().expect("an array").clone()
}

fn fault_of(answer: &Value) -> (i64, &str) {
    (answer["faultCode"].as_i64().unwrap_or(0), answer["faultString"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn results_are_wrapped_and_faults_are_not() {
    let node = NodeConfig::new().start().await;
    let answers = answers(&node.api, &[inner("node.info", &[]), inner("transfer.status", &["none"])]).await;
    assert!(answers[0][0]["peerId"].is_string(), "{answers:?}");
    assert_eq!(fault_of(&answers[1]).0, 404, "{answers:?}");
}

#[tokio::test]
async fn each_wrong_call_has_a_fault_of_its_own_and_the_others_are_made() {
    let node = NodeConfig::new().start().await;
    let member = |name: &str, value: &str| format!("<member><name>{name}</name><value>{value}</value></member>");
    let one_struct = |members: &[String]| format!("<struct>{}</struct>", members.concat());
    let wrong = [
        ("no struct".to_owned(), 400, "a struct"),
        ("<int>1</int>".into(), 400, "a struct"),
        ("<struct/>".into(), 400, "methodName"),
        (one_struct(&[member("methodName", "<int>1</int>")]), 400, "methodName"),
        (one_struct(&[member("methodName", "node.info"), member("parms", "x")]), 400, "\"parms\""),
        (one_struct(&[member("methodName", "node.info"), member("params", "x")]), -32602, "params"),
        (inner("no.such", &[]), -32601, "no.such"),
        (inner("system.multicall", &["<array><data/></array>"]), 400, "inside of a multicall"),
        (inner("search.find", &[]), -32602, "search.find(string query"),
        (inner("search.find", &["x", "<struct><member><name>limt</name><value/></member></struct>"]), 400, "\"limt\""),
        (inner("system.methodHelp", &["no.such"]), -32601, "no.such"),
    ];
    let mut calls = vec![inner("node.info", &[])];
    calls.extend(wrong.iter().map(|(call, ..)| call.clone()));
    calls.push(one_struct(&[member("params", "<array/>"), member("methodName", "node.stats")]));
    calls.push(one_struct(&[member("methodName", "node.stats")]));
    let answers = answers(&node.api, &calls).await;
    assert_eq!(answers.len(), calls.len());
    assert!(answers[0][0]["peerId"].is_string());
    for ((call, code, named), answer) in wrong.iter().zip(&answers[1..]) {
        let (got, message) = fault_of(answer);
        assert!(got == *code && message.contains(named), "{call}: {answer}");
    }
    for answer in &answers[answers.len() - 2..] {
        assert!(answer[0]["peers"].is_i64(), "{answer}");
    }
}

#[tokio::test]
async fn a_call_with_an_effect_keeps_its_place_among_the_others() {
    let node = NodeConfig::new().start().await;
    let list = || inner("content.list", &[]);
    let publish = |name: &str| inner("content.publish", &[name, &format!("<string>the text of {name}</string>")]);
    let mut calls = vec![list()];
    for name in ["one", "two", "three"] {
        calls.extend([publish(name), list(), list(), list(), list(), list()]);
    }
    let answers = answers(&node.api, &calls).await;
    for (index, answer) in answers.iter().enumerate() {
        if index % 6 == 1 {
            assert!(answer[0]["contentId"].is_string(), "{index}: {answer}");
        } else {
            let published = index.checked_sub(1).map_or(0, |since_the_first| since_the_first / 6 + 1);
            let contents = answer[0]["contents"].as_array().map_or(99, Vec::len);
            assert_eq!(contents, published, "{index}: {answer}");
        }
    }
}

#[tokio::test]
async fn every_inner_call_is_counted() {
    let node = NodeConfig::new().start().await;
    answers(&node.api, &[inner("node.stats", &[]), inner("node.stats", &[]), inner("search.find", &[])]).await;
    let metrics = node.api.get("/metrics").await;
    let counted = |operation: &str, outcome: &str| {
        let line = metrics.text().lines().find(|line| {
            let labels = [("operation", operation), ("binding", "xmlrpc"), ("outcome", outcome)];
            line.starts_with("peergate_calls_total")
                && labels.iter().all(|(name, value)| line.contains(&format!("{name}=\"{value}\"")))
        });
        line.and_then(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).unwrap_or(0)
    };
    assert_eq!(counted("node.stats", "ok"), 2);
    assert_eq!(counted("search.find", "InvalidRequest"), 1);
}

#[tokio::test]
async fn the_number_of_calls_is_bounded() {
    let node = NodeConfig::new().limit("multicall_calls", 3).start().await;
    assert_eq!(answers(&node.api, &vec![inner("node.stats", &[]); 3]).await.len(), 3);
    let fault = post(&node.api, all(&vec![inner("node.stats", &[]); 4])).await.expect_err("four calls");
    assert_eq!(fault.code, "413");
    fault.assert_names(&["4 calls", "limits.multicall_calls", "3"]);
    assert!(answers(&node.api, &[]).await.is_empty());
}

#[tokio::test]
async fn the_size_of_all_answers_is_bounded() {
    let node = NodeConfig::new().limit("inline_bytes", 65_536).start().await;
    let put = node.api.request(reqwest::Method::PUT, "/content?name=noise").body(noise("multicall", 30_000));
    let content = crate::harness::Reply::of(put).await.json();
    let read = inner("content.read", &[content["contentId"].as_str().expect("contentId")]);
    let answers = answers(&node.api, &vec![read; 40]).await;
    assert_eq!(answers.len(), 40);
    assert!(answers[0][0]["data"].is_string());
    let (code, message) = fault_of(&answers[39]);
    assert!(code == 413 && message.contains("limits.inline_bytes"), "{code} {message}");
    let whole: usize = answers.iter().filter_map(|answer| answer[0]["data"].as_str()).map(str::len).sum();
    assert!(whole < 400_000, "{whole} bytes were answered");
}

#[tokio::test]
async fn a_multicall_takes_one_array_and_nothing_else() {
    let node = NodeConfig::new().start().await;
    for values in [&[][..], &["x"], &["<struct/>"], &["<array/>", "<array/>"], &["<array/>", "x"]] {
        assert_eq!(code(post(&node.api, call("system.multicall", values)).await, "no array"), -32602, "{values:?}");
    }
}
