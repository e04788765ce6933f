//! WS-Addressing 1.0, and that nothing of it appears where nothing of it was asked for.

use super::message::{Answer, INFO, PUBLISH, VERSIONS, WSA, contents, envelope, send};
use crate::harness::{Api, Binding, NodeConfig};

const ID: &str = "<wsa:MessageID>urn:uuid:6b29fc40-ca47-1067-b31d-00dd010662da</wsa:MessageID>";
const ACTION: &str = "<wsa:Action>urn:peergate:v1/NodeInfo</wsa:Action>";

fn endpoint(header: &str, address: &str) -> String {
    format!("<wsa:{header}><wsa:Address>{address}</wsa:Address></wsa:{header}>")
}

fn none() -> String {
    format!("{WSA}/none")
}

/// WS-Addressing 1.0 core, section 3.4: an answer says its action, what it relates to, and its own id.
#[tokio::test]
async fn wsa_core_3_4_an_answer_relates_to_its_request() {
    let node = NodeConfig::new().start().await;
    for version in VERSIONS {
        let blocks = format!(
            "{ACTION}{ID}{}<wsa:To>{}</wsa:To>",
            endpoint("ReplyTo", &format!("{WSA}/anonymous")),
            node.api.url("/soap")
        );
        let answer = send(&node.api, version, envelope(version, &blocks, INFO)).await;
        answer.assert_answers("NodeInfoResponse");
        assert_eq!(answer.block_text("Action"), "urn:peergate:v1/NodeInfoResponse");
        assert_eq!(answer.block_text("RelatesTo"), "urn:uuid:6b29fc40-ca47-1067-b31d-00dd010662da");
        let own = answer.block_text("MessageID");
        assert!(own.starts_with("urn:uuid:") && own.len() == 45, "{answer:?}");
        let namespaces =
            answer.envelope.child("Header").expect("Header").children.iter().map(|block| block.namespace.as_str());
        assert!(namespaces.into_iter().all(|namespace| namespace == WSA), "{answer:?}");
    }
}

#[tokio::test]
async fn an_answer_to_a_request_without_addressing_has_none() {
    let node = NodeConfig::new().start().await;
    for version in VERSIONS {
        for body in [INFO, "<pg:NoSuch/>"] {
            let answer = send(&node.api, version, envelope(version, "", body)).await;
            assert!(answer.envelope.child("Header").is_none(), "{answer:?}");
        }
    }
}

/// SOAP binding, section 6: a fault has its action and relates to the request as an answer does.
#[tokio::test]
async fn wsa_6_a_fault_relates_to_its_request() {
    let node = NodeConfig::new().start().await;
    for version in VERSIONS {
        for (blocks, body) in [
            (ID.to_owned(), "<pg:NoSuch/>"),
            (format!("{ACTION}{ID}"), "<pg:NodeInfo/><pg:NodeInfo/>"),
            (format!("<t:x xmlns:t=\"urn:t\" s:mustUnderstand=\"1\"/>{ID}"), INFO),
        ] {
            let answer = send(&node.api, version, envelope(version, &blocks, body)).await;
            assert!(!answer.codes().is_empty());
            assert_eq!(answer.block_text("Action"), format!("{WSA}/fault"));
            assert_eq!(answer.block_text("RelatesTo"), "urn:uuid:6b29fc40-ca47-1067-b31d-00dd010662da");
        }
    }
}

/// WSA and its faults, told by code, subcode and detail.
async fn refused(api: &Api, blocks: &str, body: &str, codes: [&str; 2], problem: &str) {
    let v11 = send(api, Binding::Soap11, envelope(Binding::Soap11, blocks, body)).await;
    let special = codes.iter().rfind(|code| !code.is_empty()).expect("a code");
    assert_eq!(v11.codes(), [*special], "{v11:?}");
    assert!(v11.reply.text().contains("<faultcode xmlns:wsa=\"http://www.w3.org/2005/08/addressing\">wsa:"));
    assert!(v11.body().child("detail").is_none(), "{v11:?}");
    assert_eq!(
        v11.block("FaultDetail").and_then(|detail| detail.children.first()).map(|it| it.name.as_str()),
        Some(problem)
    );
    let v12 = send(api, Binding::Soap12, envelope(Binding::Soap12, blocks, body)).await;
    let want: Vec<_> = ["Sender", codes[0], codes[1]].into_iter().filter(|code| !code.is_empty()).collect();
    assert_eq!(v12.codes(), want, "{v12:?}");
    let detail = v12.body().child("Detail").and_then(|detail| detail.children.first());
    assert_eq!(detail.map(|it| (it.namespace.as_str(), it.name.as_str())), Some((WSA, problem)), "{v12:?}");
    assert_eq!(v12.block_text("Action"), format!("{WSA}/fault"));
}

/// SOAP binding, section 6.4: the faults, and that nothing is done once there is one.
#[tokio::test]
async fn wsa_6_4_faults_of_addressing() {
    let node = NodeConfig::new().start().await;
    let publish = |blocks: &str| format!("{blocks}{ID}");
    let header = "InvalidAddressingHeader";
    for (blocks, codes, problem) in [
        (publish(ACTION), [header, "ActionMismatch"], "ProblemAction"),
        (publish("<wsa:Action>urn:x</wsa:Action>"), ["ActionNotSupported", ""], "ProblemAction"),
        (publish("<wsa:Action/>"), [header, ""], "ProblemHeaderQName"),
        (
            "<wsa:Action>urn:peergate:v1/ContentPublish</wsa:Action>".to_owned(),
            ["MessageAddressingHeaderRequired", ""],
            "ProblemHeaderQName",
        ),
        (publish("<wsa:ReplyTo/>"), [header, "MissingAddressInEPR"], "ProblemHeaderQName"),
        (
            publish(&endpoint("ReplyTo", "http://127.0.0.1:1/")),
            [header, "OnlyAnonymousAddressSupported"],
            "ProblemHeaderQName",
        ),
        (
            publish(&endpoint("FaultTo", "http://169.254.169.254/")),
            [header, "OnlyAnonymousAddressSupported"],
            "ProblemHeaderQName",
        ),
        (
            publish(&endpoint("ReplyTo", "mailto:x@example.org")),
            [header, "OnlyAnonymousAddressSupported"],
            "ProblemHeaderQName",
        ),
    ] {
        refused(&node.api, &blocks, PUBLISH, codes, problem).await;
        assert_eq!(contents(&node.api).await, 0, "{blocks}");
    }
}

/// MustUnderstand comes before anything that is wrong with addressing headers.
#[tokio::test]
async fn must_understand_comes_before_addressing() {
    let node = NodeConfig::new().start().await;
    for version in VERSIONS {
        let blocks = format!("<wsa:Action>urn:x</wsa:Action>{ID}<t:x xmlns:t=\"urn:t\" s:mustUnderstand=\"1\"/>");
        assert_eq!(send(&node.api, version, envelope(version, &blocks, INFO)).await.codes(), ["MustUnderstand"]);
    }
}

/// Addressing blocks are understood, so that mustUnderstand on them is no reason to refuse. WCF sets it on all.
#[tokio::test]
async fn wcf_must_understand_on_addressing() {
    let node = NodeConfig::new().start().await;
    let id = ID.replace("<wsa:MessageID>", "<wsa:MessageID s:mustUnderstand=\"1\">");
    let action = ACTION.replace("<wsa:Action>", "<wsa:Action s:mustUnderstand=\"1\">");
    let to = "<wsa:To s:mustUnderstand=\"1\">http://elsewhere.example/soap</wsa:To>";
    let reply = format!("<wsa:ReplyTo s:mustUnderstand=\"1\"><wsa:Address>{WSA}/anonymous</wsa:Address></wsa:ReplyTo>");
    for version in VERSIONS {
        let answer = send(&node.api, version, envelope(version, &format!("{action}{id}{reply}{to}"), INFO)).await;
        answer.assert_answers("NodeInfoResponse");
    }
}

/// Doubled addressing headers are accepted, and the first one counts (contract, section 3).
#[tokio::test]
async fn doubled_headers_are_accepted() {
    let node = NodeConfig::new().start().await;
    for version in VERSIONS {
        let blocks =
            format!("{ACTION}{ID}{ACTION}<wsa:MessageID>urn:second</wsa:MessageID><wsa:Action>urn:x</wsa:Action>");
        let answer = send(&node.api, version, envelope(version, &blocks, INFO)).await;
        answer.assert_answers("NodeInfoResponse");
        assert!(answer.block_text("RelatesTo").starts_with("urn:uuid:6b29fc40"), "{answer:?}");
    }
}

/// Core, section 3.2.1: `none` wants no answer, nor a fault; HTTP says 202 with nothing in it, and the effect is there.
#[tokio::test]
async fn wsa_5_1_an_answer_to_none_is_http_202() {
    let node = NodeConfig::new().start().await;
    let to_none = endpoint("ReplyTo", &none());
    for (index, version) in VERSIONS.into_iter().enumerate() {
        let publish = PUBLISH.replace("AAEC", ["AAEC", "AwQF"][index]);
        for (blocks, body) in [
            (to_none.clone(), publish.as_str()),
            (to_none.clone(), "<pg:NoSuch/>"),
            (format!("{to_none}<t:x xmlns:t=\"urn:t\" s:mustUnderstand=\"1\"/>"), PUBLISH),
            (format!("{to_none}{ID}<wsa:Action>urn:x</wsa:Action>"), PUBLISH),
        ] {
            let reply = node.api.post(version, "node.info", envelope(version, &blocks, body)).await;
            assert_eq!((reply.status, reply.text()), (202, ""), "{blocks}");
            assert!(reply.header("content-type").is_empty(), "{reply:?}");
        }
        assert_eq!(contents(&node.api).await, index + 1);
    }
}

/// A fault goes where FaultTo says, an answer where ReplyTo does.
#[tokio::test]
async fn wsa_core_3_4_fault_to_outranks_reply_to() {
    let node = NodeConfig::new().start().await;
    for version in VERSIONS {
        let faults_here = endpoint("ReplyTo", &none()) + &endpoint("FaultTo", &format!("{WSA}/anonymous"));
        let reply = node.api.post(version, "", envelope(version, &faults_here, INFO)).await;
        assert_eq!((reply.status, reply.text()), (202, ""));
        send(&node.api, version, envelope(version, &faults_here, "<pg:NoSuch/>")).await.assert_senders();
        let faults_nowhere = format!("{ID}{}", endpoint("FaultTo", &none()));
        send(&node.api, version, envelope(version, &faults_nowhere, INFO)).await.assert_answers("NodeInfoResponse");
        let reply = node.api.post(version, "", envelope(version, &faults_nowhere, "<pg:NoSuch/>")).await;
        assert_eq!((reply.status, reply.text()), (202, ""));
    }
}

/// SOAP binding, section 3.3.2: what a reply endpoint carries comes back as header blocks, marked as such.
#[tokio::test]
async fn wsa_3_3_reference_parameters_come_back() {
    let node = NodeConfig::new().start().await;
    for version in VERSIONS {
        let blocks = format!(
            "{ID}<wsa:ReplyTo><wsa:Address>{WSA}/anonymous</wsa:Address><wsa:ReferenceParameters><k:Key xmlns:k=\"urn:k\">\
             a &amp; b<k:in/></k:Key></wsa:ReferenceParameters></wsa:ReplyTo>"
        );
        let answer = send(&node.api, version, envelope(version, &blocks, INFO)).await;
        let key = answer.assert_answers("NodeInfoResponse").block("Key").expect("the parameter");
        assert_eq!((key.namespace.as_str(), key.text.as_str()), ("urn:k", "a & b"));
        assert_eq!(key.attribute("IsReferenceParameter"), Some("true"));
    }
}

/// Headers for another actor are another's.
#[tokio::test]
async fn addressing_for_another_actor_is_not_ours() {
    let node = NodeConfig::new().start().await;
    let block = "<wsa:Action s:actor=\"urn:somebody\">urn:x</wsa:Action>";
    let answer = send(&node.api, Binding::Soap11, envelope(Binding::Soap11, block, INFO)).await;
    answer.assert_answers("NodeInfoResponse");
    assert!(answer.envelope.child("Header").is_none(), "{answer:?}");
}

/// The member submission of August 2004 is answered in its own namespace.
#[tokio::test]
async fn wcf_axis2_member_submission() {
    let node = NodeConfig::new().start().await;
    let submission = "http://schemas.xmlsoap.org/ws/2004/08/addressing";
    for version in VERSIONS {
        let blocks = format!("{ACTION}{ID}{}", endpoint("ReplyTo", &format!("{submission}/role/anonymous")));
        let document = envelope(version, &blocks, INFO)
            .replace(&format!("xmlns:wsa=\"{WSA}\""), &format!("xmlns:wsa=\"{submission}\""));
        let answer: Answer = send(&node.api, version, document).await;
        let relates = answer.assert_answers("NodeInfoResponse").block("RelatesTo").expect("RelatesTo");
        assert_eq!(relates.namespace, submission);
    }
}
