//! XML-RPC as a caller writes and reads it, by the specification and the contract's section 3.

use serde_json::{Map, Value};

use super::{
    Binding, Fault, Reply,
    xml::{Element, escape},
};

/// The fields of type `bytes`, which JSON holds as text and XML-RPC as `<base64>`.
const BYTES_FIELDS: [&str; 1] = ["data"];

/// A call with one struct that holds every field; operations of `system.` take `input`'s values as positions.
pub fn encode(method: &str, input: &Value) -> String {
    let params: Vec<String> = match input {
        Value::Array(positions) => positions.iter().map(|value| write("", value)).collect(),
        Value::Object(fields) if fields.is_empty() => Vec::new(),
        whole => vec![write("", whole)],
    };
    let params: String = params.iter().map(|value| format!("<param><value>{value}</value></param>")).collect();
    format!(
        "<?xml version=\"1.0\"?><methodCall><methodName>{}</methodName><params>{params}</params></methodCall>",
        escape(method)
    )
}

/// A value of that field, without `<value>` around it.
pub fn write(field: &str, value: &Value) -> String {
    match value {
        Value::Bool(flag) => format!("<boolean>{}</boolean>", u8::from(*flag)),
        Value::Number(number) => match number.as_i64() {
            Some(int) if i32::try_from(int).is_ok() => format!("<int>{int}</int>"),
            Some(long) => format!("<i8>{long}</i8>"),
            None => format!("<double>{number}</double>"),
        },
        Value::String(text) if BYTES_FIELDS.contains(&field) => format!("<base64>{text}</base64>"),
        Value::String(text) => format!("<string>{}</string>", escape(text)),
        Value::Array(items) => {
            let items: String = items.iter().map(|item| format!("<value>{}</value>", write("", item))).collect();
            format!("<array><data>{items}</data></array>")
        }
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                format!("<member><name>{}</name><value>{}</value></member>", escape(name), write(name, value))
            };
            format!("<struct>{}</struct>", members.iter().map(member).collect::<String>())
        }
        Value::Null => panic!("XML-RPC has no null"),
    }
}

pub fn decode(reply: &Reply) -> Result<Value, Fault> {
    let text = reply.text();
    assert!(text.starts_with("<?xml"), "an XML-RPC answer always has a declaration: {text}");
    assert_eq!(reply.header("content-type").split(';').next(), Some("text/xml"), "{text}");
    assert_eq!(reply.header("content-length"), text.len().to_string(), "exact Content-Length");
    let root = Element::parse(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    assert_eq!(root.name, "methodResponse");
    if let Some(value) = root.at(&["params", "param", "value"]) {
        assert_eq!(reply.status, 200);
        return Ok(read(value));
    }
    let fault = read(root.at(&["fault", "value"]).unwrap_or_else(|| panic!("neither params nor fault: {text}")));
    Err(Fault {
        binding: Binding::XmlRpc,
        status: reply.status,
        code: fault["faultCode"].as_i64().unwrap_or_else(|| panic!("no faultCode: {text}")).to_string(),
        kind: None,
        message: fault["faultString"].as_str().unwrap_or_else(|| panic!("no faultString: {text}")).to_owned(),
        retry_after_seconds: None,
    })
}

/// A `<value>` in the JSON binding's form.
pub fn read(value: &Element) -> Value {
    let [typed] = value.children.as_slice() else {
        panic!("every value of an answer has one type: {value:?}");
    };
    let text = typed.text.as_str();
    match typed.name.as_str() {
        "string" => text.into(),
        "base64" => text.split_ascii_whitespace().collect::<String>().into(),
        "int" | "i4" | "i8" => text.parse::<i64>().unwrap_or_else(|e| panic!("{typed:?}: {e}")).into(),
        "double" => read_double(text),
        "boolean" => match text {
            "1" => true.into(),
            "0" => false.into(),
            other => panic!("a boolean is written 1 or 0, not {other}"),
        },
        "dateTime.iso8601" => read_time(text).into(),
        "array" => typed.child("data").expect("array holds data").children("value").map(read).collect(),
        "struct" => {
            let members = typed.children("member").map(|member| {
                let name = member.child("name").expect("member has a name").text.clone();
                (name, read(member.child("value").expect("member has a value")))
            });
            Value::Object(members.collect::<Map<_, _>>())
        }
        other => panic!("an answer never holds <{other}>"),
    }
}

/// A `long` beyond 32 bits comes as a plain double without a fraction.
fn read_double(text: &str) -> Value {
    assert!(!text.contains(['e', 'E']), "a double is written plainly: {text}");
    let number: f64 = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
    if number.fract() == 0.0 && number.abs() > f64::from(i32::MAX) {
        return (number as i64).into();
    }
    number.into()
}

/// `20261122T06:49:55` as `2026-11-22T06:49:55Z`.
fn read_time(text: &str) -> String {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    assert_eq!(shape, "99999999T99:99:99", "{text}");
    format!("{}-{}-{}Z", &text[..4], &text[4..6], &text[6..])
}
