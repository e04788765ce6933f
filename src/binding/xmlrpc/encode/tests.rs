//! The form of every value on the wire.

use serde::Serialize;

use super::*;
use crate::model::{Data, Time};

fn written(input: &impl Serialize, long: Long) -> String {
    let mut out = Draft::default();
    value(&mut out, input, Dialect { long, bmp: false }).unwrap();
    out.into_text().replace("<value>", "").replace("</value>", "")
}

#[test]
fn a_long_has_the_form_that_the_dialect_says() {
    let (small, large) = (7_u64, 1_u64 << 40);
    assert_eq!(written(&small, Long::Auto), "<int>7</int>");
    assert_eq!(written(&large, Long::Auto), "<double>1099511627776.0</double>");
    assert_eq!(written(&small, Long::Double), "<double>7.0</double>");
    assert_eq!(written(&small, Long::I8), "<i8>7</i8>");
    assert_eq!(written(&large, Long::Text), "<string>1099511627776</string>");
    assert_eq!(written(&-1_i64, Long::Apache), "<ex:i8>-1</ex:i8>");
    assert_eq!(written(&7_u32, Long::I8), "<int>7</int>");
    assert!(
        response(&0, Dialect { long: Long::Apache, bmp: false })
            .unwrap()
            .into_text()
            .contains("<methodResponse xmlns:ex=")
    );
}

#[test]
fn scalars_are_typed_and_never_self_closed() {
    let time: Time = "2026-11-22T06:49:55.120Z".parse().unwrap();
    assert_eq!(written(&time, Long::Auto), "<dateTime.iso8601>20261122T06:49:55</dateTime.iso8601>");
    assert_eq!(written(&Data(b"hello"[..].into()), Long::Auto), "<base64>aGVsbG8=</base64>");
    assert_eq!(written(&"", Long::Auto), "<string></string>");
    assert_eq!(written(&Vec::<String>::new(), Long::Auto), "<array><data></data></array>");
    assert_eq!(
        written(&(true, 0.5), Long::Auto),
        "<array><data><boolean>1</boolean><double>0.5</double></data></array>"
    );
    assert_eq!(written(&"a<&\u{0}\r", Long::Auto), "<string>a&lt;&amp;\u{FFFD}\r</string>");
}

#[test]
fn an_absent_field_is_an_absent_member() {
    #[derive(Serialize)]
    struct Record {
        a: Option<u8>,
        b: Option<Time>,
        c: Option<&'static str>,
    }
    let record = Record { a: None, b: None, c: Some("x") };
    let expected = "<struct><member><name>c</name><string>x</string></member></struct>";
    assert_eq!(written(&record, Long::Auto), expected);
    assert!(value(&mut Draft::default(), &None::<u8>, Dialect::default()).is_err());
}

#[test]
fn what_xmlrpc_cannot_carry_is_refused_with_its_place() {
    let refused = value(&mut Draft::default(), &std::collections::HashMap::from([("x", f64::NAN)]), Dialect::default());
    assert_eq!(refused.unwrap_err().to_string(), "x: XML-RPC cannot carry the number NaN");
    assert!(value(&mut Draft::default(), &u64::MAX, Dialect::default()).is_err());
}

#[test]
fn documents_begin_with_a_declaration() {
    let answer = fault(404, "no <such> id", Dialect::default()).into_text();
    assert!(answer.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<methodResponse><fault><value><struct>"));
    assert!(answer.contains("<int>404</int>") && answer.contains("no &lt;such&gt; id"));
}
