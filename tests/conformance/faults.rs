//! How a fault is written, in both versions (contract, section 6).

use super::message::{Answer, INFO, SOAP11, SOAP12, VERSIONS, envelope, send, send_with};
use crate::harness::{Binding, NodeConfig};

const MISSING: &str = "<pg:TransferStatus><pg:transferId>nothing</pg:transferId></pg:TransferStatus>";

/// SOAP 1.1 section 4.4, BP 1.1 R1000, R1001, R1016: the children are unqualified, in order, and no others.
#[tokio::test]
async fn r1000_s11_4_4_a_fault_of_soap_11() {
    let node = NodeConfig::new().start().await;
    let answer = send(&node.api, Binding::Soap11, envelope(Binding::Soap11, "", MISSING)).await;
    let fault = answer.body();
    assert_eq!(fault.namespace, SOAP11);
    let children: Vec<_> = fault.children.iter().map(|child| (child.namespace.as_str(), child.name.as_str())).collect();
    assert_eq!(children, [("", "faultcode"), ("", "faultstring"), ("", "detail")]);
    assert_eq!(answer.codes(), ["Client"]);
    let [detail] = &fault.children[2].children[..] else { panic!("{answer:?}") };
    assert_eq!((detail.namespace.as_str(), detail.name.as_str()), ("urn:peergate:v1", "Fault"));
    let fields: Vec<_> = detail.children.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(fields, ["kind", "message"]);
    assert_eq!(detail.child("kind").map(|kind| kind.text.as_str()), Some("NotFound"));
}

/// SOAP 1.2 part 1, section 5.4.
#[tokio::test]
async fn s12_5_4_a_fault_of_soap_12() {
    let node = NodeConfig::new().start().await;
    let answer = send(&node.api, Binding::Soap12, envelope(Binding::Soap12, "", MISSING)).await;
    let fault = answer.body();
    let children: Vec<_> = fault.children.iter().map(|child| (child.namespace.as_str(), child.name.as_str())).collect();
    assert_eq!(children, [(SOAP12, "Code"), (SOAP12, "Reason"), (SOAP12, "Detail")]);
    assert_eq!(answer.codes(), ["Sender"]);
    let text = fault.at(&["Reason", "Text"]).expect("a reason");
    assert_eq!(text.attribute("lang"), Some("en"));
    assert_eq!(fault.at(&["Detail", "Fault", "kind"]).map(|kind| kind.text.as_str()), Some("NotFound"));
}

/// Every fault answers 500, with SOAP 1.2 as well: six of the tried stacks lose the fault otherwise. BP 1.1 R1126.
#[tokio::test]
async fn r1126_every_fault_is_http_500() {
    let node = NodeConfig::new().start().await;
    for version in VERSIONS {
        let other = envelope(version, "", INFO).replace(super::message::namespace(version), "urn:soap:13");
        for document in [
            envelope(version, "", MISSING),
            envelope(version, "", "<pg:NoSuch/>"),
            envelope(version, "", "<pg:SearchFind/>"),
            envelope(version, "<t:x xmlns:t=\"urn:t\" s:mustUnderstand=\"1\"/>", INFO),
            other,
            "junk".to_owned(),
        ] {
            let reply = node.api.post(version, "node.info", document).await;
            assert_eq!((reply.status, reply.header("content-type")), (500, version.media_type()), "{}", reply.text());
        }
    }
}

/// Until the version is known, the content type says in which one to answer.
#[tokio::test]
async fn a_fault_before_the_version_is_known_follows_the_content_type() {
    let node = NodeConfig::new().start().await;
    for path in ["/soap", "/soap12"] {
        for (said, namespace) in
            [("text/xml", SOAP11), ("application/soap+xml; action=\"x\"", SOAP12), ("application/xml", SOAP11)]
        {
            let answer = Answer::of(send_with(&node.api, path, &[("content-type", said)], "junk").await);
            assert_eq!(answer.envelope.namespace, namespace, "{path} {said}");
        }
    }
}
