//! SOAP messages that have brought down a server somewhere: each is refused by a bound that has a name, nothing that they
//! refer to is fetched, and the node goes on.

use std::{fmt::Write, net::TcpListener};

use super::message::{PUBLISH, VERSIONS, contents, envelope, send, send_with};
use crate::harness::{Api, Binding, Connection, NodeConfig};

const WSSE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
const SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#";

/// Sends a message that is refused with these words.
async fn refused(api: &Api, version: Binding, document: String, words: &[&str]) {
    let answer = send(api, version, document).await;
    let message = answer.message();
    assert!(message.len() < 1_000, "the fault repeats the request");
    for word in words {
        assert!(message.contains(word), "{word:?} is not in {message:?}");
    }
}

/// A place that nobody may connect to.
struct Bait(TcpListener);

impl Bait {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a listener that does not wait");
        Self(listener)
    }

    fn url(&self) -> String {
        format!("http://{}/secret", self.0.local_addr().expect("an address"))
    }

    fn assert_untouched(&self) {
        let touched = self.0.accept();
        assert!(touched.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock), "something was fetched");
    }
}

#[tokio::test]
async fn levels_and_attributes_are_bounded_by_their_limits() {
    let node = NodeConfig::new().start().await;
    let levels = format!("<pg:SearchFind>{}</pg:SearchFind>", "<pg:query>".repeat(100_000));
    let mut attributes = String::from("<pg:NodeInfo");
    for number in 0..1_000_000 {
        write!(attributes, " a{number}=''").expect("write to memory");
    }
    attributes.push_str("/>");
    for version in VERSIONS {
        // In the body the second level is wrong already; headers are passed over, level by level.
        refused(&node.api, version, envelope(version, "", &levels), &["want text alone"]).await;
        refused(&node.api, version, envelope(version, &levels, PUBLISH), &["limits.xml_depth", "64"]).await;
        refused(&node.api, version, envelope(version, "", &attributes), &["limits.xml_attributes", "64"]).await;
    }
    assert_eq!(contents(&node.api).await, 0);
    node.api.assert_answers("deep and wide messages").await;
}

#[tokio::test]
async fn entities_are_neither_expanded_nor_fetched() {
    let node = NodeConfig::new().start().await;
    let bait = Bait::new();
    let entities: String = (1..40).map(|n| format!("<!ENTITY e{n} \"&e{0};&e{0};\">", n - 1)).collect();
    let types = [
        format!("<!DOCTYPE m [<!ENTITY e0 \"ha\">{entities}]>"),
        format!("<!DOCTYPE m [<!ENTITY e39 SYSTEM \"{}\">]>", bait.url()),
        format!("<!DOCTYPE m [<!ENTITY % e SYSTEM \"{}\"> %e;]>", bait.url()),
        format!("<!DOCTYPE m SYSTEM \"{}\">", bait.url()),
        "<!DOCTYPE m [<!ENTITY e39 SYSTEM \"file:///etc/passwd\">]>".to_owned(),
    ];
    for version in VERSIONS {
        let good = envelope(version, "", "<pg:SearchFind><pg:query>&e39;</pg:query></pg:SearchFind>");
        for document_type in &types {
            let bad = good.replacen("?>", &format!("?>{document_type}"), 1);
            refused(&node.api, version, bad, &["document type"]).await;
        }
        refused(&node.api, version, good, &["e39"]).await;
    }
    bait.assert_untouched();
}

#[tokio::test]
async fn references_of_signatures_and_of_xop_lead_nowhere() {
    let node = NodeConfig::new().start().await;
    let bait = Bait::new();
    for url in [bait.url(), "file:///etc/passwd".to_owned()] {
        for version in VERSIONS {
            let signature = format!(
                "<o:Security xmlns:o=\"{WSSE}\"><d:Signature xmlns:d=\"{SIGNATURE}\"><d:SignedInfo><d:Reference \
                 URI=\"{url}\"/></d:SignedInfo></d:Signature></o:Security>"
            );
            refused(&node.api, version, envelope(version, &signature, PUBLISH), &[]).await;
            let include = format!(
                "<pg:ContentPublish><pg:name>x</pg:name><pg:data><x:Include \
                 xmlns:x=\"http://www.w3.org/2004/08/xop/include\" href=\"{url}\"/></pg:data></pg:ContentPublish>"
            );
            refused(&node.api, version, envelope(version, "", &include), &[]).await;
        }
    }
    assert_eq!(contents(&node.api).await, 0);
    bait.assert_untouched();
}

#[tokio::test]
async fn a_declared_length_of_4_gib_is_refused_before_it_is_sent() {
    let node = NodeConfig::new().start().await;
    let mut connection = Connection::to(&node).await;
    let head = format!(
        "POST /soap HTTP/1.1\r\nHost: {}\r\nContent-Type: text/xml\r\nContent-Length: 4294967296\r\n\r\n<s:Envelope",
        node.api.authority()
    );
    connection.send(head).await;
    let reply = connection.reply().await;
    let text = String::from_utf8_lossy(&reply.body).into_owned();
    assert!(reply.status == 500 && text.contains("limits.inline_bytes"), "{reply:?}: {text}");
    assert_eq!(reply.header("connection"), "close");
    node.api.assert_answers("a declared length of 4 GiB").await;
}

#[tokio::test]
async fn many_headers_names_and_texts_without_end_are_refused() {
    let node = NodeConfig::new().start().await;
    for version in VERSIONS {
        let blocks = "<x xmlns=\"urn:x\"/>".repeat(10_000);
        refused(&node.api, version, envelope(version, &blocks, PUBLISH), &["64"]).await;
        let name = "n".repeat(1 << 20);
        refused(&node.api, version, envelope(version, "", &format!("<pg:{name}/>")), &[]).await;
        let unknown = format!("<pg:SearchFind><pg:{name}/></pg:SearchFind>");
        refused(&node.api, version, envelope(version, "", &unknown), &["unknown element"]).await;
    }
    let unended = send_with(&node.api, "/soap", &[("content-type", "text/xml")], "<".repeat(1 << 20)).await;
    assert_eq!(unended.status, 500);
    assert_eq!(contents(&node.api).await, 0);
    node.api.assert_answers("names without end").await;
}
