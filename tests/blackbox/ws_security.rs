//! WS-Security (contract, sections 6 and 8): who is let in by a UsernameToken, in which order a message is judged, and
//! how it is told what is wrong with it.

use base64_simd::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha1::{Digest, Sha1};

use crate::{
    access::{MASTER, READER, guarded},
    harness::{Api, Binding, Element, Node, NodeConfig, Reply},
};

const WSSE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
const WSU: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
const DIGEST: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest";
const SOAP: [Binding; 2] = [Binding::Soap11, Binding::Soap12];

/// The moment that many seconds from now, as stacks write it.
fn moment(seconds: i64) -> String {
    let moment = Timestamp::now() + SignedDuration::from_secs(seconds);
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn text(name: &str, secret: &str) -> String {
    format!("<w:UsernameToken><w:Username>{name}</w:Username><w:Password>{secret}</w:Password></w:UsernameToken>")
}

fn digest(name: &str, secret: &str, nonce: &[u8], created: &str) -> String {
    let digest = Sha1::new().chain_update(nonce).chain_update(created).chain_update(secret).finalize();
    let (digest, nonce) = (STANDARD.encode_to_string(digest), STANDARD.encode_to_string(nonce));
    format!(
        "<w:UsernameToken><w:Username>{name}</w:Username><w:Password Type=\"{DIGEST}\">{digest}</w:Password>\
         <w:Nonce>{nonce}</w:Nonce><u:Created>{created}</u:Created></w:UsernameToken>"
    )
}

fn timestamp(created: &str, expires: &str) -> String {
    format!("<u:Timestamp><u:Created>{created}</u:Created><u:Expires>{expires}</u:Expires></u:Timestamp>")
}

fn security(attributes: &str, content: &str) -> String {
    format!("<w:Security xmlns:w=\"{WSSE}\" xmlns:u=\"{WSU}\"{attributes}>{content}</w:Security>")
}

/// A call with these header blocks.
fn call(binding: Binding, blocks: &str, operation: &str, input: &Value) -> String {
    binding.encode(operation, input).replacen("<s:Body>", &format!("<s:Header>{blocks}</s:Header><s:Body>"), 1)
}

async fn send(api: &Api, binding: Binding, blocks: &str, operation: &str, input: Value) -> Reply {
    api.post(binding, operation, call(binding, blocks, operation, &input)).await
}

/// Asserts that the message was refused under the code of WS-Security, with the contract's detail.
#[track_caller]
fn assert_refused(reply: &Reply, binding: Binding, code: &str, named: &str) {
    let text = reply.text();
    assert_eq!(reply.status, 500, "{text}");
    assert_eq!(reply.header("www-authenticate"), "", "HTTP has no part in it");
    let root = Element::parse(text).expect("an envelope");
    let fault = root.at(&["Body", "Fault"]).unwrap_or_else(|| panic!("no fault: {text}"));
    let (path, message, detail): (&[&str], &[&str], _) = match binding {
        Binding::Soap12 => (&["Code", "Subcode", "Value"], &["Reason", "Text"], "Detail"),
        _ => (&["faultcode"], &["faultstring"], "detail"),
    };
    assert_eq!(fault.at(path).map(|value| value.text.as_str()), Some(code), "{text}");
    if binding == Binding::Soap12 {
        assert_eq!(fault.at(&["Code", "Value"]).expect("a code").text, "soap:Sender", "{text}");
    }
    assert!(fault.at(message).expect("a message").text.contains(named), "{text}");
    assert_eq!(fault.at(&[detail, "Fault", "kind"]).expect("a kind").text, "NotAuthenticated", "{text}");
}

#[tokio::test]
async fn a_username_token_lets_in_as_text_and_as_digest() {
    let node = guarded().start().await;
    let now = moment(0);
    for (number, binding) in (0_u8..).zip(SOAP) {
        let timed = timestamp(&now, &moment(300));
        let tokens = [
            text("reader", READER),
            timed.clone() + &text("reader", READER),
            text("reader", READER) + &timed,
            digest("reader", READER, &[number, 1], &now),
            timed + &digest("reader", READER, &[number, 2], &now),
        ];
        for token in tokens {
            let header = security(" s:mustUnderstand=\"1\"", &token);
            let reply = send(&node.api, binding, &header, "search.find", json!({ "query": "x" })).await;
            assert_eq!(reply.status, 200, "{token}: {}", reply.text());
        }
    }
}

#[tokio::test]
async fn a_username_token_has_the_rights_of_its_token() {
    let node = guarded().start().await;
    for binding in SOAP {
        let header = security("", &text("reader", READER));
        let reply = send(&node.api, binding, &header, "content.publish", json!({ "name": "x", "data": "AAEC" })).await;
        let fault = reply.outcome(binding, "content.publish", &node.api).await.expect_err("reader may not");
        fault.assert_is(crate::harness::Kind::NotPermitted).assert_names(&["reader", "content.publish"]);
        let header = security("", &text("master", MASTER));
        assert_eq!(send(&node.api, binding, &header, "node.stats", json!({})).await.status, 200);
    }
}

#[tokio::test]
async fn what_does_not_let_in_is_a_fault_of_ws_security_and_has_no_effect() {
    let node = guarded().start().await;
    let now = moment(0);
    let cases = [
        (text("master", READER), "wsse:FailedAuthentication", "wrong"),
        (text("nobody", MASTER), "wsse:FailedAuthentication", "wrong"),
        (digest("master", READER, b"1", &now), "wsse:FailedAuthentication", "wrong"),
        (digest("master", MASTER, b"2", &moment(-900)), "wsse:FailedAuthentication", "not fresh"),
        (digest("master", MASTER, b"3", &moment(900)), "wsse:FailedAuthentication", "future"),
        (digest("master", MASTER, b"4", "now"), "wsse:InvalidSecurityToken", "Created"),
        (
            text("master", MASTER).replace("<w:Password>", "<w:Password Type=\"urn:x\">"),
            "wsse:UnsupportedSecurityToken",
            "urn:x",
        ),
        (digest("master", MASTER, b"5", &now).replace("w:Nonce", "w:Once"), "wsse:InvalidSecurityToken", "Nonce"),
        (text("master", MASTER).repeat(2), "wsse:InvalidSecurity", "two"),
        (timestamp(&moment(-1200), &moment(-900)) + &text("master", MASTER), "wsu:MessageExpired", "until"),
        (timestamp(&moment(900), &moment(1200)) + &text("master", MASTER), "wsu:MessageExpired", "future"),
        (
            "<d:Signature xmlns:d=\"http://www.w3.org/2000/09/xmldsig#\"/>".to_owned() + &text("master", MASTER),
            "wsse:UnsupportedSecurityToken",
            "not verified",
        ),
    ];
    for binding in SOAP {
        for (token, code, named) in &cases {
            let publish = json!({ "name": "x", "data": "AAEC" });
            let reply = send(&node.api, binding, &security("", token), "content.publish", publish).await;
            assert_refused(&reply, binding, code, named);
        }
    }
    let stats = node.api.showing(&format!("Bearer {MASTER}")).ok("node.stats", json!({})).await;
    assert_eq!(stats["contents"], 0, "nothing was published");
}

#[tokio::test]
async fn a_message_that_is_sent_again_is_refused() {
    let node = guarded().start().await;
    let header = security("", &digest("reader", READER, b"a nonce of my own", &moment(0)));
    for binding in SOAP {
        let first = send(&node.api, binding, &header, "node.info", json!({})).await;
        if binding == Binding::Soap11 {
            assert_eq!(first.status, 200, "{}", first.text());
        }
        // The same nonce on the other version of SOAP, or under another operation, is no other nonce.
        let again = send(&node.api, binding, &header, "search.find", json!({ "query": "x" })).await;
        assert_refused(&again, binding, "wsse:FailedAuthentication", "nonce was shown before");
    }
}

/// VersionMismatch, MustUnderstand, security, and only then what is wrong with the body.
#[tokio::test]
async fn a_message_is_judged_in_the_order_of_the_standards() {
    let node = guarded().start().await;
    let wrong = security(" s:mustUnderstand=\"1\"", &text("master", READER));
    let right = security(" s:mustUnderstand=\"1\"", &text("master", MASTER));
    let foreign = "<x:Tx xmlns:x=\"urn:x\" s:mustUnderstand=\"1\">5</x:Tx>";
    for binding in SOAP {
        for blocks in [wrong.clone() + foreign, foreign.to_owned() + &right] {
            let reply = send(&node.api, binding, &blocks, "node.stats", json!({})).await;
            assert_eq!(reply.status, 500);
            assert!(reply.text().contains(":MustUnderstand<"), "{}", reply.text());
            let other = call(binding, &blocks, "node.stats", &json!({})).replace("http://", "urn:http://");
            let reply = node.api.post(binding, "node.stats", other).await;
            assert!(reply.text().contains(":VersionMismatch<"), "{}", reply.text());
        }
        let unknown = call(binding, &wrong, "node.stats", &json!({})).replace("NodeStats", "NodeState");
        let empty = call(binding, &wrong, "node.stats", &json!({})).replace("<NodeStats></NodeStats>", "");
        for body in [unknown.clone(), empty] {
            let reply = node.api.post(binding, "node.stats", body).await;
            assert_refused(&reply, binding, "wsse:FailedAuthentication", "wrong");
        }
        let reply = node.api.post(binding, "node.stats", unknown.replace(READER, MASTER)).await;
        assert!(reply.text().contains("<pg:kind>NotFound</pg:kind>"), "{}", reply.text());
    }
}

#[tokio::test]
async fn a_header_for_somebody_else_shows_nothing_and_two_for_this_node_are_refused() {
    let node = guarded().start().await;
    for (binding, role) in [(Binding::Soap11, "actor"), (Binding::Soap12, "role")] {
        let others = security(&format!(" s:{role}=\"urn:proxy\" s:mustUnderstand=\"1\""), &text("master", READER));
        let own = security("", &text("master", MASTER));
        let reply = send(&node.api, binding, &others, "node.stats", json!({})).await;
        assert_eq!(reply.status, 401, "nothing was shown: {}", reply.text());
        assert!(reply.header("www-authenticate").starts_with("Basic "));
        let reply = send(&node.api, binding, &(others + &own), "node.stats", json!({})).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let reply = send(&node.api, binding, &own.repeat(2), "node.stats", json!({})).await;
        assert_refused(&reply, binding, "wsse:InvalidSecurity", "two");
    }
}

#[tokio::test]
async fn a_credential_of_http_and_one_of_the_message_have_to_agree() {
    let node = guarded().start().await;
    let master = node.api.showing(&format!("Bearer {MASTER}"));
    let wrong = node.api.showing("Bearer nonsense");
    for binding in SOAP {
        let (same, other) = (security("", &text("master", MASTER)), security("", &text("reader", READER)));
        assert_eq!(send(&master, binding, &same, "node.stats", json!({})).await.status, 200);
        let reply = send(&master, binding, &other, "node.info", json!({})).await;
        assert_refused(&reply, binding, "wsse:FailedAuthentication", "show one of them");
        assert_eq!(send(&wrong, binding, &same, "node.stats", json!({})).await.status, 401);
    }
}

#[tokio::test]
async fn clocks_may_differ_by_what_is_configured() {
    let node = guarded().access("clock_skew_seconds", 3000).start().await;
    let old = digest("reader", READER, b"old", &moment(-2900));
    let reply = send(&node.api, Binding::Soap11, &security("", &old), "node.info", json!({})).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let older = digest("reader", READER, b"older", &moment(-3100));
    let reply = send(&node.api, Binding::Soap11, &security("", &older), "node.info", json!({})).await;
    assert_refused(&reply, Binding::Soap11, "wsse:FailedAuthentication", "3000");
}

/// A node without tokens has nobody to tell apart, and still keeps to what a Timestamp says.
#[tokio::test]
async fn a_node_without_tokens_takes_any_name_and_no_old_message() {
    let node: Node = NodeConfig::new().start().await;
    for binding in SOAP {
        let header = security(" s:mustUnderstand=\"1\"", &text("anybody", "whatever"));
        assert_eq!(send(&node.api, binding, &header, "node.info", json!({})).await.status, 200);
        let header = security("", &timestamp(&moment(-1200), &moment(-900)));
        let reply = send(&node.api, binding, &header, "node.info", json!({})).await;
        assert_refused(&reply, binding, "wsu:MessageExpired", "until");
    }
}
