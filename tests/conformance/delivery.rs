//! Answers that go elsewhere than the caller's connection: only to addresses that the configuration allows.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::message::{INFO, PUBLISH, VERSIONS, WSA, contents, envelope, namespace, send};
use crate::harness::{Binding, Element, NodeConfig};

const ID: &str = "<wsa:MessageID>urn:uuid:1</wsa:MessageID>";
const LOOPBACK: &str = "reply_networks = [\"127.0.0.0/8\"]";

fn reply_to(address: &str) -> String {
    format!(
        "{ID}<wsa:ReplyTo><wsa:Address>{address}</wsa:Address><wsa:ReferenceParameters><k:Key xmlns:k=\"urn:k\">v</k:Key>\
         </wsa:ReferenceParameters></wsa:ReplyTo>"
    )
}

/// A listener of the caller's own, and the address where it waits for answers.
async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
    let address = format!("http://{}/answers?a=1&amp;b=2", listener.local_addr().expect("address"));
    (listener, address)
}

/// Takes one POST and answers it: its head and the document in it.
async fn receive(listener: &TcpListener) -> (String, Element) {
    let accepted = tokio::time::timeout(Duration::from_secs(30), listener.accept()).await;
    let (mut stream, _) = accepted.expect("no answer came").expect("accept");
    let (mut read, mut request) = (vec![0; 4096], Vec::new());
    loop {
        let count = stream.read(&mut read).await.expect("read");
        assert!(count > 0, "the request ended early: {}", String::from_utf8_lossy(&request));
        request.extend_from_slice(&read[..count]);
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && body.ends_with("Envelope>")
        {
            stream.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").await.expect("answer");
            return (head.to_ascii_lowercase(), Element::parse(body).expect("a document"));
        }
    }
}

/// WS-Addressing 1.0, SOAP binding, section 5.2: HTTP says 202, and the answer comes as a request of its own.
#[tokio::test]
async fn wsa_5_2_an_answer_goes_to_an_allowed_address() {
    let node = NodeConfig::new().http(LOOPBACK).start().await;
    let (listener, address) = listener().await;
    for version in VERSIONS {
        for (body, element, action) in [
            (INFO, "NodeInfoResponse", "urn:peergate:v1/NodeInfoResponse".to_owned()),
            ("<pg:NoSuch/>", "Fault", format!("{WSA}/fault")),
        ] {
            let reply = node.api.post(version, "", envelope(version, &reply_to(&address), body)).await;
            assert_eq!((reply.status, reply.text()), (202, ""), "{body}");
            let (head, answer) = receive(&listener).await;
            assert!(head.starts_with("post /answers?a=1&b=2 http/1.1"), "{head}");
            assert!(
                head.contains(&format!("content-type: {}", version.media_type())) && head.contains("soapaction: \"\""),
                "{head}"
            );
            assert_eq!(
                (answer.namespace.as_str(), answer.at(&["Body", element]).is_some()),
                (namespace(version), true),
                "{answer:?}"
            );
            let header = answer.child("Header").expect("Header");
            let block = |name: &str| header.child(name).map_or("", |block| block.text.as_str());
            assert_eq!((block("Action"), block("RelatesTo"), block("Key")), (action.as_str(), "urn:uuid:1", "v"));
            assert_eq!(block("To"), address.replace("&amp;", "&"));
        }
    }
}

/// Nothing is done when the answer could not go where it is to go; the fault comes over the connection.
#[tokio::test]
async fn an_answer_goes_nowhere_else() {
    for (http, addresses) in [
        ("", &["http://127.0.0.1:1/", "http://192.0.2.1/"][..]),
        (
            "reply_networks = [\"10.0.0.0/8\"]",
            &["http://127.0.0.1:1/", "http://localhost:1/", "http://[::1]:1/", "http://0x7f.1/"],
        ),
        (
            "reply_networks = [\"0.0.0.0/1\", \"128.0.0.0/1\", \"::/1\", \"8000::/1\"]",
            &[
                "http://169.254.169.254/latest",
                "http://[::ffff:169.254.169.254]/",
                "http://[fd00:ec2::254]/",
                "http://[fe80::1]/",
                "http://224.0.0.1/",
                "http://0.0.0.0/",
                "ftp://192.0.2.1/",
                "file:///etc/passwd",
            ],
        ),
    ] {
        let node = NodeConfig::new().http(http).start().await;
        for address in addresses {
            let answer = send(&node.api, Binding::Soap12, envelope(Binding::Soap12, &reply_to(address), PUBLISH)).await;
            assert_eq!(
                answer.codes(),
                ["Sender", "InvalidAddressingHeader", "OnlyAnonymousAddressSupported"],
                "{address}"
            );
        }
        assert_eq!(contents(&node.api).await, 0);
    }
}

/// A redirect is not followed: it could lead where the node must not go.
#[tokio::test]
async fn a_redirect_is_not_followed() {
    let node = NodeConfig::new().http(LOOPBACK).start().await;
    let (first, address) = listener().await;
    let (second, elsewhere) = listener().await;
    let reply = node.api.post(Binding::Soap11, "", envelope(Binding::Soap11, &reply_to(&address), INFO)).await;
    assert_eq!(reply.status, 202);
    let (mut stream, _) = first.accept().await.expect("accept");
    let mut read = [0; 4096];
    assert!(stream.read(&mut read).await.expect("read") > 0);
    let redirect = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n",
        elsewhere.replace("&amp;", "&")
    );
    stream.write_all(redirect.as_bytes()).await.expect("answer");
    drop(stream);
    // The next answer comes to the first listener; had the redirect been followed, the second one would have heard first.
    node.api.post(Binding::Soap11, "", envelope(Binding::Soap11, &reply_to(&address), INFO)).await;
    receive(&first).await;
    let heard = tokio::time::timeout(Duration::from_millis(1), second.accept()).await;
    assert!(heard.is_err(), "the redirect was followed");
}

/// The first answer to a repeated message goes where the repetition says.
#[tokio::test]
async fn a_repetition_is_delivered_again() {
    let node = NodeConfig::new().http(LOOPBACK).start().await;
    let (listener, address) = listener().await;
    let document = envelope(Binding::Soap11, &reply_to(&address), PUBLISH);
    let mut answers = Vec::new();
    for _ in 0..2 {
        assert_eq!(node.api.post(Binding::Soap11, "", document.clone()).await.status, 202);
        let (_, answer) = receive(&listener).await;
        let published = answer.at(&["Body", "ContentPublishResponse", "result", "published"]).expect("published");
        answers.push(published.text.clone());
    }
    assert_eq!(answers[0], answers[1]);
}
