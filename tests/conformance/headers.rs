//! Header blocks: whom they are for, and what becomes of those that nobody here understands.

use super::message::{INFO, SOAP12, VERSIONS, envelope, send};
use crate::harness::{Binding, NodeConfig};

const NEXT_11: &str = "http://schemas.xmlsoap.org/soap/actor/next";

fn role(name: &str) -> String {
    format!("{SOAP12}/role/{name}")
}

fn block(attributes: &str) -> String {
    format!("<t:Tx xmlns:t=\"urn:t\" {attributes}><t:inner s:mustUnderstand=\"1\"/></t:Tx>")
}

/// A block that may be ignored is.
#[tokio::test]
async fn s11_4_2_s12_2_6_optional_blocks_are_ignored() {
    let node = NodeConfig::new().start().await;
    for version in VERSIONS {
        for attributes in ["", "s:mustUnderstand=\"0\"", "s:mustUnderstand=\"false\"", "mustUnderstand=\"0\""] {
            let answer = send(&node.api, version, envelope(version, &block(attributes), INFO)).await;
            answer.assert_answers("NodeInfoResponse");
            assert!(answer.envelope.child("Header").is_none(), "{answer:?}");
        }
    }
}

/// SOAP 1.1 section 4.2.2: no actor, an empty one and `next` mean this node; any other is somebody else's.
#[tokio::test]
async fn s11_4_2_2_actors() {
    let node = NodeConfig::new().start().await;
    let with =
        |actor: &str| envelope(Binding::Soap11, &block(&format!("s:mustUnderstand=\"1\" s:actor=\"{actor}\"")), INFO);
    for ours in ["", NEXT_11] {
        assert_eq!(send(&node.api, Binding::Soap11, with(ours)).await.codes(), ["MustUnderstand"], "{ours}");
    }
    for other in ["urn:somebody", "http://schemas.xmlsoap.org/soap/actor/", &role("next")] {
        send(&node.api, Binding::Soap11, with(other)).await.assert_answers("NodeInfoResponse");
    }
}

/// SOAP 1.2 part 1, section 2.2: `next` and `ultimateReceiver` mean this node, `none` nobody.
#[tokio::test]
async fn s12_2_2_roles() {
    let node = NodeConfig::new().start().await;
    let with =
        |role: &str| envelope(Binding::Soap12, &block(&format!("s:mustUnderstand=\"true\" s:role=\"{role}\"")), INFO);
    for ours in [String::new(), role("next"), role("ultimateReceiver")] {
        assert_eq!(send(&node.api, Binding::Soap12, with(&ours)).await.codes(), ["MustUnderstand"], "{ours}");
    }
    for other in [role("none"), "urn:somebody".to_owned(), NEXT_11.to_owned()] {
        send(&node.api, Binding::Soap12, with(&other)).await.assert_answers("NodeInfoResponse");
    }
}

/// SOAP 1.2 part 1, section 5.2.4: relay concerns nodes that pass a message on, which the ultimate receiver does not.
#[tokio::test]
async fn s12_5_2_4_relay_changes_nothing_here() {
    let node = NodeConfig::new().start().await;
    for (attributes, refused) in [("s:relay=\"true\"", false), ("s:relay=\"true\" s:mustUnderstand=\"1\"", true)] {
        let answer = send(&node.api, Binding::Soap12, envelope(Binding::Soap12, &block(attributes), INFO)).await;
        if refused {
            assert_eq!(answer.codes(), ["MustUnderstand"]);
        } else {
            answer.assert_answers("NodeInfoResponse");
        }
    }
}

/// SOAP 1.2 part 1, section 5.4.8: each block that was not understood is named, and no other.
#[tokio::test]
async fn s12_5_4_8_not_understood_names_each_block() {
    let node = NodeConfig::new().start().await;
    let blocks = "<a:One xmlns:a=\"urn:a\" s:mustUnderstand=\"1\"/><b:Two xmlns:b=\"urn:b\"/>\
                  <c:Three xmlns:c=\"urn:c&amp;&quot;\" s:mustUnderstand=\"true\"/><Four s:mustUnderstand=\"1\"/>";
    let answer = send(&node.api, Binding::Soap12, envelope(Binding::Soap12, blocks, INFO)).await;
    assert_eq!(answer.codes(), ["MustUnderstand"]);
    let header = answer.envelope.child("Header").expect("Header");
    let named: Vec<_> =
        header.children("NotUnderstood").map(|block| block.attribute("qname").unwrap_or_default()).collect();
    assert_eq!(named.len(), 3, "{answer:?}");
    let locals: Vec<_> = named.iter().map(|name| name.rsplit(':').next().unwrap_or_default()).collect();
    assert_eq!(locals, ["One", "Three", "Four"]);
    let text = answer.reply.text();
    assert!(text.contains("=\"urn:a\"") && text.contains("=\"urn:c&amp;&quot;\""), "{text}");
    // A block without a namespace has a name without a prefix, since none can stand for no namespace.
    assert!(named[2] == "Four" && !text.contains("=\"\""), "{text}");
}

/// SOAP 1.1 section 4.4: a fault about the header has no detail, which is for the body alone.
#[tokio::test]
async fn s11_4_4_a_fault_about_the_header_has_no_detail() {
    let node = NodeConfig::new().start().await;
    let answer =
        send(&node.api, Binding::Soap11, envelope(Binding::Soap11, &block("s:mustUnderstand=\"1\""), INFO)).await;
    assert_eq!(answer.codes(), ["MustUnderstand"]);
    assert!(answer.body().child("detail").is_none() && answer.message().contains("{urn:t}Tx"), "{answer:?}");
}

/// Some stacks leave mustUnderstand unqualified, and mean it (contract, section 3).
#[tokio::test]
async fn unqualified_must_understand_counts() {
    let node = NodeConfig::new().start().await;
    for version in VERSIONS {
        let answer = send(&node.api, version, envelope(version, &block("mustUnderstand=\"1\""), INFO)).await;
        assert_eq!(answer.codes(), ["MustUnderstand"]);
    }
}

/// A header is bounded: 64 blocks are looked at and no more.
#[tokio::test]
async fn a_header_has_a_bounded_number_of_blocks() {
    let node = NodeConfig::new().start().await;
    for version in VERSIONS {
        send(&node.api, version, envelope(version, &block("").repeat(64), INFO))
            .await
            .assert_answers("NodeInfoResponse");
        let refused = send(&node.api, version, envelope(version, &block("").repeat(65), INFO)).await;
        assert!(refused.assert_senders().message().contains("64"), "{refused:?}");
    }
}
