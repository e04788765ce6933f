//! The HTTP binding: methods, media types, SOAPAction (BP 1.1 section 3.4; SOAP 1.2 part 2, section 7).

use reqwest::Method;

use super::message::{Answer, INFO, PUBLISH, VERSIONS, contents, envelope, send_with};
use crate::harness::{Binding, NodeConfig, Reply};

/// BP 1.1 R1109, R2744, R2745 and the contract, section 3: whatever SOAPAction says, the body is what is called.
#[tokio::test]
async fn r2745_soap_action_changes_nothing() {
    let node = NodeConfig::new().start().await;
    let document = envelope(Binding::Soap11, "", INFO);
    for action in [
        None,
        Some(""),
        Some("\"\""),
        Some("\"urn:peergate:v1/NodeInfo\""),
        Some("urn:peergate:v1/NodeInfo"),
        Some("\"urn:peergate:v1/ContentPublish\""),
        Some("\"http://tempuri.org/other\""),
        Some("\"not closed"),
        Some("''"),
    ] {
        let mut headers = vec![("content-type", "text/xml; charset=utf-8")];
        headers.extend(action.map(|action| ("soapaction", action)));
        let reply = send_with(&node.api, "/soap", &headers, document.as_str()).await;
        Answer::of(reply).assert_answers("NodeInfoResponse");
    }
}

/// SOAP 1.2 part 2, section 7.5.1.2: `action` is a parameter of the content type, and may be anything or absent.
#[tokio::test]
async fn s12_2_7_5_action_changes_nothing() {
    let node = NodeConfig::new().start().await;
    let document = envelope(Binding::Soap12, "", INFO);
    for action in ["", "; action=\"urn:peergate:v1/NodeInfo\"", ";action=urn:x", "; action=\"\"", "; action=\"a;b\""] {
        let said = format!("application/soap+xml; charset=utf-8{action}");
        let headers = [("content-type", said.as_str()), ("soapaction", "\"x\"")];
        let reply = send_with(&node.api, "/soap12", &headers, document.as_str()).await;
        Answer::of(reply).assert_answers("NodeInfoResponse");
    }
}

/// BP 1.1 R1132, R1115; contract, sections 3 and 6: read leniently, answered exactly.
#[tokio::test]
async fn r1115_media_types() {
    let node = NodeConfig::new().start().await;
    for version in VERSIONS {
        let document = envelope(version, "", INFO);
        for said in [
            "text/xml",
            "TEXT/XML",
            "text/xml;",
            " text/xml ; charset=\"utf-8\"",
            "application/xml",
            "Application/Soap+XML",
        ] {
            let reply = send_with(&node.api, "/soap", &[("content-type", said)], document.as_str()).await;
            assert_eq!((reply.status, reply.header("content-type")), (200, version.media_type()), "{said}");
        }
        let reply = send_with(&node.api, "/soap", &[], document.as_str()).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, version.media_type()), "no content type");
        for said in ["application/json", "text/plain", "text/html", "application/x-www-form-urlencoded", "xml"] {
            let reply = send_with(&node.api, "/soap", &[("content-type", said)], document.as_str()).await;
            assert_eq!(reply.status, 415, "{said}");
            Answer::of(Reply { status: 500, ..reply }).assert_senders();
        }
    }
}

/// BP 1.1 R1114: only POST carries messages. GET answers the WSDL, and nothing else.
#[tokio::test]
async fn r1114_other_methods_are_405() {
    let node = NodeConfig::new().start().await;
    for path in ["/soap", "/soap12"] {
        for query in ["", "?", "?xsd", "?wsdls", "?policy"] {
            let reply = node.api.get(&format!("{path}{query}")).await;
            assert_eq!((reply.status, reply.header("allow")), (405, "POST, GET"), "{path}{query}");
        }
        for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
            let reply = Reply::of(node.api.request(method.clone(), path)).await;
            assert_eq!(reply.status, 405, "{method} {path}");
            assert!(reply.header("allow").contains("POST"), "{method} {path}");
        }
        for query in ["?wsdl", "?WSDL", "?Wsdl", "?wsdl&x=1", "?wsdl="] {
            let reply = node.api.get(&format!("{path}{query}")).await;
            assert_eq!((reply.status, reply.header("content-type")), (200, "text/xml; charset=utf-8"), "{path}{query}");
        }
    }
}

/// BP 1.1 R1124, R1125: an answer is 200, and no redirect or cookie is needed to get it.
#[tokio::test]
async fn r1124_an_answer_is_http_200_of_a_stated_length() {
    let node = NodeConfig::new().start().await;
    for version in VERSIONS {
        let reply = node.api.post(version, "node.info", envelope(version, "", INFO)).await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("content-length"), reply.body.len().to_string());
        assert!(reply.header("transfer-encoding").is_empty() && reply.header("set-cookie").is_empty(), "{reply:?}");
    }
}

/// A GET with a message in it is refused before anything is done.
#[tokio::test]
async fn a_message_in_another_method_does_nothing() {
    let node = NodeConfig::new().start().await;
    for method in [Method::GET, Method::PUT] {
        let request = node.api.request(method, "/soap").header("content-type", "text/xml");
        assert_eq!(Reply::of(request.body(envelope(Binding::Soap11, "", PUBLISH))).await.status, 405);
    }
    assert_eq!(contents(&node.api).await, 0);
}
