//! Records as XML-RPC, written straight into the bytes of the document.
//!
//! Every value is typed and no element is self-closed, because some of the tried clients read neither untyped nor
//! self-closed ones. An absent field is an absent member; nil is never written.

mod compound;
mod positional;
mod value;

use serde::{Serialize, ser::Error};

use self::{positional::Parameters, value::Writer};
use super::dialect::{Dialect, Long};
use crate::binding::{refusal::Refusal, xml::Draft};

/// Bytes set aside for an answer; a page of 20 hits takes about as many.
const USUAL_ANSWER: usize = 32 << 10;
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
const APACHE: &str = " xmlns:ex=\"http://ws.apache.org/xmlrpc/namespaces/extensions\"";

/// A whole answer: a `methodResponse` with this value.
///
/// # Errors
/// A value that XML-RPC cannot carry: a number that is not finite, or a map whose keys are no strings.
pub fn response(value: &impl Serialize, dialect: Dialect) -> Result<Draft, Refusal> {
    let mut out = begin("methodResponse", dialect);
    out.push_str("<params><param>");
    self::value(&mut out, value, dialect)?;
    out.push_str("</param></params></methodResponse>");
    Ok(out)
}

/// A whole answer: a `methodResponse` with a fault.
pub fn fault(code: i32, message: &str, dialect: Dialect) -> Draft {
    let mut out = begin("methodResponse", Dialect { long: Long::Auto, ..dialect });
    out.push_str("<fault>");
    fault_value(&mut out, code, message, dialect);
    out.push_str("</fault></methodResponse>");
    out
}

/// The struct of a fault, as a value.
pub fn fault_value(out: &mut Draft, code: i32, message: &str, dialect: Dialect) {
    out.push_str("<value><struct><member><name>faultCode</name><value><int>");
    out.push_integer(code);
    out.push_str("</int></value></member><member><name>faultString</name><value><string>");
    out.push_escaped(message, dialect.bmp);
    out.push_str("</string></value></member></struct></value>");
}

/// A whole request: a call of the method with one struct that holds every field of the record.
///
/// # Errors
/// As for [`response`].
pub fn call(method: &str, input: &impl Serialize, dialect: Dialect) -> Result<Draft, Refusal> {
    let mut out = begin("methodCall", dialect);
    out.push_str("<methodName>");
    out.push_escaped(method, dialect.bmp);
    out.push_str("</methodName><params><param>");
    value(&mut out, input, dialect)?;
    out.push_str("</param></params></methodCall>");
    Ok(out)
}

/// A whole request: a call of the method with the `required` fields of the record as parameters of their own, in the order
/// of the record, and its other fields in one struct behind them, if there are any.
///
/// # Errors
/// As for [`response`], and for a value that is no record.
pub fn positional_call(
    method: &str,
    input: &impl Serialize,
    required: &[&str],
    dialect: Dialect,
) -> Result<Draft, Refusal> {
    let mut out = begin("methodCall", dialect);
    out.push_str("<methodName>");
    out.push_escaped(method, dialect.bmp);
    out.push_str("</methodName><params>");
    input.serialize(Parameters::new(&mut out, dialect, required))?;
    out.push_str("</params></methodCall>");
    Ok(out)
}

/// Opens a document with this root element.
pub fn begin(root: &str, dialect: Dialect) -> Draft {
    let mut out = Draft::with_capacity(USUAL_ANSWER);
    let namespace = if dialect.long == Long::Apache { APACHE } else { "" };
    for part in [DECLARATION, "<", root, namespace, ">"] {
        out.push_str(part);
    }
    out
}

/// Appends one `value`.
///
/// # Errors
/// As for [`response`].
pub fn value(out: &mut Draft, value: &(impl Serialize + ?Sized), dialect: Dialect) -> Result<(), Refusal> {
    let mut writer = Writer::new(out, dialect);
    value.serialize(&mut writer)?;
    if writer.is_absent() { Err(Refusal::custom("nil is never written")) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
