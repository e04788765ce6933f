//! SOAP 1.1 and 1.2, document/literal wrapped, as a caller writes and reads it.

use serde_json::Value;

use super::{
    Binding, Fault, OpenApi, Reply,
    xml::{Element, escape},
};

/// The contract's namespace.
pub const NAMESPACE: &str = "urn:peergate:v1";
const ENVELOPE_11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const ENVELOPE_12: &str = "http://www.w3.org/2003/05/soap-envelope";

fn envelope_namespace(binding: Binding) -> &'static str {
    if binding == Binding::Soap12 { ENVELOPE_12 } else { ENVELOPE_11 }
}

/// `search.find` as the body element's name `SearchFind`.
pub fn element_name(operation: &str) -> String {
    let capitalise = |part: &str| part[..1].to_uppercase() + &part[1..];
    operation.split('.').map(capitalise).collect()
}

/// An envelope around a body that the test wrote.
pub fn envelope(binding: Binding, body: &str) -> String {
    let namespace = envelope_namespace(binding);
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope xmlns:s=\"{namespace}\" xmlns=\"{NAMESPACE}\">\
         <s:Body>{body}</s:Body></s:Envelope>"
    )
}

pub fn encode(binding: Binding, operation: &str, input: &Value) -> String {
    let mut body = String::new();
    write(&mut body, &element_name(operation), input);
    envelope(binding, &body)
}

fn write(out: &mut String, name: &str, value: &Value) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| write(out, name, item)),
        Value::Object(fields) => {
            out.push_str(&format!("<{name}>"));
            fields.iter().for_each(|(field, value)| write(out, field, value));
            out.push_str(&format!("</{name}>"));
        }
        Value::String(text) => out.push_str(&format!("<{name}>{}</{name}>", escape(text))),
        Value::Null => panic!("the contract never writes nil"),
        plain => out.push_str(&format!("<{name}>{plain}</{name}>")),
    }
}

pub fn decode(binding: Binding, operation: &str, reply: &Reply, description: &OpenApi) -> Result<Value, Fault> {
    let text = reply.text();
    let media_type =
        if binding == Binding::Soap12 { "application/soap+xml; charset=utf-8" } else { "text/xml; charset=utf-8" };
    assert_eq!(reply.header("content-type"), media_type, "{text}");
    let root = Element::parse(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    assert_eq!((root.name.as_str(), root.namespace.as_str()), ("Envelope", envelope_namespace(binding)), "{text}");
    let body = root.child("Body").unwrap_or_else(|| panic!("no body: {text}"));
    if let Some(fault) = body.child("Fault") {
        return Err(read_fault(binding, reply.status, fault));
    }
    assert_eq!(reply.status, 200, "{text}");
    let answer = body.child(&format!("{}Response", element_name(operation)));
    let answer = answer.unwrap_or_else(|| panic!("no answer of {operation}: {text}"));
    assert_eq!(answer.namespace, NAMESPACE, "{text}");
    let [result] = answer.children.as_slice() else { panic!("an answer has one child: {text}") };
    assert_eq!(result.name, "result", "{text}");
    Ok(read(result, description.answer(operation), description))
}

fn read_fault(binding: Binding, status: u16, fault: &Element) -> Fault {
    let (code, message, detail) = match binding {
        Binding::Soap12 => (["Code", "Value"].as_slice(), ["Reason", "Text"].as_slice(), "Detail"),
        _ => (["faultcode"].as_slice(), ["faultstring"].as_slice(), "detail"),
    };
    let text = |path: &[&str]| fault.at(path).unwrap_or_else(|| panic!("no {path:?}: {fault:?}")).text.clone();
    let detail = fault.at(&[detail, "Fault"]);
    let field = |name: &str| detail.and_then(|detail| detail.child(name)).map(|element| element.text.clone());
    if let Some(detail) = detail {
        assert_eq!(detail.namespace, NAMESPACE, "{fault:?}");
        assert_eq!(field("message"), Some(text(message)), "{fault:?}");
    }
    let code = text(code);
    Fault {
        binding,
        status,
        code: code.rsplit(':').next().unwrap_or(&code).to_owned(),
        kind: field("kind"),
        message: text(message),
        retry_after_seconds: field("retryAfterSeconds").and_then(|seconds| seconds.parse().ok()),
    }
}

/// An element in the JSON binding's form. XML alone does not tell a number from a text or one item from a list, so the
/// OpenAPI schema of the same record decides; a field that it does not know is a mistake of either description.
fn read(element: &Element, schema: &Value, description: &OpenApi) -> Value {
    let schema = description.resolve(schema);
    let text = element.text.as_str();
    match schema["type"].as_str() {
        Some("integer") => text.parse::<i64>().unwrap_or_else(|e| panic!("{element:?}: {e}")).into(),
        Some("number") => text.parse::<f64>().unwrap_or_else(|e| panic!("{element:?}: {e}")).into(),
        Some("boolean") => (text == "true" || text == "1").into(),
        Some("object") => read_record(element, schema, description),
        _ => text.into(),
    }
}

fn read_record(element: &Element, schema: &Value, description: &OpenApi) -> Value {
    let fields = schema["properties"].as_object().expect("a record has properties");
    for child in &element.children {
        assert!(fields.contains_key(&child.name), "{} holds the undeclared {}", element.name, child.name);
        assert_eq!(child.namespace, NAMESPACE, "{} is not qualified", child.name);
    }
    let value = |(name, schema): (&String, &Value)| {
        let schema = description.resolve(schema);
        if schema["type"] == "array" {
            let items = element.children(name).map(|item| read(item, &schema["items"], description));
            return Some((name.clone(), Value::Array(items.collect())));
        }
        element.child(name).map(|child| (name.clone(), read(child, schema, description)))
    };
    Value::Object(fields.iter().filter_map(value).collect())
}
