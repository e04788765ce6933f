//! Credentials (contract, section 8): who is let in by which door, and what they may do behind it.

use base64_simd::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Api, Binding, Connection, Kind, Node, NodeConfig, Reply};

/// The token of a system that may search and read.
pub const READER: &str = "reader-0123456789abcdef";
/// The token of a system that may do everything.
pub const MASTER: &str = "master-0123456789abcdef";
const WRONG: &str = "wrong-0123456789abcdefg";

/// A node that knows both.
pub fn guarded() -> NodeConfig {
    let reader = ["search.*", "content.read", "content.describe", "node.info"];
    NodeConfig::new().token("reader", READER, &reader).token("master", MASTER, &["*"])
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn basic(name: &str, token: &str) -> String {
    format!("Basic {}", STANDARD.encode_to_string(format!("{name}:{token}")))
}

/// Every credential of HTTP that is none.
fn wrong() -> Vec<String> {
    let halves = [basic("reader", WRONG), basic("reader", ""), basic("reader", MASTER), basic("nobody", READER)];
    let forms = [bearer(WRONG), bearer(""), bearer("reader"), "Basic !".into(), "Digest username=\"reader\"".into()];
    halves.into_iter().chain(forms).collect()
}

/// Asserts that a credential is asked for, in both ways that HTTP has for it.
#[track_caller]
fn assert_challenge(reply: &Reply) {
    assert_eq!(reply.status, 401, "{reply:?}");
    let challenges: Vec<_> =
        reply.headers.get_all("www-authenticate").iter().flat_map(|value| value.to_str()).collect();
    assert!(challenges[0].starts_with("Basic realm=\"peergate\""), "{challenges:?}");
    assert!(challenges[1].starts_with("Bearer realm=\"peergate\""), "{challenges:?}");
}

/// Calls an operation and answers the kind of its fault; a 401 has to ask for a credential.
async fn kind_of(api: &Api, binding: Binding, operation: &str, input: Value) -> Option<Kind> {
    let reply = api.post(binding, operation, binding.encode(operation, &input)).await;
    let outcome = reply.outcome(binding, operation, api).await;
    let fault = outcome.err()?;
    fault.assert_is(fault.kind());
    if fault.kind() == Kind::NotAuthenticated {
        assert_challenge(&reply);
    }
    Some(fault.kind())
}

#[tokio::test]
async fn every_binding_wants_a_token_as_soon_as_there_is_one() {
    let node = guarded().start().await;
    for binding in Binding::ALL {
        let find = json!({ "query": "x" });
        assert_eq!(kind_of(&node.api, binding, "search.find", find.clone()).await, Some(Kind::NotAuthenticated));
        for credential in wrong() {
            let kind = kind_of(&node.api.showing(&credential), binding, "search.find", find.clone()).await;
            assert_eq!(kind, Some(Kind::NotAuthenticated), "{binding:?} {credential}");
        }
        for credential in [bearer(READER), basic("reader", READER), bearer(MASTER), basic("master", MASTER)] {
            let kind = kind_of(&node.api.showing(&credential), binding, "search.find", find.clone()).await;
            assert_eq!(kind, None, "{binding:?} {credential}");
        }
    }
    assert!(!node.log().contains(READER) && !node.log().contains(WRONG), "{}", node.log());
}

#[tokio::test]
async fn a_token_is_good_for_its_operations_and_for_nothing_else() {
    let node = guarded().start().await;
    let (reader, master) = (node.api.showing(&bearer(READER)), node.api.showing(&basic("master", MASTER)));
    let publish = json!({ "name": "forbidden", "data": "AAEC" });
    for binding in Binding::ALL {
        assert_eq!(kind_of(&reader, binding, "node.info", json!({})).await, None);
        assert_eq!(kind_of(&reader, binding, "content.publish", publish.clone()).await, Some(Kind::NotPermitted));
        let fault = reader.call(binding, "node.stats", json!({})).await.expect_err("reader may not");
        fault.assert_is(Kind::NotPermitted).assert_names(&["reader", "node.stats"]);
        assert!(!fault.message.contains("search"), "the patterns are the node's own business: {fault:?}");
    }
    assert_eq!(master.ok("node.stats", json!({})).await["contents"], 0, "nothing was published");
    for binding in Binding::ALL {
        assert_eq!(kind_of(&master, binding, "content.publish", publish.clone()).await, None);
    }
}

/// Rights follow the body: neither SOAPAction nor the path can name another operation.
#[tokio::test]
async fn rights_follow_the_operation_that_is_dispatched() {
    let node = guarded().start().await;
    let body = Binding::Soap11.encode("content.publish", &json!({ "name": "x", "data": "AAEC" }));
    let request = node.api.showing(&bearer(READER)).request(Method::POST, "/soap?operation=SearchFind").body(body);
    let request = request.header("content-type", "text/xml").header("soapaction", "\"urn:peergate:v1/SearchFind\"");
    let reply = Reply::of(request).await;
    assert_eq!(reply.status, 500);
    assert!(reply.text().contains("<pg:kind>NotPermitted</pg:kind>"), "{}", reply.text());
}

#[tokio::test]
async fn the_paths_that_are_no_binding_have_the_rights_of_an_operation() {
    let node = guarded().start().await;
    let published =
        node.api.showing(&bearer(MASTER)).ok("content.publish", json!({ "name": "x", "data": "AAEC" })).await;
    let content = format!("/content/{}", published["contentId"].as_str().expect("contentId"));
    let doors = [
        (Method::GET, content.as_str(), 200),
        (Method::HEAD, content.as_str(), 200),
        (Method::PUT, "/content?name=y", 403),
        (Method::GET, "/metrics", 403),
    ];
    for (method, path, status) in doors {
        let ask = async |api: &Api| Reply::of(api.request(method.clone(), path)).await;
        assert_challenge(&ask(&node.api).await);
        for credential in wrong() {
            assert_challenge(&ask(&node.api.showing(&credential)).await);
        }
        assert_eq!(ask(&node.api.showing(&bearer(READER))).await.status, status, "{method} {path}");
        assert_eq!(ask(&node.api.showing(&basic("master", MASTER))).await.status, 200, "{method} {path}");
    }
}

#[tokio::test]
async fn what_describes_the_node_is_open() {
    let node = guarded().start().await;
    for path in ["/", "/soap?wsdl", "/soap12?wsdl", "/api/openapi.json", "/health/live", "/health/ready"] {
        assert_eq!(node.api.get(path).await.status, 200, "{path}");
    }
    for method in ["system.listMethods", "system.getCapabilities"] {
        assert!(node.api.call(Binding::XmlRpc, method, json!({})).await.is_ok(), "{method}");
    }
    for method in ["system.methodHelp", "system.methodSignature"] {
        assert!(node.api.call(Binding::XmlRpc, method, json!(["search.find"])).await.is_ok(), "{method}");
    }
    let unknown = kind_of(&node.api, Binding::XmlRpc, "no.such", json!({})).await;
    assert_eq!(unknown, Some(Kind::NotAuthenticated), "strangers are told of a credential first");
}

fn multicall(calls: &[(&str, Value)]) -> Value {
    let calls = calls.iter().map(|(method, params)| json!({ "methodName": method, "params": params }));
    json!([calls.collect::<Vec<_>>()])
}

#[tokio::test]
async fn each_call_of_a_multicall_is_authorised_on_its_own() {
    let node = guarded().start().await;
    let calls = [
        ("search.find", json!(["x"])),
        ("node.stats", json!([])),
        ("system.listMethods", json!([])),
        ("content.publish", json!([{ "name": "x", "data": "AAEC" }])),
        ("node.info", json!([])),
    ];
    let reader = node.api.showing(&bearer(READER));
    let answers = reader.call(Binding::XmlRpc, "system.multicall", multicall(&calls)).await.expect("a multicall");
    let codes: Vec<_> =
        answers.as_array().expect("answers").iter().map(|answer| answer["faultCode"].as_i64()).collect();
    assert_eq!(codes, [None, Some(403), None, Some(403), None], "{answers}");
    assert_eq!(node.api.showing(&bearer(MASTER)).ok("node.stats", json!({})).await["contents"], 0);
}

/// However many calls there are, one credential is one guess.
#[tokio::test]
async fn a_multicall_of_500_under_a_wrong_token_is_refused_once() {
    let node = guarded().start().await;
    let calls = multicall(&vec![("search.find", json!(["x"])); 500]);
    for api in [&node.api, &node.api.showing(&bearer(WRONG)), &node.api.showing(&basic("reader", WRONG))] {
        let body = Binding::XmlRpc.encode("system.multicall", &calls);
        let reply = api.post(Binding::XmlRpc, "system.multicall", body).await;
        assert_challenge(&reply);
        assert_eq!(reply.text().matches("<fault>").count(), 1, "{}", reply.text());
        assert!(reply.text().contains("<int>401</int>"), "{}", reply.text());
    }
}

/// A caller who waits for the challenge shows a credential on the same connection, or is told that it closes.
#[tokio::test]
async fn a_challenge_is_answered_on_the_same_connection() {
    let node = guarded().start().await;
    let body = Binding::XmlRpc.encode("search.find", &json!({ "query": "x" }));
    let head = |more: &str, length: usize| {
        format!(
            "POST /xmlrpc HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\n{more}Content-Length: {length}\r\n\r\n"
        )
    };
    let mut connection = Connection::to(&node).await;
    for wrong in ["", "Authorization: Bearer wrong\r\n"] {
        connection.send(head(wrong, body.len()) + &body).await;
        let refused = connection.reply().await;
        assert_eq!((refused.status, refused.header("connection")), (401, ""), "{refused:?}");
        assert!(refused.header("www-authenticate").starts_with("Basic "), "{refused:?}");
    }
    let credential = format!("Authorization: {}\r\n", basic("reader", READER));
    connection.send(head(&credential, body.len()) + &body).await;
    assert_eq!(connection.reply().await.status, 200);
    // A body that was announced and not sent yet is not asked for.
    connection.send(head("Authorization: Bearer wrong\r\nExpect: 100-continue\r\n", 1 << 20)).await;
    let refused = connection.reply().await;
    assert_eq!((refused.status, refused.header("connection")), (401, "close"), "{refused:?}");
    assert_eq!(connection.until_closed().await, "");
    let mut connection = Connection::to(&node).await;
    connection.send(head("Authorization: Bearer wrong\r\n", 1 << 30)).await;
    let refused = connection.reply().await;
    assert_eq!((refused.status, refused.header("connection")), (401, "close"), "{refused:?}");
}

#[tokio::test]
async fn two_credentials_at_once_are_refused() {
    let node = guarded().start().await;
    let mut connection = Connection::to(&node).await;
    let both = format!("Authorization: {}\r\nAuthorization: {}\r\n", bearer(READER), bearer(MASTER));
    connection.send(format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\n{both}\r\n")).await;
    assert_eq!(connection.reply().await.status, 401);
}

#[tokio::test]
async fn an_open_node_gives_strangers_everything_and_tokens_their_own() {
    let node = guarded().access("open", true).start().await;
    for binding in Binding::ALL {
        assert_eq!(kind_of(&node.api, binding, "node.stats", json!({})).await, None);
        let reader = node.api.showing(&bearer(READER));
        assert_eq!(kind_of(&reader, binding, "node.stats", json!({})).await, Some(Kind::NotPermitted));
        let wrong = node.api.showing(&bearer(WRONG));
        assert_eq!(kind_of(&wrong, binding, "node.stats", json!({})).await, Some(Kind::NotAuthenticated));
    }
}

#[tokio::test]
async fn a_node_without_tokens_looks_at_no_credential() {
    let node = NodeConfig::new().start().await;
    for binding in Binding::ALL {
        assert_eq!(kind_of(&node.api.showing(&bearer(WRONG)), binding, "node.stats", json!({})).await, None);
    }
}

/// Starts the program with this `[access]` and answers what it said before it ended.
async fn refusal(access: &str, token: Option<&str>) -> String {
    let folder = tempfile::TempDir::new().expect("temporary folder");
    let file = folder.path().join("peergate.toml");
    let config = format!("data_dir = \"data\"\n[http]\nlisten = \"127.0.0.1:0\"\n{access}");
    std::fs::write(&file, config).expect("write the configuration");
    if let Some(token) = token {
        std::fs::write(folder.path().join("erp.token"), token).expect("write the token");
    }
    let mut command = tokio::process::Command::new(Node::program());
    command.arg("serve").arg("--config").arg(&file).kill_on_drop(true).stdin(std::process::Stdio::null());
    let ended = tokio::time::timeout(std::time::Duration::from_secs(60), command.output()).await;
    let output = ended.expect("the node started although it should not").expect("run the program");
    assert_ne!(output.status.code(), Some(0), "{access}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn a_token_that_cannot_be_used_is_refused_at_the_start() {
    let erp = "[[access.token]]\nname = \"erp\"\ntoken_file = \"erp.token\"\noperations = [\"*\"]\n";
    let cases = [
        (erp.to_owned(), None, "erp.token cannot be read"),
        (erp.to_owned(), Some(" \n"), "access.token erp: token_file is empty"),
        (erp.to_owned(), Some("short"), "at least 16"),
        (erp.repeat(2), Some(READER), "same token"),
        (erp.replace("[\"*\"]", "[]"), Some(READER), "operations"),
        (erp.replace("\"erp\"", "\"e:p\""), Some(READER), "colon"),
    ];
    for (access, token, named) in cases {
        let said = refusal(&access, token).await;
        assert!(said.contains(named), "{access} is refused without naming {named}: {said}");
        assert!(!said.contains(READER), "{said}");
    }
}

#[tokio::test]
async fn the_command_line_shows_a_token_in_each_way() {
    let node = guarded().start().await;
    let authority = node.api.authority();
    let file = node.folder().join("reader.token");
    let (plain, named) = (format!("http://{authority}/xmlrpc"), format!("http://reader:{READER}@{authority}/xmlrpc"));
    let run = async |url: &str, more: &[&str], token: Option<&str>, verb: &[&str]| {
        let mut command = tokio::process::Command::new(Node::program());
        command.args(verb).args(["--url", url]).args(more).env_remove("PEERGATE_TOKEN").kill_on_drop(true);
        if let Some(token) = token {
            command.env("PEERGATE_TOKEN", token);
        }
        let output = command.output().await.expect("run the program");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let info = ["call", "node.info"];
    let token_file = ["--token-file", file.to_str().expect("a path in UTF-8")];
    assert_eq!(run(&named, &[], None, &info).await.0, Some(0));
    assert_eq!(run(&plain, &token_file, None, &info).await.0, Some(0));
    assert_eq!(run(&plain, &[], Some(READER), &info).await.0, Some(0));
    assert_eq!(run(&named, &[], Some(WRONG), &info).await.0, Some(0), "the address goes first");
    for (url, token) in [(plain.as_str(), None), (plain.as_str(), Some(WRONG))] {
        let (code, said) = run(url, &[], token, &info).await;
        assert_eq!(code, Some(1));
        assert!(said.contains("--token-file") && !said.contains(WRONG), "{said}");
    }
    let (code, said) = run(&named, &[], None, &["call", "node.stats"]).await;
    assert_eq!(code, Some(1));
    assert!(said.contains("operations") && said.contains("reader"), "{said}");
    let (code, said) = run(&plain, &["--token-file", "/nowhere/erp.token"], None, &info).await;
    assert_eq!(code, Some(2));
    assert!(said.contains("/nowhere/erp.token"), "{said}");
}
