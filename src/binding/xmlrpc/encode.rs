//! Records as XML-RPC, written straight into the text of the document.
//!
//! Every value is typed and no element is self-closed, because some of the tried clients read neither untyped nor
//! self-closed ones. An absent field is an absent member; nil is never written.

use std::fmt::Write;

use serde::{
    Serialize, Serializer,
    ser::{self, Error},
};

use super::dialect::{Dialect, Long};
use crate::{
    binding::{
        refusal::Refusal,
        xml::{Escape, push_double, push_escaped, push_integer},
    },
    model::TIME_TOKEN,
};

/// Bytes set aside for an answer; a page of 20 hits takes about as many.
const USUAL_ANSWER: usize = 32 << 10;
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
const APACHE: &str = " xmlns:ex=\"http://ws.apache.org/xmlrpc/namespaces/extensions\"";

/// A whole answer: a `methodResponse` with this value.
///
/// # Errors
/// A value that XML-RPC cannot carry: a number that is not finite, or a map whose keys are no strings.
pub fn response(value: &impl Serialize, dialect: Dialect) -> Result<String, Refusal> {
    let mut out = begin("methodResponse", dialect);
    out.push_str("<params><param>");
    self::value(&mut out, value, dialect)?;
    out.push_str("</param></params></methodResponse>");
    Ok(out)
}

/// A whole answer: a `methodResponse` with a fault.
pub fn fault(code: i32, message: &str, dialect: Dialect) -> String {
    let mut out = begin("methodResponse", Dialect { long: Long::Auto, ..dialect });
    out.push_str("<fault>");
    fault_value(&mut out, code, message, dialect);
    out.push_str("</fault></methodResponse>");
    out
}

/// The struct of a fault, as a value.
pub fn fault_value(out: &mut String, code: i32, message: &str, dialect: Dialect) {
    out.push_str("<value><struct><member><name>faultCode</name><value><int>");
    push_integer(out, code);
    out.push_str("</int></value></member><member><name>faultString</name><value><string>");
    push_escaped(out, message, dialect.bmp);
    out.push_str("</string></value></member></struct></value>");
}

/// A whole request: a call of the method with one struct that holds every field of the record.
///
/// # Errors
/// As for [`response`].
pub fn call(method: &str, input: &impl Serialize, dialect: Dialect) -> Result<String, Refusal> {
    let mut out = begin("methodCall", dialect);
    out.push_str("<methodName>");
    push_escaped(&mut out, method, dialect.bmp);
    out.push_str("</methodName><params><param>");
    value(&mut out, input, dialect)?;
    out.push_str("</param></params></methodCall>");
    Ok(out)
}

/// Opens a document with this root element.
pub fn begin(root: &str, dialect: Dialect) -> String {
    let mut out = String::with_capacity(USUAL_ANSWER);
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
pub fn value(out: &mut String, value: &impl Serialize, dialect: Dialect) -> Result<(), Refusal> {
    let mut writer = Writer { out, dialect, is_time: false, is_absent: false };
    value.serialize(&mut writer)?;
    if writer.is_absent { Err(Refusal::custom("nil is never written")) } else { Ok(()) }
}

struct Writer<'a> {
    out: &'a mut String,
    dialect: Dialect,
    /// The next text is a moment.
    is_time: bool,
    /// The value was absent and nothing was written.
    is_absent: bool,
}

impl Writer<'_> {
    fn int(&mut self, number: i32) -> Result<(), Refusal> {
        self.out.push_str("<value><int>");
        push_integer(self.out, number);
        self.out.push_str("</int></value>");
        Ok(())
    }

    fn long(&mut self, number: i64) -> Result<(), Refusal> {
        let (open, close) = match self.dialect.long {
            Long::Auto => match i32::try_from(number) {
                Ok(number) => return self.int(number),
                Err(_) => ("<value><double>", ".0</double></value>"),
            },
            Long::Double => ("<value><double>", ".0</double></value>"),
            Long::I8 => ("<value><i8>", "</i8></value>"),
            Long::Text => ("<value><string>", "</string></value>"),
            Long::Apache => ("<value><ex:i8>", "</ex:i8></value>"),
        };
        self.out.push_str(open);
        push_integer(self.out, number);
        self.out.push_str(close);
        Ok(())
    }

    /// RFC 3339 in UTC as XML-RPC has it: no dashes, whole seconds, no zone.
    fn time(&mut self, moment: &str) -> Result<(), Refusal> {
        let parts = [moment.get(..4), moment.get(5..7), moment.get(8..19)];
        self.out.push_str("<value><dateTime.iso8601>");
        for part in parts {
            self.out.push_str(part.ok_or_else(|| Refusal::custom("the moment has no year of four digits"))?);
        }
        self.out.push_str("</dateTime.iso8601></value>");
        self.is_time = false;
        Ok(())
    }

    fn open_struct(&mut self) -> Members<'_> {
        self.out.push_str("<value><struct>");
        Members { out: self.out, dialect: self.dialect, name: None }
    }
}

impl<'a> Serializer for &'a mut Writer<'_> {
    type Ok = ();
    type Error = Refusal;
    type SerializeSeq = Items<'a>;
    type SerializeTuple = Items<'a>;
    type SerializeTupleStruct = Items<'a>;
    type SerializeTupleVariant = ser::Impossible<(), Refusal>;
    type SerializeMap = Members<'a>;
    type SerializeStruct = Members<'a>;
    type SerializeStructVariant = ser::Impossible<(), Refusal>;

    /// Bytes come as bytes, which XML-RPC has a type for.
    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_bool(self, flag: bool) -> Result<(), Refusal> {
        self.out.push_str(if flag {
            "<value><boolean>1</boolean></value>"
        } else {
            "<value><boolean>0</boolean></value>"
        });
        Ok(())
    }

    fn serialize_i8(self, number: i8) -> Result<(), Refusal> {
        self.int(number.into())
    }

    fn serialize_i16(self, number: i16) -> Result<(), Refusal> {
        self.int(number.into())
    }

    fn serialize_i32(self, number: i32) -> Result<(), Refusal> {
        self.int(number)
    }

    fn serialize_i64(self, number: i64) -> Result<(), Refusal> {
        self.long(number)
    }

    fn serialize_u8(self, number: u8) -> Result<(), Refusal> {
        self.int(number.into())
    }

    fn serialize_u16(self, number: u16) -> Result<(), Refusal> {
        self.int(number.into())
    }

    /// An `int` of the contract that never is negative; one beyond its 32 bits goes out as a long rather than wrong.
    fn serialize_u32(self, number: u32) -> Result<(), Refusal> {
        match i32::try_from(number) {
            Ok(number) => self.int(number),
            Err(_) => self.long(number.into()),
        }
    }

    fn serialize_u64(self, number: u64) -> Result<(), Refusal> {
        self.long(i64::try_from(number).map_err(|_| Refusal::custom(format_args!("{number} is beyond 63 bits")))?)
    }

    fn serialize_f32(self, number: f32) -> Result<(), Refusal> {
        self.serialize_f64(number.into())
    }

    /// XML-RPC has no form for what is not finite; to write another number instead would be a lie.
    fn serialize_f64(self, number: f64) -> Result<(), Refusal> {
        if !number.is_finite() {
            return Err(Refusal::custom(format_args!("XML-RPC cannot carry the number {number}")));
        }
        self.out.push_str("<value><double>");
        push_double(self.out, number);
        self.out.push_str("</double></value>");
        Ok(())
    }

    fn serialize_char(self, character: char) -> Result<(), Refusal> {
        self.serialize_str(character.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, text: &str) -> Result<(), Refusal> {
        if self.is_time {
            return self.time(text);
        }
        self.out.push_str("<value><string>");
        push_escaped(self.out, text, self.dialect.bmp);
        self.out.push_str("</string></value>");
        Ok(())
    }

    fn collect_str<T: std::fmt::Display + ?Sized>(self, text: &T) -> Result<(), Refusal> {
        if self.is_time {
            return self.time(&text.to_string());
        }
        self.out.push_str("<value><string>");
        write!(Escape { out: self.out, bmp: self.dialect.bmp }, "{text}").map_err(Refusal::custom)?;
        self.out.push_str("</string></value>");
        Ok(())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Refusal> {
        self.out.push_str("<value><base64>");
        base64_simd::STANDARD.encode_append(bytes, self.out);
        self.out.push_str("</base64></value>");
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Refusal> {
        self.is_absent = true;
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Refusal> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Refusal> {
        self.serialize_none()
    }

    /// A record without fields.
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Refusal> {
        ser::SerializeStruct::end(self.open_struct())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, word: &'static str) -> Result<(), Refusal> {
        self.serialize_str(word)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<(), Refusal> {
        self.is_time = name == TIME_TOKEN;
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        word: &'static str,
        value: &T,
    ) -> Result<(), Refusal> {
        let mut members = self.open_struct();
        members.member(word, value)?;
        ser::SerializeStruct::end(members)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'a>, Refusal> {
        self.out.push_str("<value><array><data>");
        Ok(Items { out: self.out, dialect: self.dialect })
    }

    fn serialize_tuple(self, length: usize) -> Result<Items<'a>, Refusal> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Items<'a>, Refusal> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Refusal> {
        Err(Refusal::custom("the contract has no variants with several values"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Members<'a>, Refusal> {
        Ok(self.open_struct())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Members<'a>, Refusal> {
        Ok(self.open_struct())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Refusal> {
        Err(Refusal::custom("the contract has no variants with fields"))
    }
}

/// The items of an array.
struct Items<'a> {
    out: &'a mut String,
    dialect: Dialect,
}

impl Items<'_> {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refusal> {
        value.serialize(&mut Writer { out: self.out, dialect: self.dialect, is_time: false, is_absent: false })
    }

    fn close(self) -> Result<(), Refusal> {
        self.out.push_str("</data></array></value>");
        Ok(())
    }
}

macro_rules! items {
    ($($trait:ident :: $method:ident),*) => {$(
        impl ser::$trait for Items<'_> {
            type Ok = ();
            type Error = Refusal;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refusal> {
                self.item(value)
            }

            fn end(self) -> Result<(), Refusal> {
                self.close()
            }
        }
    )*};
}

items!(SerializeSeq::serialize_element, SerializeTuple::serialize_element, SerializeTupleStruct::serialize_field);

/// The members of a struct.
struct Members<'a> {
    out: &'a mut String,
    dialect: Dialect,
    /// The key of a map's entry whose value comes next.
    name: Option<String>,
}

impl Members<'_> {
    fn member<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Refusal> {
        let before = self.out.len();
        self.out.push_str("<member><name>");
        self.out.push_str(name);
        self.out.push_str("</name>");
        let mut writer = Writer { out: self.out, dialect: self.dialect, is_time: false, is_absent: false };
        value.serialize(&mut writer).map_err(|e| e.within(name))?;
        if writer.is_absent {
            self.out.truncate(before);
        } else {
            self.out.push_str("</member>");
        }
        Ok(())
    }
}

impl ser::SerializeStruct for Members<'_> {
    type Ok = ();
    type Error = Refusal;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Refusal> {
        self.member(name, value)
    }

    fn end(self) -> Result<(), Refusal> {
        self.out.push_str("</struct></value>");
        Ok(())
    }
}

impl ser::SerializeMap for Members<'_> {
    type Ok = ();
    type Error = Refusal;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, name: &T) -> Result<(), Refusal> {
        let name = serde_json::to_value(name).map_err(Refusal::custom)?;
        let name = name.as_str().ok_or_else(|| Refusal::custom("a member's name is a string"))?;
        let mut escaped = String::new();
        push_escaped(&mut escaped, name, self.dialect.bmp);
        self.name = Some(escaped);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refusal> {
        let name = self.name.take().ok_or_else(|| Refusal::custom("a value without a name"))?;
        self.member(&name, value)
    }

    fn end(self) -> Result<(), Refusal> {
        ser::SerializeStruct::end(self)
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;
    use crate::model::{Data, Time};

    fn written(input: &impl Serialize, long: Long) -> String {
        let mut out = String::new();
        value(&mut out, input, Dialect { long, bmp: false }).unwrap();
        out.replace("<value>", "").replace("</value>", "")
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
            response(&0, Dialect { long: Long::Apache, bmp: false }).unwrap().contains("<methodResponse xmlns:ex=")
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
        assert!(value(&mut String::new(), &None::<u8>, Dialect::default()).is_err());
    }

    #[test]
    fn what_xmlrpc_cannot_carry_is_refused_with_its_place() {
        let refused =
            value(&mut String::new(), &std::collections::HashMap::from([("x", f64::NAN)]), Dialect::default());
        assert_eq!(refused.unwrap_err().to_string(), "x: XML-RPC cannot carry the number NaN");
        assert!(value(&mut String::new(), &u64::MAX, Dialect::default()).is_err());
    }

    #[test]
    fn documents_begin_with_a_declaration() {
        let answer = fault(404, "no <such> id", Dialect::default());
        assert!(
            answer.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<methodResponse><fault><value><struct>")
        );
        assert!(answer.contains("<int>404</int>") && answer.contains("no &lt;such&gt; id"));
    }
}
