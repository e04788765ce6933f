//! The encodings in which a message may come: UTF-8 and UTF-16, which every SOAP server has to read (BP 1.1 R1012).

use super::message::{Answer, VERSIONS, envelope, send, send_with};
use crate::harness::{Binding, NodeConfig};

/// A search that finds nothing, for words beyond ASCII and beyond U+FFFF.
const FIND: &str = "<pg:SearchFind><pg:query>Grüße 漢字 😀</pg:query><pg:timeoutMs>100</pg:timeoutMs></pg:SearchFind>";

fn utf16(document: &str, unit: fn(u16) -> [u8; 2], mark: bool) -> Vec<u8> {
    let mark = mark.then_some(0xFEFF);
    mark.into_iter().chain(document.encode_utf16()).flat_map(unit).collect()
}

#[tokio::test]
async fn r1012_r4001_utf_8_and_utf_16_with_and_without_a_byte_order_mark() {
    let node = NodeConfig::new().start().await;
    for version in VERSIONS {
        let utf8 = envelope(version, "", FIND);
        let sixteen = utf8.replace("encoding=\"utf-8\"", "encoding=\"UTF-16\"");
        for document in [
            utf8.clone().into_bytes(),
            format!("\u{FEFF}{utf8}").into_bytes(),
            utf8.replace("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n", "").into_bytes(),
            utf16(&sixteen, u16::to_le_bytes, true),
            utf16(&sixteen, u16::to_be_bytes, true),
            // XML 1.0, appendix F: the first character gives the order away.
            utf16(&sixteen, u16::to_le_bytes, false),
            utf16(&sixteen, u16::to_be_bytes, false),
        ] {
            send(&node.api, version, document).await.assert_answers("SearchFindResponse");
        }
    }
}

/// BP 1.1 R1018, RFC 7303: a charset may be there or not, in any case, quoted or not; a byte order mark outranks it.
#[tokio::test]
async fn r1018_charsets_of_the_content_type() {
    let node = NodeConfig::new().start().await;
    let document = envelope(Binding::Soap11, "", FIND);
    let sixteen = utf16(&document.replace("utf-8", "utf-16"), u16::to_le_bytes, true);
    for (charset, body) in [
        ("", document.as_bytes()),
        ("; charset=utf-8", document.as_bytes()),
        (";charset=\"UTF-8\"", document.as_bytes()),
        (" ; Charset = utf8 ;", document.as_bytes()),
        ("; charset=us-ascii", document.as_bytes()),
        ("; charset=utf-16", &sixteen),
        ("; charset=utf-8", &sixteen),
    ] {
        let said = format!("text/xml{charset}");
        let reply = send_with(&node.api, "/soap", &[("content-type", &said)], body).await;
        Answer::of(reply).assert_answers("SearchFindResponse");
    }
}

/// BP 1.1 R4003: answers are UTF-8, and say so in both places.
#[tokio::test]
async fn r4003_answers_are_utf_8() {
    let node = NodeConfig::new().start().await;
    for version in VERSIONS {
        let publish = "<pg:ContentPublish><pg:name>Grüße 漢字 😀</pg:name><pg:data>AA==</pg:data></pg:ContentPublish>";
        let answer = send(&node.api, version, utf16(&envelope(version, "", publish), u16::to_be_bytes, true)).await;
        let text = answer.assert_answers("ContentPublishResponse").reply.text();
        assert!(text.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>"), "{text}");
        assert!(text.contains("Grüße 漢字 😀") && !text.contains("&#"), "{text}");
        assert!(answer.reply.header("content-type").ends_with("; charset=utf-8"));
    }
}

#[tokio::test]
async fn other_encodings_and_broken_ones_are_refused() {
    let node = NodeConfig::new().start().await;
    for version in VERSIONS {
        let latin1: Vec<u8> =
            envelope(version, "", "<pg:NodeInfo>\u{E9}</pg:NodeInfo>").chars().map(|c| c as u8).collect();
        let lone = utf16(&envelope(version, "", "<pg:NodeInfo>X</pg:NodeInfo>"), u16::to_le_bytes, true);
        let lone: Vec<u8> =
            lone.chunks(2).flat_map(|pair| if pair == [b'X', 0] { [0x00, 0xD8] } else { [pair[0], pair[1]] }).collect();
        let mut odd = utf16(&envelope(version, "", "<pg:NodeInfo/>"), u16::to_le_bytes, true);
        odd.pop();
        for document in [latin1, lone, odd] {
            send(&node.api, version, document).await.assert_senders();
        }
    }
}
