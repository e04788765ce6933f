//! Characters in the encodings that clients send, and the two faults for those that cannot be read.

use serde_json::json;

use super::{call, code, node, post_as};

/// An echo of the text, declared in that encoding.
fn document(declared: &str, text: &str) -> String {
    let call = call("interopEchoTests.echoString", &[text]);
    call.replacen("version=\"1.0\"", &format!("version=\"1.0\"{declared}"), 1)
}

fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).expect("a character of Latin-1")).collect()
}

#[tokio::test]
async fn utf_8_is_read_with_and_without_a_byte_order_mark_and_whatever_is_declared_of_it() {
    let node = node().await;
    for content_type in ["text/xml", "text/xml; charset=utf-8", "text/xml;charset=\"UTF-8\"", "application/xml"] {
        for (mark, declared) in [("", ""), ("\u{FEFF}", ""), ("", " encoding=\"utf-8\""), ("\u{FEFF}", " encoding='x'")]
        {
            let body = format!("{mark}{}", document(declared, "ä漢😀"));
            assert_eq!(post_as(&node.api, content_type, body).await, Ok(json!("ä漢😀")), "{content_type} {declared}");
        }
    }
}

#[tokio::test]
async fn utf_16_is_read_in_both_orders() {
    let node = node().await;
    for (mark, declared) in [("\u{FEFF}", " encoding=\"UTF-16\""), ("\u{FEFF}", ""), ("", " encoding=\"utf-16\"")] {
        let units: Vec<u16> = format!("{mark}{}", document(declared, "ä漢😀")).encode_utf16().collect();
        for body in [
            units.iter().flat_map(|unit| unit.to_le_bytes()).collect::<Vec<_>>(),
            units.iter().flat_map(|unit| unit.to_be_bytes()).collect(),
        ] {
            for content_type in ["text/xml", "text/xml; charset=utf-16"] {
                let read = post_as(&node.api, content_type, body.clone()).await;
                assert_eq!(read, Ok(json!("ä漢😀")), "{content_type} {declared}");
            }
        }
    }
}

#[tokio::test]
async fn latin_1_is_read_by_charset_or_by_declaration() {
    let node = node().await;
    for (content_type, declared) in [
        ("text/xml; charset=ISO-8859-1", ""),
        ("text/xml; charset=latin1", " encoding=\"ISO-8859-1\""),
        ("text/xml", " encoding='iso-8859-1'"),
        ("text/xml; charset=windows-1252", ""),
        // The header of a library and the declaration of its caller: the bytes are not UTF-8.
        ("text/xml; charset=utf-8", " encoding=\"ISO-8859-1\""),
    ] {
        let read = post_as(&node.api, content_type, latin1(&document(declared, "café ÿ"))).await;
        assert_eq!(read, Ok(json!("café ÿ")), "{content_type} {declared}");
    }
    // The bytes that Latin-1 has no characters for are those of Windows.
    let euro = latin1(&document("", "\u{80}"));
    assert_eq!(post_as(&node.api, "text/xml; charset=iso-8859-1", euro).await, Ok(json!("€")));
    let ascii = document("", "plain");
    assert_eq!(post_as(&node.api, "text/xml; charset=us-ascii", ascii).await, Ok(json!("plain")));
}

#[tokio::test]
async fn other_encodings_that_the_web_knows_are_read() {
    let node = node().await;
    let split = document("", "@");
    let (head, tail) = split.split_once('@').expect("the place of the text");
    for (charset, bytes, text) in
        [("shift_jis", &b"\x8a\xbf"[..], "漢"), ("gbk", b"\xba\xba", "汉"), ("koi8-r", b"\xc4\xc1", "да")]
    {
        let body = [head.as_bytes(), bytes, tail.as_bytes()].concat();
        let read = post_as(&node.api, &format!("text/xml; charset={charset}"), body).await;
        assert_eq!(read, Ok(json!(text)), "{charset}");
    }
}

#[tokio::test]
async fn an_encoding_that_is_not_supported_is_fault_32701() {
    let node = node().await;
    for name in ["utf-7", "utf-32", "ebcdic-cp-us", "klingon"] {
        let by_charset = post_as(&node.api, &format!("text/xml; charset={name}"), document("", "x")).await;
        assert_eq!(code(by_charset, name), -32701, "{name}");
        let declared = document(&format!(" encoding=\"{name}\""), "x");
        let by_declaration = post_as(&node.api, "text/xml", declared).await.expect_err(name);
        assert_eq!(by_declaration.code, "-32701", "{name}");
        by_declaration.assert_names(&[name, "UTF-8"]);
    }
}

#[tokio::test]
async fn bytes_that_are_no_characters_of_their_encoding_are_fault_32702() {
    let node = node().await;
    let text = latin1(&document("", "caf\u{e9}"));
    for content_type in
        ["text/xml", "text/xml; charset=utf-8", "text/xml; charset=us-ascii", "text/xml; charset=shift_jis"]
    {
        let refused = post_as(&node.api, content_type, text.clone()).await;
        assert_eq!(code(refused, content_type), -32702, "{content_type}");
    }
    let lone: Vec<u8> = [0xFEFF_u16, 0x3C, 0xD800, 0x3E].iter().flat_map(|unit| unit.to_be_bytes()).collect();
    assert_eq!(code(post_as(&node.api, "text/xml", lone.clone()).await, "a lone surrogate"), -32702);
    assert_eq!(code(post_as(&node.api, "text/xml", lone[..7].to_vec()).await, "half of a unit"), -32702);
    // An overlong form and a surrogate in UTF-8's clothes.
    for bytes in [&b"\xC0\xBC"[..], b"\xED\xA0\x80", b"\xF5\x80\x80\x80"] {
        assert_eq!(code(post_as(&node.api, "text/xml", bytes.to_vec()).await, "no UTF-8"), -32702);
    }
}
