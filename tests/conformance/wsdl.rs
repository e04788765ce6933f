//! What the WSDL says to the stacks that read it.

use std::collections::BTreeSet;

use crate::harness::{Element, Node, NodeConfig, Reply};

const WSDL: &str = "http://schemas.xmlsoap.org/wsdl/";

async fn document(node: &Node, path: &str, headers: &[(&str, &str)]) -> Element {
    let mut request = node.api.request(reqwest::Method::GET, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let reply = Reply::of(request).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "text/xml; charset=utf-8"), "{path}");
    Element::parse(reply.text()).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn location(wsdl: &Element) -> &str {
    let address = wsdl.at(&["service", "port", "address"]).expect("address");
    address.attribute("location").expect("location")
}

/// BP 1.1 R2028, R2029 and section 4.7: operations, messages and parts fit together, document/literal throughout.
#[tokio::test]
async fn r2201_r2716_each_operation_is_document_literal_with_one_part() {
    let node = NodeConfig::new().start().await;
    for path in ["/soap?wsdl", "/soap12?wsdl", "/soap?wsdl&policy"] {
        let wsdl = document(&node, path, &[]).await;
        let order: Vec<_> =
            wsdl.children.iter().filter(|part| part.namespace == WSDL).map(|part| part.name.as_str()).collect();
        assert!(order.starts_with(&["documentation", "types", "message"]), "{path}");
        let elements: BTreeSet<_> = wsdl
            .at(&["types", "schema"])
            .expect("schema")
            .children("element")
            .filter_map(|it| it.attribute("name"))
            .collect();
        for message in wsdl.children("message") {
            let [part] = &message.children[..] else { panic!("{message:?}") };
            let element = part.attribute("element").and_then(|name| name.strip_prefix("tns:")).expect("an element");
            assert!(elements.contains(element), "{path}: {element}");
        }
        let messages: BTreeSet<_> = wsdl.children("message").filter_map(|message| message.attribute("name")).collect();
        let (port_type, binding) = (wsdl.child("portType").expect("portType"), wsdl.child("binding").expect("binding"));
        for operation in port_type.children("operation") {
            let name = operation.attribute("name").expect("name");
            assert!(!operation.child("documentation").expect("documentation").text.is_empty(), "{name}");
            for (direction, action) in [
                ("input", format!("urn:peergate:v1/{name}")),
                ("output", format!("urn:peergate:v1/{name}Response")),
                ("fault", "http://www.w3.org/2005/08/addressing/fault".to_owned()),
            ] {
                let told = operation.child(direction).expect("a message");
                let message = told.attribute("message").and_then(|name| name.strip_prefix("tns:")).expect("a message");
                assert!(messages.contains(message), "{path}: {message}");
                assert_eq!(told.attribute("Action"), Some(action.as_str()), "{path}");
            }
            let bound =
                binding.children("operation").find(|bound| bound.attribute("name") == Some(name)).expect("bound");
            let soap = bound.child("operation").expect("soap:operation");
            assert_eq!(soap.attribute("soapAction"), Some(format!("urn:peergate:v1/{name}").as_str()));
            for body in [["input", "body"], ["output", "body"], ["fault", "fault"]] {
                assert_eq!(bound.at(&body).expect("literal").attribute("use"), Some("literal"), "{path}: {name}");
            }
            assert_eq!(bound.at(&["fault", "fault"]).and_then(|fault| fault.attribute("name")), Some("Fault"));
        }
    }
}

/// Contract, sections 1 and 3: one file, no imports; bytes say what they are; a policy only where it was asked for.
#[tokio::test]
async fn one_file_with_types_for_mtom_and_a_policy_on_request() {
    let node = NodeConfig::new().start().await;
    for (path, has_policy) in [
        ("/soap?wsdl", false),
        ("/soap12?wsdl", false),
        ("/soap12?wsdl&policy", false),
        ("/soap?wsdl&policy", true),
        ("/soap?policy&wsdl", true),
    ] {
        let wsdl = document(&node, path, &[]).await;
        assert_eq!(wsdl.descendants("port").len(), 1, "{path}");
        for absent in ["import", "include", "redefine", "any"] {
            assert!(wsdl.descendants(absent).is_empty(), "{path}: {absent}");
        }
        for element in wsdl.descendants("element") {
            let is_bytes = element.attribute("type") == Some("xs:base64Binary");
            let said = element.attribute("expectedContentTypes");
            assert_eq!(said, is_bytes.then_some("application/octet-stream"), "{path}: {element:?}");
        }
        assert_eq!(wsdl.descendants("PolicyReference").len(), usize::from(has_policy), "{path}");
        assert_eq!(wsdl.children("Policy").count(), usize::from(has_policy), "{path}");
        if let Some(policy) = wsdl.child("Policy") {
            let reference = wsdl.at(&["binding", "PolicyReference"]).expect("reference").attribute("URI").expect("URI");
            assert_eq!(policy.attribute("Id"), reference.strip_prefix('#'));
            for name in ["Addressing", "OptimizedMimeSerialization"] {
                assert_eq!(policy.child(name).and_then(|it| it.attribute("Optional")), Some("true"), "{name}");
            }
            assert_eq!(policy.descendants("UsernameToken").len(), 2);
        }
    }
}

/// Every field is documented where a generated class shows it.
#[tokio::test]
async fn every_field_is_documented() {
    let node = NodeConfig::new().start().await;
    let wsdl = document(&node, "/soap?wsdl", &[]).await;
    let schema = wsdl.at(&["types", "schema"]).expect("schema");
    let fields = schema.descendants("sequence").into_iter().flat_map(|sequence| sequence.children("element"));
    for field in fields.filter(|field| field.attribute("name") != Some("result")) {
        let doc = field.at(&["annotation", "documentation"]);
        assert!(doc.is_some_and(|doc| !doc.text.is_empty()), "{field:?}");
    }
}

/// The address is the one that the caller used.
#[tokio::test]
async fn the_address_is_the_one_that_was_reached() {
    let node = NodeConfig::new().start().await;
    let port = node.api.authority().rsplit(':').next().expect("port").to_owned();
    for host in [format!("127.0.0.1:{port}"), format!("localhost:{port}"), format!("[::1]:{port}")] {
        for path in ["/soap", "/soap12"] {
            let wsdl = document(&node, &format!("{path}?wsdl"), &[("host", &host)]).await;
            assert_eq!(location(&wsdl), format!("http://{host}{path}"));
        }
    }
}

/// Only a proxy in `http.trusted_proxies` can say where the caller was, and only a name of this node.
#[tokio::test]
async fn only_trusted_proxies_say_where_the_caller_was() {
    let said = [("x-forwarded-proto", "https"), ("x-forwarded-host", "gate.example"), ("x-forwarded-prefix", "/p2p/")];
    let untrusting = NodeConfig::new().start().await;
    let wsdl = document(&untrusting, "/soap?wsdl", &said).await;
    assert_eq!(location(&wsdl), untrusting.api.url("/soap"));
    let trusting =
        NodeConfig::new().http("trusted_proxies = [\"127.0.0.0/8\"]\nhosts = [\"gate.example\"]").start().await;
    let wsdl = document(&trusting, "/soap?wsdl", &said).await;
    assert_eq!(location(&wsdl), "https://gate.example/p2p/soap");
    let wsdl = document(&trusting, "/soap12?wsdl", &[]).await;
    assert_eq!(location(&wsdl), trusting.api.url("/soap12"));
    let foreign = trusting.api.request(reqwest::Method::GET, "/soap?wsdl").header("x-forwarded-host", "evil.example");
    assert_eq!(Reply::of(foreign).await.status, 403);
    let public = NodeConfig::new().http(
        "trusted_proxies = [\"127.0.0.0/8\"]\npublic_url = \"https://public.example/x/\"\nhosts = [\"gate.example\"]",
    );
    let wsdl = document(&public.start().await, "/soap?wsdl", &said).await;
    assert_eq!(location(&wsdl), "https://public.example/x/soap");
}
