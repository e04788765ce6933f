//! The descriptions that a node gives of itself, and whether it keeps to them: every operation that is described
//! answers, in the same way, on every binding.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{Api, Binding, Element, Kind, Node, NodeConfig, Pair, soap};

/// What the contract says exists once the main job does.
const OPERATIONS: [&str; 31] = [
    "search.find",
    "search.start",
    "search.results",
    "search.cancel",
    "content.publish",
    "content.list",
    "content.describe",
    "content.update",
    "content.unpublish",
    "content.read",
    "content.download",
    "transfer.start",
    "transfer.status",
    "transfer.list",
    "transfer.wait",
    "transfer.pause",
    "transfer.resume",
    "transfer.cancel",
    "transfer.remove",
    "overlay.list",
    "peer.list",
    "peer.connect",
    "peer.disconnect",
    "peer.update",
    "event.subscribe",
    "event.pull",
    "event.renew",
    "event.unsubscribe",
    "node.info",
    "node.stats",
    "system.listMethods",
];

async fn system(api: &Api, method: &str, positions: Value) -> Value {
    let answer = api.call(Binding::XmlRpc, method, positions).await;
    answer.unwrap_or_else(|fault| panic!("{method}: {fault:?}"))
}

/// The names that system.listMethods answers.
async fn methods(api: &Api) -> BTreeSet<String> {
    let names = system(api, "system.listMethods", json!([])).await;
    let names = names.as_array().expect("names are a list").iter();
    names.map(|name| name.as_str().expect("a name is text").to_owned()).collect()
}

#[tokio::test]
async fn every_description_names_the_same_operations() {
    let node = NodeConfig::new().start().await;
    let listed = methods(&node.api).await;
    for operation in OPERATIONS {
        assert!(listed.contains(operation), "{operation} is not listed");
    }
    let listed: BTreeSet<String> = listed.into_iter().filter(|name| !name.starts_with("system.")).collect();
    let described: BTreeSet<String> = node.api.description().await.operations().into_iter().collect();
    assert_eq!(listed, described);
    let elements: BTreeSet<String> = listed.iter().map(|name| soap::element_name(name)).collect();
    for path in ["/soap?wsdl", "/soap12?wsdl"] {
        let wsdl = wsdl(&node, path).await;
        let port_type = wsdl.child("portType").expect("portType");
        let operations = port_type.children("operation").map(|operation| operation.attribute("name").expect("name"));
        assert_eq!(operations.map(str::to_owned).collect::<BTreeSet<_>>(), elements, "{path}");
    }
}

async fn wsdl(node: &Node, path: &str) -> Element {
    let reply = node.api.get(path).await;
    assert_eq!((reply.status, reply.header("content-type").split(';').next()), (200, Some("text/xml")), "{path}");
    Element::parse(reply.text()).unwrap_or_else(|e| panic!("{path}: {e}"))
}

#[tokio::test]
async fn each_wsdl_is_self_contained_and_holds_one_port_at_the_address_reached() {
    let node = NodeConfig::new().start().await;
    let port = node.api.authority().rsplit(':').next().expect("port");
    for (path, namespace) in
        [("/soap", "http://schemas.xmlsoap.org/wsdl/soap/"), ("/soap12", "http://schemas.xmlsoap.org/wsdl/soap12/")]
    {
        let wsdl = wsdl(&node, &format!("{path}?wsdl")).await;
        assert_eq!((wsdl.name.as_str(), wsdl.attribute("targetNamespace")), ("definitions", Some(soap::NAMESPACE)));
        assert!(wsdl.descendants("import").is_empty() && wsdl.descendants("include").is_empty(), "{path}");
        let [address] = wsdl.descendants("address")[..] else { panic!("{path} has not one port") };
        assert_eq!(address.namespace, namespace);
        assert_eq!(address.attribute("location"), Some(node.api.url(path).as_str()));

        let by_name = node.api.request(reqwest::Method::GET, &format!("{path}?WSDL"));
        let by_name = crate::harness::Reply::of(by_name.header("host", format!("localhost:{port}"))).await;
        let by_name = Element::parse(by_name.text()).expect("WSDL by another name");
        let location = format!("http://localhost:{port}{path}");
        assert_eq!(by_name.descendants("address")[0].attribute("location"), Some(location.as_str()));
    }
}

#[tokio::test]
async fn openapi_is_3_1_and_every_reference_leads_somewhere() {
    let node = NodeConfig::new().start().await;
    let reply = node.api.get("/api/openapi.json").await;
    assert_eq!(reply.header("content-type").split(';').next(), Some("application/json"));
    let document = reply.json();
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    let mut pending = vec![&document];
    while let Some(value) = pending.pop() {
        if let Some(pointer) = value["$ref"].as_str() {
            assert!(document.pointer(pointer.trim_start_matches('#')).is_some(), "{pointer} leads nowhere");
        }
        match value {
            Value::Object(members) => pending.extend(members.values()),
            Value::Array(items) => pending.extend(items),
            _ => {}
        }
    }
    for operation in node.api.description().await.operations() {
        let description = node.api.description().await;
        assert_eq!(description.resolve(description.answer(&operation))["type"], "object", "{operation}");
    }
}

#[tokio::test]
async fn introspection_knows_every_method() {
    let node = NodeConfig::new().start().await;
    for method in methods(&node.api).await {
        let signatures = system(&node.api, "system.methodSignature", json!([method])).await;
        let first = &signatures[0][0];
        assert!(first.is_string(), "{method} answers what? {signatures}");
        let help = system(&node.api, "system.methodHelp", json!([method])).await;
        assert!(help.as_str().is_some_and(|text| !text.is_empty()), "{method} has no help");
    }
    let find = system(&node.api, "system.methodSignature", json!(["search.find"])).await;
    assert!(find.as_array().expect("signatures").contains(&json!(["struct", "string", "struct"])), "{find}");
    for method in ["system.methodSignature", "system.methodHelp"] {
        let fault = node.api.call(Binding::XmlRpc, method, json!(["no.such"])).await.expect_err("it is unknown");
        assert_ne!(fault.kind(), Kind::Internal, "{fault:?}");
    }
    let capabilities = system(&node.api, "system.getCapabilities", json!([])).await;
    let faults = &capabilities["faults_interop"];
    assert!(faults["specUrl"].is_string() && faults["specVersion"].is_number(), "{capabilities}");
}

#[tokio::test]
async fn a_multicall_answers_each_of_its_calls() {
    let node = NodeConfig::new().start().await;
    let call = |name: &str, params: Value| json!({ "methodName": name, "params": params });
    let calls = json!([[
        call("node.info", json!([])),
        call("no.such", json!([])),
        call("transfer.status", json!(["nothing"])),
        call("search.find", json!(["word", { "timeoutMs": 200 }])),
        call("system.multicall", json!([[]])),
    ]]);
    let answers = system(&node.api, "system.multicall", calls).await;
    let [info, unknown, missing, found, nested] = answers.as_array().expect("answers").as_slice() else {
        panic!("{answers}")
    };
    assert_eq!(info[0]["peerId"], node.peer_id());
    assert_eq!(unknown["faultCode"], -32601);
    assert_eq!(missing["faultCode"], 404);
    assert_eq!(found[0]["hits"], json!([]));
    assert!(nested["faultCode"].is_number(), "a multicall within one is refused: {nested}");
    let many = json!([vec![call("node.info", json!([])); 1001]]);
    let fault = node.api.call(Binding::XmlRpc, "system.multicall", many).await.expect_err("1,001 calls");
    fault.assert_is(Kind::TooLarge).assert_names(&["1000"]);
}

#[tokio::test]
async fn required_fields_go_by_position_and_optional_ones_in_a_struct() {
    let pair = Pair::sharing(crate::harness::Library::real(3)).await;
    let api = &pair.a.api;
    for input in [
        json!(["paper*"]),
        json!(["paper*", { "limit": 3 }]),
        json!(["paper*", {}]),
        json!([{ "query": "paper*", "limit": 3 }]),
    ] {
        let found = api.call(Binding::XmlRpc, "search.find", input.clone()).await.expect("search.find");
        assert_eq!(found["hits"].as_array().map(Vec::len), Some(3), "{input}");
    }
}

/// What an operation does with a sample that names nothing: its kind of fault, or none.
async fn outcome(api: &Api, binding: Binding, operation: &str, input: Value) -> Option<Kind> {
    let outcome = api.call(binding, operation, input.clone()).await;
    let fault = outcome.err()?;
    assert_ne!(fault.kind(), Kind::Internal, "{operation} {input}: {fault:?}");
    assert_ne!(fault.code, "-32601", "{operation} is listed and unknown: {fault:?}");
    Some(fault.kind())
}

#[tokio::test]
async fn every_listed_operation_answers_alike_on_every_binding() {
    let node = NodeConfig::new().start().await;
    let description = node.api.description().await;
    for operation in description.operations() {
        let input = description.sample(&operation);
        let first = outcome(&node.api, Binding::Json, &operation, input.clone()).await;
        assert_ne!(first, Some(Kind::InvalidRequest), "{operation} refuses what its description allows: {input}");
        for binding in [Binding::XmlRpc, Binding::Soap11, Binding::Soap12] {
            let other = outcome(&node.api, binding, &operation, input.clone()).await;
            assert_eq!(other, first, "{operation} {input} over {binding:?}");
        }
    }
}

/// A second opinion on the XML-RPC answers, from a client that this project did not write.
#[tokio::test]
async fn dxr_reads_the_answers() {
    let node = NodeConfig::new().start().await;
    node.api.ok("content.publish", json!({ "name": "second opinion", "data": "AAEC" })).await;
    let url = node.api.url("/xmlrpc").parse().expect("URL");
    let client = dxr_client::Client::with_client(url, reqwest::Client::new());
    let found: dxr::Value = client.call("content.list", ()).await.expect("content.list");
    assert!(format!("{found:?}").contains("second opinion"), "{found:?}");
    let fault = client.call::<_, dxr::Value>("transfer.status", "nothing").await.expect_err("it is unknown");
    assert!(fault.to_string().contains("404") || matches!(fault, dxr_client::Error::Fault { .. }), "{fault}");
}
