//! What single stacks send that no standard asks for, each as it was seen on the wire (contract, section 3).

use serde_json::json;

use super::message::{Answer, SOAP11, VERSIONS, envelope, send, send_with};
use crate::harness::{Binding, NodeConfig};

/// SOAP::Lite leaves fields unqualified, types them, and says how they are encoded.
#[tokio::test]
async fn soap_lite_unqualified_typed_and_encoded() {
    let node = NodeConfig::new().start().await;
    let document = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soap:Envelope xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
         xmlns:soapenc=\"http://schemas.xmlsoap.org/soap/encoding/\" xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" \
         soap:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\" xmlns:soap=\"{SOAP11}\"><soap:Body>\
         <SearchFind xmlns=\"urn:peergate:v1\"><query xmlns=\"\" xsi:type=\"xsd:string\">word</query>\
         <timeoutMs xsi:type=\"xsd:int\" xmlns=\"\">100</timeoutMs></SearchFind></soap:Body></soap:Envelope>"
    );
    let answer = send(&node.api, Binding::Soap11, document.as_str()).await;
    answer.assert_answers("SearchFindResponse");
    assert!(!answer.reply.text().contains("type="), "{answer:?}");
    let prefixed =
        document.replace("<SearchFind xmlns=\"urn:peergate:v1\">", "<n:SearchFind xmlns:n=\"urn:peergate:v1\">");
    let prefixed = prefixed.replace("</SearchFind>", "</n:SearchFind>").replace(" xmlns=\"\"", "");
    send(&node.api, Binding::Soap11, prefixed).await.assert_answers("SearchFindResponse");
}

/// Axis 1.4 writes a character beyond U+FFFF as the references of its two surrogates.
#[tokio::test]
async fn axis_14_surrogate_pairs_as_two_references() {
    let node = NodeConfig::new().start().await;
    for version in VERSIONS {
        let body = "<pg:ContentPublish><pg:name>&#xD83D;&#xDE00; &#55357;&#56832;</pg:name><pg:data>AA==</pg:data></pg:ContentPublish>";
        let answer = send(&node.api, version, envelope(version, "", body)).await;
        let name = answer.assert_answers("ContentPublishResponse").body().at(&["result", "name"]).expect("name");
        assert_eq!(name.text, "😀 😀");
        for half in ["&#xD83D;", "&#xDE00;", "&#xDE00;&#xD83D;", "&#xD83D; &#xDE00;"] {
            let body = format!("<pg:SearchFind><pg:query>{half}</pg:query></pg:SearchFind>");
            send(&node.api, version, envelope(version, "", &body)).await.assert_senders();
        }
    }
}

/// Stacks order elements as their language does, and add `xsi:nil` for what they have no value for.
#[tokio::test]
async fn suds_php_any_order_and_nil() {
    let node = NodeConfig::new().start().await;
    for version in VERSIONS {
        let body = "<pg:SearchFind xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\"><pg:timeoutMs>100</pg:timeoutMs>\
                    <pg:mediaType i:nil=\"true\"/><pg:query>word</pg:query><pg:tags>b</pg:tags><pg:tags>a</pg:tags>\
                    <pg:limit i:nil=\"1\"></pg:limit></pg:SearchFind>";
        send(&node.api, version, envelope(version, "", body)).await.assert_answers("SearchFindResponse");
    }
}

/// What is misspelt is refused by name and never passed over (contract, section 6).
#[tokio::test]
async fn unknown_elements_are_named() {
    let node = NodeConfig::new().start().await;
    for version in VERSIONS {
        let body = "<pg:SearchFind><pg:query>word</pg:query><pg:limmit>5</pg:limmit></pg:SearchFind>";
        let answer = send(&node.api, version, envelope(version, "", body)).await;
        assert!(answer.assert_senders().message().contains("limmit"), "{answer:?}");
    }
}

/// Answers keep the schema's order, are qualified throughout, and hold nothing that is not declared.
#[tokio::test]
async fn answers_keep_to_the_schema() {
    let node = NodeConfig::new().start().await;
    node.api.ok("content.publish", json!({ "name": "one", "data": "AAEC", "tags": ["b", "a"] })).await;
    for version in VERSIONS {
        let answer = send(&node.api, version, envelope(version, "", "<pg:ContentList/>")).await;
        let content =
            answer.assert_answers("ContentListResponse").body().at(&["result", "contents"]).expect("a content");
        let names: Vec<_> = content.children.iter().map(|field| field.name.as_str()).collect();
        let order =
            ["contentId", "name", "size", "mediaType", "tags", "tags", "published", "overlays", "providers", "local"];
        assert_eq!(names, order, "{answer:?}");
        assert!(content.children.iter().all(|field| field.namespace == "urn:peergate:v1"), "{answer:?}");
        let published = content.child("published").expect("published").text.clone();
        assert!(published.ends_with('Z') && published.len() <= "2026-11-22T06:49:55.123Z".len(), "{published}");
    }
}

/// gSOAP and .NET keep connections open and announce large bodies.
#[tokio::test]
async fn gsoap_dotnet_expect_100_continue() {
    let node = NodeConfig::new().start().await;
    let mut connection = crate::harness::Connection::to(&node).await;
    let document = envelope(Binding::Soap11, "", super::message::INFO);
    for _ in 0..2 {
        let head = format!(
            "POST /soap HTTP/1.1\r\nHost: {}\r\nContent-Type: text/xml\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
            node.api.authority(),
            document.len()
        );
        connection.send(head).await;
        assert_eq!(connection.reply().await.status, 100);
        connection.send(&document).await;
        assert_eq!(connection.reply().await.status, 200);
    }
}

/// HTTP/1.0 without Host, as the oldest clients speak it.
#[tokio::test]
async fn old_clients_http_10() {
    let node = NodeConfig::new().start().await;
    let mut connection = crate::harness::Connection::to(&node).await;
    let document = envelope(Binding::Soap11, "", super::message::INFO);
    let head = format!("POST /soap HTTP/1.0\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n", document.len());
    connection.send(format!("{head}{document}")).await;
    let answer = connection.until_closed().await;
    assert!(answer.contains(" 200 OK") && answer.contains("NodeInfoResponse"), "{answer}");
}

/// Chunked requests, as streaming clients send them.
#[tokio::test]
async fn jax_ws_chunked_requests() {
    let node = NodeConfig::new().start().await;
    let document = envelope(Binding::Soap11, "", super::message::INFO);
    let parts: Vec<std::io::Result<Vec<u8>>> = document.as_bytes().chunks(7).map(|part| Ok(part.to_vec())).collect();
    let body = reqwest::Body::wrap_stream(futures::stream::iter(parts));
    let reply = node.api.post(Binding::Soap11, "node.info", body).await;
    Answer::of(reply).assert_answers("NodeInfoResponse");
}

/// White space around values, as hand-written clients indent them; text keeps its own.
#[tokio::test]
async fn hand_written_indented_values() {
    let node = NodeConfig::new().start().await;
    let body = "<pg:SearchFind>\n  <pg:query>\n word \n</pg:query>\n  <pg:limit>\n5\n</pg:limit>\n<pg:timeoutMs> 100 </pg:timeoutMs></pg:SearchFind>";
    let reply =
        send_with(&node.api, "/soap", &[("content-type", "text/xml")], envelope(Binding::Soap11, "", body)).await;
    Answer::of(reply).assert_answers("SearchFindResponse");
}
