//! Every written form of a value.

use serde_json::{Value, json};

use super::{call, code, echo, node, post};

/// Asserts what each content of `value` is read as.
async fn assert_read(cases: &[(&str, Value)]) {
    let node = node().await;
    for (value, want) in cases {
        let read = echo(&node.api, value).await;
        assert_eq!(read.as_ref(), Ok(want), "{value}");
    }
}

/// Asserts that each is refused as a parameter that does not fit.
async fn assert_refused(method: &str, values: &[&str]) {
    let node = node().await;
    for value in values {
        assert_eq!(code(post(&node.api, call(method, &[value])).await, value), -32602, "{value}");
    }
    node.api.assert_answers("refused values").await;
}

#[tokio::test]
async fn a_value_without_a_type_is_a_string() {
    assert_read(&[
        ("plain", json!("plain")),
        ("", json!("")),
        ("  ", json!("  ")),
        (" two  words ", json!(" two  words ")),
        ("&lt;int&gt;", json!("<int>")),
        ("<!-- nothing -->", json!("")),
        ("a<!-- b -->c", json!("ac")),
        ("<![CDATA[<int>5</int>]]>", json!("<int>5</int>")),
    ])
    .await;
}

#[tokio::test]
async fn a_string_keeps_its_white_space_and_its_characters() {
    assert_read(&[
        ("<string></string>", json!("")),
        ("<string/>", json!("")),
        ("<string>  a\tb \n c </string>", json!("  a\tb \n c ")),
        ("<string>a\r\nb\rc</string>", json!("a\nb\nc")),
        ("<string>&lt;&gt;&amp;&quot;&apos;</string>", json!("<>&\"'")),
        ("<string>&#65;&#x42;&#x1F600;&#128512;</string>", json!("AB😀😀")),
        ("<string>&#xD83D;&#xDE00;</string>", json!("😀")),
        ("<string>a<![CDATA[<&]]>b<![CDATA[]]>c</string>", json!("a<&bc")),
        ("<string>a<?pi x?>b</string>", json!("ab")),
        ("<string>ä漢😀\u{FFFD}</string>", json!("ä漢😀\u{FFFD}")),
    ])
    .await;
}

#[tokio::test]
async fn white_space_may_stand_around_a_type_and_nothing_else() {
    assert_read(&[
        ("\n  <int>5</int>\n", json!(5)),
        ("<!-- c --> <int>5</int> <!-- d -->", json!(5)),
        (" <string> x </string> ", json!(" x ")),
        (" <array> <data> <value> <int>1</int> </value> </data> </array> ", json!([1])),
        (" <struct> <member> <name>a</name> <value> <int>1</int> </value> </member> </struct> ", json!({ "a": 1 })),
    ])
    .await;
    let node = node().await;
    for value in ["x<int>5</int>", "<int>5</int>x", "<int>5</int><int>6</int>", "<string>a<b/>c</string>"] {
        assert_eq!(code(echo(&node.api, value).await, value), -32600, "{value}");
    }
}

#[tokio::test]
async fn every_integer_type_is_read() {
    assert_read(&[
        ("<i1>-128</i1>", json!(-128)),
        ("<i2>32767</i2>", json!(32_767)),
        ("<i4>2147483647</i4>", json!(2_147_483_647)),
        ("<int>-2147483648</int>", json!(-2_147_483_648)),
        ("<int>2147483648</int>", json!(2_147_483_648_i64)),
        ("<i8>9223372036854775807</i8>", json!(i64::MAX)),
        ("<i8>-9223372036854775808</i8>", json!(i64::MIN)),
        ("<ex:i8 xmlns:ex='http://ws.apache.org/xmlrpc/namespaces/extensions'>7</ex:i8>", json!(7)),
        ("<int>+7</int>", json!(7)),
        ("<int>-0</int>", json!(0)),
        ("<int>007</int>", json!(7)),
        ("<int> 12\n</int>", json!(12)),
    ])
    .await;
}

#[tokio::test]
async fn a_number_that_is_none_or_does_not_fit_is_refused() {
    let integers = ["", " ", "x", "0x10", "1 2", "1,5", "1.5", "--1", "9223372036854775808", "-9223372036854775809"];
    let integers: Vec<String> = integers.iter().map(|text| format!("<i8>{text}</i8>")).collect();
    assert_refused("interopEchoTests.echoInteger", &integers.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let doubles = ["", "x", "1e309", "-1e400", "nan", "inf", "Infinity", "1,5", "1.5.5"];
    let doubles: Vec<String> = doubles.iter().map(|text| format!("<double>{text}</double>")).collect();
    assert_refused("interopEchoTests.echoFloat", &doubles.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn a_double_is_read_in_every_notation_and_written_in_one() {
    assert_read(&[
        ("<double>1.5</double>", json!(1.5)),
        ("<double>-0.0</double>", json!(-0.0)),
        ("<double>.5</double>", json!(0.5)),
        ("<double>5.</double>", json!(5.0)),
        ("<double> +1.25 </double>", json!(1.25)),
        ("<double>1e308</double>", json!(1e308_f64 as i64)),
        ("<double>2.5E-3</double>", json!(0.0025)),
        ("<double>4.9e-324</double>", json!(5e-324)),
        ("<float>0.1</float>", json!(0.1)),
    ])
    .await;
}

#[tokio::test]
async fn a_boolean_is_a_digit_or_a_word() {
    assert_read(&[
        ("<boolean>1</boolean>", json!(true)),
        ("<boolean>0</boolean>", json!(false)),
        ("<boolean> true </boolean>", json!(true)),
        ("<boolean>false</boolean>", json!(false)),
    ])
    .await;
    let wrong = ["", "2", "yes", "TRUE", "-1"].map(|text| format!("<boolean>{text}</boolean>"));
    assert_refused("interopEchoTests.echoBoolean", &wrong.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn a_date_is_read_with_and_without_dashes_colons_fraction_and_zone() {
    let want = json!("2026-11-22T06:49:55Z");
    let forms = [
        "20261122T06:49:55",
        "20261122T064955",
        "2026-11-22T06:49:55",
        "2026-11-22T06:49:55Z",
        "20261122T06:49:55Z",
        "20261122T06:49:55.000",
        "2026-11-22T06:49:55.999Z",
        "2026-11-22T07:49:55+01:00",
        " 20261122T06:49:55 ",
    ];
    let cases: Vec<_> = forms.map(|form| format!("<dateTime.iso8601>{form}</dateTime.iso8601>")).into();
    assert_read(&cases.iter().map(|case| (case.as_str(), want.clone())).collect::<Vec<_>>()).await;
    let wrong = ["", "today", "20261322T06:49:55", "20261131T06:49:55", "20261122T25:49:55", "2026"];
    let wrong = wrong.map(|form| format!("<dateTime.iso8601>{form}</dateTime.iso8601>"));
    assert_refused("interopEchoTests.echoDate", &wrong.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn base64_may_be_broken_into_lines() {
    assert_read(&[
        ("<base64>aGVsbG8=</base64>", json!("aGVsbG8=")),
        ("<base64>\r\n aGVs\r\n bG8=\r\n</base64>", json!("aGVsbG8=")),
        ("<base64></base64>", json!("")),
        ("<base64/>", json!("")),
        ("<base64>AP/+</base64>", json!("AP/+")),
    ])
    .await;
    let wrong = ["a", "aGVsbG8=x", "?", "aGVsbG8\u{e9}"].map(|text| format!("<base64>{text}</base64>"));
    assert_refused("interopEchoTests.echoBase64", &wrong.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn arrays_may_be_empty_and_hold_every_type() {
    assert_read(&[
        ("<array><data></data></array>", json!([])),
        ("<array><data/></array>", json!([])),
        ("<array/>", json!([])),
        ("<array><data><value/><value></value></data></array>", json!(["", ""])),
        ("<array><data><value>a</value><value><int>1</int></value></data></array>", json!(["a", 1])),
        (
            "<array><data><value><array><data><value><struct/></value></data></array></value></data></array>",
            json!([[{}]]),
        ),
    ])
    .await;
    let node = node().await;
    for value in [
        "<array><value>a</value></array>",
        "<array><data><int>1</int></data></array>",
        "<array><data></data><data></data></array>",
        "<array>x</array>",
        "<array><data>x</data></array>",
    ] {
        assert_eq!(code(echo(&node.api, value).await, value), -32600, "{value}");
    }
}

#[tokio::test]
async fn structs_may_be_empty_and_have_any_names() {
    let member = |name: &str, value: &str| format!("<member><name>{name}</name><value>{value}</value></member>");
    let all = |members: &[String]| format!("<struct>{}</struct>", members.concat());
    assert_read(&[
        ("<struct></struct>", json!({})),
        ("<struct/>", json!({})),
        (&all(&[member("", "x")]), json!({ "": "x" })),
        ("<struct><member><name/><value/></member></struct>", json!({ "": "" })),
        (&all(&[member("a b", "1"), member("&lt;&#228;&gt;", "2")]), json!({ "a b": "1", "<ä>": "2" })),
        (&all(&[member("<![CDATA[a&b]]>", "1")]), json!({ "a&b": "1" })),
        (
            &all(&[member("gone", "<nil/>"), member("gone too", "<ex:nil/>"), member("here", "1")]),
            json!({ "here": "1" }),
        ),
    ])
    .await;
    let node = node().await;
    for value in [
        "<struct><name>a</name><value/></struct>",
        "<struct><member><value/></member></struct>",
        "<struct><member><name>a</name></member></struct>",
        "<struct><member><value/><name>a</name></member></struct>",
        "<struct><member><name>a</name><value/><value/></member></struct>",
        "<struct><member><name>a<b/></name><value/></member></struct>",
        "<struct>x</struct>",
    ] {
        assert_eq!(code(echo(&node.api, value).await, value), -32600, "{value}");
    }
}

#[tokio::test]
async fn a_type_that_is_not_known_is_no_xmlrpc() {
    let node = node().await;
    for value in ["<complex>1</complex>", "<bigdecimal>1</bigdecimal>", "<Int>1</Int>", "<value>1</value>"] {
        assert_eq!(code(echo(&node.api, value).await, value), -32600, "{value}");
    }
}
