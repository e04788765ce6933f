//! A message that comes again, because its answer was lost, is not done again: its MessageID tells.

use serde_json::json;

use super::message::{Answer, VERSIONS, contents, envelope, send};
use crate::harness::{Api, Binding, NodeConfig};

fn id(id: &str) -> String {
    format!("<wsa:MessageID>{id}</wsa:MessageID>")
}

fn publish(name: &str) -> String {
    format!("<pg:ContentPublish><pg:name>{name}</pg:name><pg:data>AAEC</pg:data></pg:ContentPublish>")
}

/// Publishes under an id, and answers when the content was published, which a second publication would change.
async fn published(api: &Api, version: Binding, blocks: &str, name: &str) -> (String, String) {
    let answer = send(api, version, envelope(version, blocks, &publish(name))).await;
    let result = answer.assert_answers("ContentPublishResponse").body().child("result").expect("result");
    let field = |name: &str| result.child(name).expect("field").text.clone();
    (field("name"), field("published"))
}

async fn unpublish(api: &Api, version: Binding, blocks: &str, content: &str) -> Answer {
    let body = format!("<pg:ContentUnpublish><pg:contentId>{content}</pg:contentId></pg:ContentUnpublish>");
    send(api, version, envelope(version, blocks, &body)).await
}

/// The first answer is given again, by a node that was started anew too, and in either version.
#[tokio::test]
async fn a_repeated_message_gets_the_first_answer_after_a_crash_too() {
    let mut node = NodeConfig::new().start().await;
    let first = published(&node.api, Binding::Soap11, &id("urn:1"), "first").await;
    // What another caller changes in between stays changed.
    let content =
        node.api.ok("content.list", json!({})).await["contents"][0]["contentId"].as_str().expect("id").to_owned();
    node.api.ok("content.update", json!({ "contentId": content, "name": "second" })).await;
    for version in VERSIONS {
        assert_eq!(published(&node.api, version, &id("urn:1"), "first").await, first);
    }
    node.kill();
    node.restart().await;
    for version in VERSIONS {
        assert_eq!(published(&node.api, version, &id("urn:1"), "first").await, first);
    }
    assert_eq!(node.api.ok("content.describe", json!({ "contentId": content })).await["name"], "second");
}

/// An answer that is given again relates to the message that asked again, and has an id of its own.
#[tokio::test]
async fn a_repeated_answer_is_written_anew() {
    let node = NodeConfig::new().start().await;
    let document = envelope(Binding::Soap12, &id("urn:1"), &publish("x"));
    let (one, two) =
        (send(&node.api, Binding::Soap12, document.clone()).await, send(&node.api, Binding::Soap12, document).await);
    let body = |answer: &Answer| answer.reply.text().split_once("<soap:Body>").expect("a body").1.to_owned();
    assert_eq!(body(&one), body(&two));
    assert_eq!((one.block_text("RelatesTo"), two.block_text("RelatesTo")), ("urn:1", "urn:1"));
    assert_ne!(one.block_text("MessageID"), two.block_text("MessageID"));
}

#[tokio::test]
async fn an_id_that_is_used_for_another_message_is_a_conflict() {
    let node = NodeConfig::new().start().await;
    published(&node.api, Binding::Soap11, &id("urn:1"), "one").await;
    for version in VERSIONS {
        let answer = send(&node.api, version, envelope(version, &id("urn:1"), &publish("two"))).await;
        assert!(answer.assert_senders().reply.text().contains("<pg:kind>Conflict</pg:kind>"), "{answer:?}");
        // White space and prefixes make no other message of it.
        let body = "<ContentPublish xmlns=\"urn:peergate:v1\"> <data>\nAAEC</data>\n<name>one</name></ContentPublish>";
        send(&node.api, version, envelope(version, &id("urn:1"), body)).await.assert_answers("ContentPublishResponse");
    }
    assert_eq!(contents(&node.api).await, 1);
}

/// Of many at once, one is done, and all are answered alike.
#[tokio::test]
async fn repetitions_at_the_same_time_are_done_once() {
    let node = NodeConfig::new().start().await;
    let api = &node.api;
    let content = api.ok("content.publish", json!({ "name": "x", "data": "AAEC" })).await["contentId"]
        .as_str()
        .expect("id")
        .to_owned();
    let repeated = id("urn:1");
    // Only the first one to unpublish finds something to do.
    let calls = (0..8).map(|_| unpublish(api, Binding::Soap11, &repeated, &content));
    for answer in futures::future::join_all(calls).await {
        let done = answer.assert_answers("ContentUnpublishResponse").body().at(&["result", "done"]).expect("done");
        assert_eq!(done.text, "true");
    }
    let other = unpublish(api, Binding::Soap11, &id("urn:2"), &content).await;
    assert!(other.reply.status == 500 || other.reply.text().contains("<done>false</done>"), "{other:?}");
}

/// What failed is not remembered: the repetition may fare better.
#[tokio::test]
async fn a_message_that_failed_is_done_when_it_comes_again() {
    let node = NodeConfig::new().start().await;
    let absent = crate::harness::content_id(blake3::hash(&[0, 1, 2]));
    let update =
        format!("<pg:ContentUpdate><pg:contentId>{absent}</pg:contentId><pg:name>y</pg:name></pg:ContentUpdate>");
    let document = envelope(Binding::Soap11, &id("urn:1"), &update);
    send(&node.api, Binding::Soap11, document.as_str()).await.assert_senders();
    node.api.ok("content.publish", json!({ "name": "x", "data": "AAEC" })).await;
    send(&node.api, Binding::Soap11, document).await.assert_answers("ContentUpdateResponse");
}

/// What has no effect is answered as things are now.
#[tokio::test]
async fn a_question_is_answered_anew() {
    let node = NodeConfig::new().start().await;
    let document = envelope(Binding::Soap11, &id("urn:1"), "<pg:ContentList/>");
    let before = send(&node.api, Binding::Soap11, document.as_str()).await;
    assert!(!before.reply.text().contains("<contents>"));
    node.api.ok("content.publish", json!({ "name": "x", "data": "AAEC" })).await;
    assert!(send(&node.api, Binding::Soap11, document).await.reply.text().contains("<contents>"));
}
