//! The structure of an envelope and the order in which it is looked at.

use super::message::{INFO, PUBLISH, SOAP11, SOAP12, VERSIONS, contents, envelope, namespace, parts, send, send_with};
use crate::harness::{Binding, NodeConfig};

const MUST: &str = "<t:Tx xmlns:t=\"urn:t\" s:mustUnderstand=\"1\"/>";

/// The namespace of the envelope says the version, and the answer has it too, whatever path was asked.
#[tokio::test]
async fn r1015_s12_a_the_answer_has_the_version_of_the_request() {
    let node = NodeConfig::new().start().await;
    for path in ["/soap", "/soap12"] {
        for version in VERSIONS {
            for said in ["text/xml", "application/soap+xml"] {
                let reply = send_with(&node.api, path, &[("content-type", said)], envelope(version, "", INFO)).await;
                let answer = super::message::Answer::of(reply);
                answer.assert_answers("NodeInfoResponse");
                assert_eq!(answer.envelope.namespace, namespace(version), "{path} {said}");
                assert_eq!(answer.reply.header("content-type"), version.media_type());
            }
        }
    }
}

/// VersionMismatch comes before MustUnderstand, and that before whatever is wrong with the body.
#[tokio::test]
async fn r1025_s11_4_4_1_s12_2_6_version_then_headers_then_body() {
    let node = NodeConfig::new().start().await;
    for version in VERSIONS {
        let (unknown, broken) = (envelope(version, MUST, "<pg:NoSuch/>"), envelope(version, MUST, ""));
        for document in [&unknown, &broken, &envelope(version, MUST, "<pg:NodeInfo/><pg:NodeInfo/>")] {
            assert_eq!(send(&node.api, version, document.as_str()).await.codes(), ["MustUnderstand"], "{document}");
        }
        let other = unknown.replace(namespace(version), "urn:soap:13");
        assert_eq!(send(&node.api, version, other).await.codes(), ["VersionMismatch"]);
        send(&node.api, version, envelope(version, "", "<pg:NoSuch/>")).await.assert_senders();
    }
}

/// Nothing is done before all headers were looked at and the message was read to its end.
#[tokio::test]
async fn r1025_s12_2_6_nothing_is_done_before_the_whole_message_was_read() {
    let node = NodeConfig::new().start().await;
    for version in VERSIONS {
        let good = envelope(version, "", PUBLISH);
        for (document, code) in [
            (envelope(version, MUST, PUBLISH), "MustUnderstand"),
            (envelope(version, &format!("<t:a xmlns:t=\"urn:t\"/>{MUST}"), PUBLISH), "MustUnderstand"),
            (format!("{good}<more/>"), ""),
            (format!("{good}text"), ""),
            (good.replace("</s:Body>", "</s:Body><pg:more/>"), ""),
            (good.replace("</s:Body>", "<pg:NodeInfo/></s:Body>"), ""),
            (good.replace("</s:Body>", "<!-- not closed </s:Body>"), ""),
            (good.replace("</s:Envelope>", ""), ""),
        ] {
            let answer = send(&node.api, version, document.as_str()).await;
            if code.is_empty() {
                answer.assert_senders();
            } else {
                assert_eq!(answer.codes(), [code], "{document}");
            }
            assert_eq!(contents(&node.api).await, 0, "{document}");
        }
    }
    send(&node.api, Binding::Soap11, envelope(Binding::Soap11, "", PUBLISH))
        .await
        .assert_answers("ContentPublishResponse");
    assert_eq!(contents(&node.api).await, 1);
}

/// An envelope that is not one: SOAP 1.1 knows VersionMismatch for a namespace only, SOAP 1.2 for the name as well.
#[tokio::test]
async fn r1015_s12_5_4_6_a_document_that_is_no_envelope() {
    let node = NodeConfig::new().start().await;
    for document in [
        "<hello/>".to_owned(),
        format!("<s:Message xmlns:s=\"{SOAP11}\"/>"),
        format!("<Envelope xmlns:s=\"{SOAP12}\"/>"),
    ] {
        let code = if document.starts_with("<Env") { "VersionMismatch" } else { "Client" };
        assert_eq!(send(&node.api, Binding::Soap11, document.as_str()).await.codes(), [code], "{document}");
        assert_eq!(
            send(&node.api, Binding::Soap12, document.as_str()).await.codes(),
            ["VersionMismatch"],
            "{document}"
        );
    }
}

/// SOAP 1.2 part 1, section 5.4.7: what would be understood is told with a VersionMismatch.
#[tokio::test]
async fn s12_5_4_7_upgrade_names_the_supported_envelopes() {
    let node = NodeConfig::new().start().await;
    let document = envelope(Binding::Soap12, "", INFO).replace(SOAP12, "http://www.w3.org/2001/12/soap-envelope");
    let answer = send(&node.api, Binding::Soap12, document).await;
    assert_eq!(answer.codes(), ["VersionMismatch"]);
    let upgrade = answer.block("Upgrade").expect("Upgrade");
    assert_eq!(upgrade.namespace, SOAP12);
    let names: Vec<_> = upgrade.children("SupportedEnvelope").filter_map(|name| name.attribute("qname")).collect();
    assert_eq!(names.len(), 2, "{answer:?}");
    assert!(names.iter().all(|name| name.ends_with(":Envelope")), "{names:?}");
    for namespace in [SOAP11, SOAP12] {
        assert!(answer.reply.text().contains(&format!("=\"{namespace}\" qname=")), "{answer:?}");
    }
}

/// BP 1.1 R1011: nothing follows the body. SOAP 1.1 section 4: header first, body second, both qualified.
#[tokio::test]
async fn r1011_s11_4_header_and_body_stand_in_order_and_once() {
    let node = NodeConfig::new().start().await;
    let body = format!("<s:Body>{INFO}</s:Body>");
    for version in VERSIONS {
        for wrong in [
            format!("{body}<s:Header/>"),
            format!("{body}{body}"),
            format!("<s:Header/><s:Header/>{body}"),
            format!("<pg:Header/>{body}"),
            format!("<Header/>{body}"),
            format!("<Body>{INFO}</Body>"),
            format!("<s:Extra/>{body}"),
            format!("{body}<pg:Extra/>"),
            format!("text{body}"),
            format!("<s:Body>text{INFO}</s:Body>"),
            format!("<s:Body>{INFO}text</s:Body>"),
            "<s:Header/>".to_owned(),
            String::new(),
            "<s:Body/>".to_owned(),
            "<s:Body> </s:Body>".to_owned(),
        ] {
            send(&node.api, version, parts(version, &wrong)).await.assert_senders();
        }
        for right in [format!("<s:Header/>{body}"), format!(" <s:Header>\n</s:Header>\n<!-- -->{body}\n")] {
            send(&node.api, version, parts(version, &right)).await.assert_answers("NodeInfoResponse");
        }
    }
}

/// BP 1.1 R9981: one element in the body. Which one it is decides what is called.
#[tokio::test]
async fn r9981_the_body_holds_one_element() {
    let node = NodeConfig::new().start().await;
    for version in VERSIONS {
        for body in ["<pg:NodeInfo/><pg:NodeInfo/>", "<pg:NodeInfo/><pg:ContentList/>"] {
            send(&node.api, version, envelope(version, "", body)).await.assert_senders();
        }
        for (body, element) in [
            ("<pg:NodeInfo/>", "NodeInfoResponse"),
            ("<pg:NodeInfo></pg:NodeInfo>", "NodeInfoResponse"),
            ("\n<!-- a -->\n<NodeInfo xmlns=\"urn:peergate:v1\"> </NodeInfo>\n<!-- b -->", "NodeInfoResponse"),
            ("<x:NodeStats xmlns:x=\"urn:peergate:v1\"/>", "NodeStatsResponse"),
        ] {
            send(&node.api, version, envelope(version, "", body)).await.assert_answers(element);
        }
    }
}

/// BP 1.1 R1008 and SOAP 1.2 part 1, section 5: no document type, wherever it stands and whatever it holds.
#[tokio::test]
async fn r1008_s12_5_no_document_type() {
    let node = NodeConfig::new().start().await;
    for version in VERSIONS {
        let good = envelope(version, "", INFO);
        let root = good.find("<s:Envelope").expect("root");
        for dtd in [
            "<!DOCTYPE s:Envelope>",
            "<!DOCTYPE x SYSTEM \"http://127.0.0.1:1/x\">",
            "<!DOCTYPE x [<!ENTITY y \"z\">]>",
        ] {
            let document = format!("{}{dtd}{}", &good[..root], &good[root..]);
            let answer = send(&node.api, version, document).await;
            assert!(answer.assert_senders().message().contains("document type"), "{answer:?}");
        }
        send(&node.api, version, good.replace("<pg:NodeInfo/>", "<!DOCTYPE x><pg:NodeInfo/>")).await.assert_senders();
    }
}

/// BP 1.1 R1009 forbids processing instructions, and SOAP 1.2 part 1, section 5, has receivers refuse them as well.
#[tokio::test]
async fn r1009_s12_5_no_processing_instructions() {
    let node = NodeConfig::new().start().await;
    for version in VERSIONS {
        let good = envelope(version, "", INFO);
        for document in [
            good.replace("<s:Envelope", "<?xml-stylesheet href=\"x\"?><s:Envelope"),
            good.replace("<pg:NodeInfo/>", "<?php x?><pg:NodeInfo/>"),
            format!("{good}<?end?>"),
        ] {
            let answer = send(&node.api, version, document).await;
            assert!(answer.assert_senders().message().contains("processing instruction"), "{answer:?}");
        }
        let comments = good.replace("<s:Envelope", "<!-- before --><s:Envelope") + "<!-- after -->";
        send(&node.api, version, comments).await.assert_answers("NodeInfoResponse");
    }
}

/// What is not well-formed is the sender's fault, with status 500 (contract, section 6).
#[tokio::test]
async fn r1014_what_is_not_well_formed_is_the_senders_fault() {
    let node = NodeConfig::new().start().await;
    for version in VERSIONS {
        let good = envelope(version, "", INFO);
        for document in [
            String::new(),
            "junk".to_owned(),
            good.replace("</s:Body>", ""),
            good.replace("<pg:NodeInfo/>", "<un:NodeInfo/>"),
            good.replace("<pg:NodeInfo/>", "<pg:NodeInfo a=1/>"),
            good.replace("<pg:NodeInfo/>", "<pg:NodeInfo a='1' a='2'/>"),
            good.replace("<pg:NodeInfo/>", "<pg:NodeInfo>&nbsp;</pg:NodeInfo>"),
            good.replace("<pg:NodeInfo/>", "<pg:NodeInfo>\u{1}</pg:NodeInfo>"),
        ] {
            send(&node.api, version, document).await.assert_senders();
        }
    }
}
