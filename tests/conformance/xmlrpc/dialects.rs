//! The forms of an answer, chosen by its URL.

use reqwest::Method;

use super::{call, node};
use crate::harness::{Api, Reply};

async fn answer(api: &Api, path: &str, method: &str, value: &str) -> String {
    let request = api.request(Method::POST, path).header("content-type", "text/xml").body(call(method, &[value]));
    Reply::of(request).await.text().to_owned()
}

#[tokio::test]
async fn a_long_has_the_form_that_the_url_asks_for() {
    let node = node().await;
    for (query, small, large) in [
        ("", "<int>70</int>", "<double>7000000000.0</double>"),
        ("?long=i8", "<i8>70</i8>", "<i8>7000000000</i8>"),
        ("?long=string", "<string>70</string>", "<string>7000000000</string>"),
        ("?long=double", "<double>70.0</double>", "<double>7000000000.0</double>"),
        ("?long=apache&text=bmp", "<ex:i8>70</ex:i8>", "<ex:i8>7000000000</ex:i8>"),
    ] {
        for path in ["/xmlrpc", "/RPC2"] {
            let method = "validator1.simpleStructReturnTest";
            let text = answer(&node.api, &format!("{path}{query}"), method, "<int>7</int>").await;
            assert!(text.contains(&format!("<name>times10</name><value>{small}</value>")), "{path}{query}: {text}");
            let text = answer(&node.api, &format!("{path}{query}"), method, "<i4>7000000</i4>").await;
            assert!(text.contains(&format!("<name>times1000</name><value>{large}</value>")), "{path}{query}: {text}");
            let namespace = "<methodResponse xmlns:ex=\"http://ws.apache.org/xmlrpc/namespaces/extensions\">";
            assert_eq!(text.contains(namespace), query.contains("apache"), "{text}");
        }
    }
}

#[tokio::test]
async fn characters_beyond_the_bmp_are_replaced_where_the_url_asks_for_that() {
    let node = node().await;
    let echo = "interopEchoTests.echoString";
    let text = answer(&node.api, "/xmlrpc?text=bmp", echo, "a😀b漢").await;
    assert!(text.contains("<string>a\u{FFFD}b漢</string>"), "{text}");
    let text = answer(&node.api, "/xmlrpc", echo, "a😀b漢").await;
    assert!(text.contains("<string>a😀b漢</string>"), "{text}");
    // A fault repeats what the caller sent.
    let text = answer(&node.api, "/xmlrpc?text=bmp", "system.methodHelp", "no.😀").await;
    assert!(text.contains("-32601") && text.contains("no.\u{FFFD}") && !text.contains('😀'), "{text}");
}

#[tokio::test]
async fn a_dialect_that_does_not_exist_is_refused_by_name() {
    let node = node().await;
    for (query, named) in [("long=i16", "long: want i8"), ("long=", "long: want i8"), ("text=ascii", "text: want bmp")]
    {
        let text = answer(&node.api, &format!("/xmlrpc?{query}"), "node.info", "").await;
        assert!(text.contains("<int>400</int>") && text.contains(named), "{text}");
    }
    let text = answer(&node.api, "/xmlrpc?colour=red", "interopEchoTests.echoString", "x").await;
    assert!(text.contains("<string>x</string>"), "{text}");
}

#[tokio::test]
async fn answers_hold_nothing_that_some_client_cannot_read() {
    let node = node().await;
    let value = "<array><data><value/><value><array><data/></array></value><value><struct/></value>\
                 <value><string>a &lt;&amp;&gt; \" ' &#13;&#10; ]]&gt; 😀</string></value></data></array>";
    let text = answer(&node.api, "/xmlrpc", "interopEchoTests.echoStructArray", value).await;
    assert!(text.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<methodResponse>"), "{text}");
    assert!(text.contains("<string></string>") && text.contains("<array><data></data></array>"), "{text}");
    assert!(text.contains("<struct></struct>"), "{text}");
    for forbidden in ["\u{FEFF}", "<![CDATA[", "&#", "/>", "<nil", "<!--"] {
        assert!(!text.contains(forbidden), "{forbidden}: {text}");
    }
}
