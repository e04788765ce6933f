//! The document around the values: what may stand where, and which fault says that it may not.

use serde_json::json;

use super::{call, code, echo, node, post};
use crate::harness::NodeConfig;

#[tokio::test]
async fn params_may_be_missing_or_empty() {
    let node = NodeConfig::new().start().await;
    for document in [
        "<methodCall><methodName>node.info</methodName></methodCall>",
        "<methodCall><methodName>node.info</methodName><params/></methodCall>",
        "<methodCall><methodName>node.info</methodName><params> </params></methodCall>",
        "<?xml version='1.0' standalone='yes'?>\r\n\r\n<methodCall >\n<methodName\t>node.info</methodName >\n</methodCall>\n\n",
    ] {
        assert!(post(&node.api, document).await.is_ok(), "{document}");
    }
}

#[tokio::test]
async fn the_method_name_may_have_white_space_comments_and_references_in_it() {
    let node = NodeConfig::new().start().await;
    for name in [" node.info ", "\n node.info\n", "node<!-- c -->.info", "node&#46;info", "<![CDATA[node.info]]>"] {
        let document = format!("<methodCall><methodName>{name}</methodName></methodCall>");
        assert!(post(&node.api, document).await.is_ok(), "{name}");
    }
    for name in ["", " ", "node info", "node.info.", "../node.info", "search.FIND", "😀"] {
        let document = format!("<methodCall><methodName>{name}</methodName></methodCall>");
        assert_eq!(code(post(&node.api, document).await, name), -32601, "{name}");
    }
    let long = "x".repeat(1 << 20);
    assert_eq!(code(post(&node.api, call(&long, &[])).await, "a megabyte of name"), -32601);
}

#[tokio::test]
async fn comments_and_processing_instructions_may_stand_between_elements() {
    let node = node().await;
    let document = "<?xml version=\"1.0\"?><!-- a --><?b c?><methodCall><!-- d --><methodName>interopEchoTests.echoString\
                    </methodName><?e f?><params><!-- g --><param><!-- h --><value><!-- i --><string>x</string></value>\
                    <!-- <j/> --></param><!-- --></params></methodCall><!-- k --><?l m?>\n";
    assert_eq!(post(&node.api, document).await, Ok(json!("x")));
}

#[tokio::test]
async fn attributes_and_prefixes_say_nothing() {
    let node = node().await;
    let value = "<int a='1' xmlns:x='urn:x' x:b='&lt;'>5</int>";
    assert_eq!(echo(&node.api, value).await, Ok(json!(5)));
}

#[tokio::test]
async fn what_is_not_well_formed_is_fault_32700() {
    let node = NodeConfig::new().start().await;
    let good = call("node.info", &[]);
    let bad = [
        String::new(),
        " \n".into(),
        "hello".into(),
        "{\"method\":\"node.info\"}".into(),
        good[..good.len() - 1].into(),
        good.replace("</methodName>", "</MethodName>"),
        good.replace("<methodName>", "<methodName a>"),
        good.replace("<methodName>", "<methodName a=1>"),
        good.replace("<methodName>", "<methodName a='1' a='2'>"),
        good.replace("node.info", "node.info & more"),
        good.replace("node.info", "&node;"),
        good.replace("node.info", "&#xFFFFFFFF;"),
        good.replace("node.info", "&#0;"),
        good.replace("node.info", "&#xD83D;"),
        good.replace("node.info", "\u{1}"),
        good.replace("node.info", "\u{FFFF}"),
        good.replace("node.info", "<![CDATA[node.info"),
        good.replace("node.info", "<!-- node.info"),
        format!("{good}<methodCall/>"),
        format!("{good}text"),
        format!("{good}</methodCall>"),
        format!("text{good}"),
        good.replace("?>", "?><!DOCTYPE methodCall>"),
        good.replace("?>", "?><!DOCTYPE methodCall SYSTEM \"http://127.0.0.1:1/xml-rpc.dtd\">"),
        good.replace("?>", "?><!DOCTYPE m [<!ENTITY a \"b\"><!ELEMENT m ANY>]>"),
    ];
    for document in bad {
        let shown: String = document.chars().take(120).collect();
        assert_eq!(code(post(&node.api, document).await, &shown), -32700, "{shown}");
    }
    node.api.assert_answers("documents that are not well-formed").await;
}

#[tokio::test]
async fn what_is_no_method_call_is_fault_32600() {
    let node = NodeConfig::new().start().await;
    let name = "<methodName>node.info</methodName>";
    let value = "<value>x</value>";
    for document in [
        "<methodResponse><params/></methodResponse>".to_owned(),
        "<html><body>hello</body></html>".into(),
        "<methodcall/>".into(),
        "<methodCall/>".into(),
        "<methodCall></methodCall>".into(),
        "<methodCall>node.info</methodCall>".into(),
        "<methodCall><params/></methodCall>".into(),
        "<methodCall><params/><methodName>node.info</methodName></methodCall>".into(),
        format!("<methodCall>{name}{name}</methodCall>"),
        format!("<methodCall>{name}<params/><params/></methodCall>"),
        format!("<methodCall>{name}<params/><extra/></methodCall>"),
        format!("<methodCall>{name}<params/>text</methodCall>"),
        format!("<methodCall>{name}<extra/></methodCall>"),
        "<methodCall><methodName>node.info<b/></methodName></methodCall>".into(),
        format!("<methodCall><methodName>search.find</methodName><params>{value}</params></methodCall>"),
        "<methodCall><methodName>search.find</methodName><params><param>x</param></params></methodCall>".into(),
        format!("<methodCall><methodName>search.find</methodName><params><param>{value}{value}</param></params></methodCall>"),
        "<methodCall><methodName>search.find</methodName><params><param/></params></methodCall>".into(),
        "<methodCall><methodName>search.find</methodName><params><param><string>x</string></param></params></methodCall>"
            .into(),
    ] {
        assert_eq!(code(post(&node.api, document.clone()).await, &document), -32600, "{document}");
    }
}

#[tokio::test]
async fn a_member_that_is_unknown_or_given_twice_is_refused_by_name() {
    let node = NodeConfig::new().start().await;
    let member = |name: &str| format!("<member><name>{name}</name><value>x</value></member>");
    let nil = "<member><name>limmit</name><value><nil/></value></member>";
    for (members, named) in [
        (member("limmit"), "\"limmit\""),
        // An option that is not there cannot be misspelt unseen either.
        (nil.to_owned(), "\"limmit\""),
        (member("Query"), "\"Query\""),
        (member(""), "\"\""),
        (member("tags").repeat(2), "tags"),
        (member("mediaType").repeat(2), "mediaType"),
        (member("query"), "query"),
    ] {
        let options = format!("<struct>{members}</struct>");
        let fault = post(&node.api, call("search.find", &["x", &options])).await.expect_err(&members);
        assert_eq!(fault.code, "400", "{fault:?}");
        fault.assert_names(&[named]);
    }
}
