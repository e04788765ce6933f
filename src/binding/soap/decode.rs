//! The body of a SOAP message as records, pulled from the document while it is read.
//!
//! Our schema is qualified and ordered; what real stacks send is not always either, so unqualified fields and any order
//! are read. What the schema does not have is refused by name, and so is a field in a foreign namespace.

use std::borrow::Cow;

use serde::de::{self, DeserializeSeed, Deserializer, Error, IntoDeserializer, Visitor};

use super::{
    mtom::{Source, reference},
    names::{Element, Scope, Step},
};
use crate::{
    binding::refusal::{Mistake, Refusal, shown},
    model::BESIDE_TOKEN,
};

/// How what the record does not have is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rigour {
    /// Refused: the request of a caller, whose mistakes must not pass.
    Strict,
    /// Skipped, in whatever namespace: the answer of another node, to which a later version may have added.
    Lenient,
}

/// An element that has begun, whose content is read into whatever serde asks for.
pub struct Content<'r, 'a> {
    /// The document.
    pub scope: &'r mut Scope<'a>,
    /// The element.
    pub element: Element<'a>,
    /// What the record is called in messages; its own name, if none.
    pub record: Option<&'static str>,
    /// How unknown elements are taken.
    pub rigour: Rigour,
}

impl<'r, 'a> Content<'r, 'a> {
    fn number<T: std::str::FromStr>(self, want: &str) -> Result<T, Refusal> {
        let text = self.scope.text()?;
        text.trim().parse().map_err(|_| Refusal::ill_typed(want, shown(text.trim())))
    }

    fn whole(self) -> Result<i64, Refusal> {
        if self.rigour == Rigour::Strict {
            return self.number("a whole number");
        }
        let text = self.scope.text()?;
        let text = text.trim();
        text.parse().ok().or_else(|| integral(text)).ok_or_else(|| Refusal::ill_typed("a whole number", shown(text)))
    }

    fn double(self) -> Result<f64, Refusal> {
        let text = self.scope.text()?;
        match text.trim() {
            "INF" | "+INF" => Ok(f64::INFINITY),
            "-INF" => Ok(f64::NEG_INFINITY),
            "NaN" => Ok(f64::NAN),
            // Rust also reads `inf` and `infinity`, which XML Schema does not have.
            plain if plain.bytes().any(|byte| matches!(byte, b'n' | b'N' | b'y' | b'Y')) => {
                Err(Refusal::ill_typed("a number", shown(plain)))
            }
            plain => plain.parse().map_err(|_| Refusal::ill_typed("a number", shown(plain))),
        }
    }

    fn boolean(self) -> Result<bool, Refusal> {
        let text = self.scope.text()?;
        match text.trim() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            other => Err(Refusal::ill_typed("true or false", shown(other))),
        }
    }

    fn bytes(self) -> Result<Vec<u8>, Refusal> {
        if let Some(href) = reference(self.scope, &self.element)? {
            return match self.scope.parts.resolve(&href)? {
                Source::Here(bytes) => Ok(bytes.into()),
                Source::ToCome(_) => Err(Refusal::custom("the part has to come in front of the envelope")),
            };
        }
        let text = self.scope.text()?;
        let decoded = base64_simd::forgiving_decode_to_vec(text.as_bytes());
        decoded.map_err(|_| Refusal::new(Mistake::IllTyped, "the text is not base64"))
    }

    /// Bytes that may lie in a part that is still to come; only its name is read then.
    fn payload<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Refusal> {
        let Some(href) = reference(self.scope, &self.element)? else { return visitor.visit_newtype_struct(self) };
        match self.scope.parts.resolve(&href)? {
            Source::Here(bytes) => visitor.visit_byte_buf(bytes.into()),
            Source::ToCome(name) => visitor.visit_str(&name),
        }
    }

    fn fields(self, record: &'static str, known: Option<&'static [&'static str]>) -> Fields<'r, 'a> {
        let known = known.filter(|_| self.rigour == Rigour::Strict);
        Fields { scope: self.scope, record: self.record.unwrap_or(record), known, rigour: self.rigour, field: None }
    }
}

/// The whole number that a double stands for, as languages write it whose integers end at 32 bits.
fn integral(text: &str) -> Option<i64> {
    /// Beyond it a double names no single whole number.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let number: f64 = text.parse().ok()?;
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

fn visit_text<'a, V: Visitor<'a>>(text: Cow<'a, str>, visitor: V) -> Result<V::Value, Refusal> {
    match text {
        Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
        Cow::Owned(text) => visitor.visit_string(text),
    }
}

macro_rules! scalars {
    ($($method:ident $read:ident $visit:ident,)*) => {$(
        fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Refusal> {
            visitor.$visit(self.$read()?)
        }
    )*};
}

impl<'a> Deserializer<'a> for Content<'_, 'a> {
    type Error = Refusal;

    fn is_human_readable(&self) -> bool {
        false
    }

    scalars! {
        deserialize_i8 whole visit_i64,
        deserialize_i16 whole visit_i64,
        deserialize_i32 whole visit_i64,
        deserialize_i64 whole visit_i64,
        deserialize_u8 whole visit_i64,
        deserialize_u16 whole visit_i64,
        deserialize_u32 whole visit_i64,
        deserialize_u64 whole visit_i64,
        deserialize_f32 double visit_f64,
        deserialize_f64 double visit_f64,
        deserialize_bool boolean visit_bool,
        deserialize_bytes bytes visit_byte_buf,
        deserialize_byte_buf bytes visit_byte_buf,
    }

    /// Elements have no type of their own, so that only text can be meant.
    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visit_text(self.scope.text()?, visitor)
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(self, token: &'static str, visitor: V) -> Result<V::Value, Refusal> {
        if token == BESIDE_TOKEN { self.payload(visitor) } else { visitor.visit_newtype_struct(self) }
    }

    /// A list that begins with this element; the others of its name follow it.
    fn deserialize_seq<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Refusal> {
        let Self { scope, element, rigour, .. } = self;
        visitor.visit_seq(Items { scope, first: Some(element), name: element.local(), rigour, index: 0 })
    }

    fn deserialize_unit<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.scope.skip()?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'a>>(self, name: &'static str, visitor: V) -> Result<V::Value, Refusal> {
        match self.fields(name, Some(&[])).next_field()? {
            None => visitor.visit_unit(),
            Some(_) => Err(Refusal::custom("the record has no fields")),
        }
    }

    fn deserialize_map<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_map(self.fields("the record", None))
    }

    fn deserialize_struct<V: Visitor<'a>>(
        self,
        name: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        visitor.visit_map(self.fields(name, Some(known)))
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        let word = self.scope.text()?;
        visitor.visit_enum(word.trim().into_deserializer())
    }

    fn deserialize_ignored_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.deserialize_unit(visitor)
    }

    serde::forward_to_deserialize_any! { <V: Visitor<'a>> char string identifier tuple tuple_struct }
}

/// The fields of a record, in the caller's order.
struct Fields<'r, 'a> {
    scope: &'r mut Scope<'a>,
    record: &'static str,
    known: Option<&'static [&'static str]>,
    rigour: Rigour,
    field: Option<Element<'a>>,
}

impl<'a> Fields<'_, 'a> {
    /// The next field that is not nil; none at the end of the record.
    fn next_field(&mut self) -> Result<Option<&'a str>, Refusal> {
        loop {
            let Step::Open(element) = self.scope.next()? else { return Ok(None) };
            let name = element.local();
            if self.rigour == Rigour::Strict && !element.is_field() {
                let space = self.scope.uri(element.tag.prefix()).unwrap_or_default();
                return Err(Refusal::custom(format_args!(
                    "{} is in the foreign namespace {}",
                    shown(name),
                    shown(space)
                )));
            }
            if let Some(known) = self.known
                && !known.contains(&name)
            {
                return Err(Refusal::unknown("element", name, self.record, known));
            }
            if !element.is_nil {
                self.field = Some(element);
                return Ok(Some(name));
            }
            self.scope.skip()?;
        }
    }
}

impl<'a> de::MapAccess<'a> for Fields<'_, 'a> {
    type Error = Refusal;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, Refusal> {
        let field = self.next_field()?;
        field.map(|name| seed.deserialize(de::value::BorrowedStrDeserializer::new(name))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, Refusal> {
        let element = self.field.take().ok_or_else(|| Refusal::custom("a field was read twice"))?;
        let content = Content { scope: &mut *self.scope, element, record: None, rigour: self.rigour };
        seed.deserialize(content).map_err(|e| e.within(element.local()))
    }
}

/// The elements of one name that follow each other: a list.
struct Items<'r, 'a> {
    scope: &'r mut Scope<'a>,
    first: Option<Element<'a>>,
    name: &'a str,
    rigour: Rigour,
    index: usize,
}

impl<'a> Items<'_, 'a> {
    fn next_item(&mut self) -> Result<Option<Element<'a>>, Refusal> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        while self.scope.continues_with(self.name)? {
            let Step::Open(element) = self.scope.next()? else { break };
            if self.rigour == Rigour::Strict && !element.is_field() {
                return Err(Refusal::custom("the element is in a foreign namespace"));
            }
            if !element.is_nil {
                return Ok(Some(element));
            }
            self.scope.skip()?;
        }
        Ok(None)
    }
}

impl<'a> de::SeqAccess<'a> for Items<'_, 'a> {
    type Error = Refusal;

    fn next_element_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<Option<T::Value>, Refusal> {
        let index = self.index;
        let Some(element) = self.next_item().map_err(|e| e.at(index))? else { return Ok(None) };
        self.index += 1;
        let content = Content { scope: &mut *self.scope, element, record: None, rigour: self.rigour };
        seed.deserialize(content).map(Some).map_err(|e| e.at(index))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::model::{Data, Limits, Time, TransferState};

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Record {
        text: Option<String>,
        number: Option<i32>,
        long: u64,
        flag: bool,
        tags: Vec<String>,
        inner: Vec<Inner>,
        data: Option<Data>,
        time: Option<Time>,
        state: Option<TransferState>,
        score: f64,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        name: String,
    }

    fn read(fields: &str) -> Result<Record, String> {
        let text = format!(
            "<r xmlns='urn:peergate:v1' xmlns:x='urn:x' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'>{fields}</r>"
        );
        let mut scope = Scope::new(&text, &Limits::default());
        let Step::Open(element) = scope.next().unwrap() else { panic!("no element") };
        let content = Content { scope: &mut scope, element, record: Some("test.read"), rigour: Rigour::Strict };
        let record = Record::deserialize(content).map_err(|e| e.to_string())?;
        scope.finish().map_err(|e| e.to_string())?;
        Ok(record)
    }

    #[test]
    fn fields_are_read_in_any_order_and_qualified_or_not() {
        let record = read(
            "<score>1.5E3</score> <tags xmlns=''>a</tags><tags>b &amp; <![CDATA[<c>]]></tags><!-- --><number> +5 </number>\
             <inner><name xsi:type='x:string'> n </name></inner><flag>1</flag><data>aGVs\n bG8=</data>\
             <time>2026-11-22T06:49:55.120Z</time><state>queued</state><text>&#xD83D;&#xDE00;</text>",
        );
        let want = Record {
            text: Some("😀".into()),
            number: Some(5),
            flag: true,
            tags: vec!["a".into(), "b & <c>".into()],
            inner: vec![Inner { name: " n ".into() }],
            data: Some(Data(b"hello"[..].into())),
            time: Some("2026-11-22T06:49:55.120Z".parse().unwrap()),
            state: Some(TransferState::Queued),
            score: 1500.0,
            ..Record::default()
        };
        assert_eq!(record, Ok(want));
    }

    #[test]
    fn a_list_that_is_written_for_people_has_white_space_between_its_items() {
        let record = read("<tags>a</tags>\n  <tags>b</tags>\n  <data>\n aGk= </data>\n  <tags>c</tags>");
        assert!(record.unwrap_err().contains("tags: the field is given twice"));
        let record =
            read("\n<data>\n aGk= </data>\n  <tags>a</tags>\n  <tags>b</tags>\n  <number>1</number>\n").unwrap();
        assert_eq!((record.tags, record.number), (vec!["a".to_owned(), "b".to_owned()], Some(1)));
    }

    #[test]
    fn a_nil_field_is_an_absent_one() {
        let record =
            read("<text xsi:nil='true'/><long xsi:nil='1'></long><tags>a</tags><tags xsi:nil='true'/><tags>b</tags>");
        assert_eq!(record, Ok(Record { tags: vec!["a".into(), "b".into()], ..Record::default() }));
        assert_eq!(read("<text/>").unwrap().text, Some(String::new()));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (fields, expected) in [
            ("<limt>1</limt>", "unknown element \"limt\"; test.read takes text, number"),
            ("<x:text>1</x:text>", "\"text\" is in the foreign namespace \"urn:x\""),
            ("<number>five</number>", "number: want a whole number, got \"five\""),
            ("<number>5000000000</number>", "number: want an int of 32 bits"),
            ("<long>-1</long>", "long: want a long of 64 bits, not negative"),
            ("<text>a</text><text>b</text>", "text: the field is given twice"),
            ("<inner><name>a</name></inner><inner/>", "inner[1].name: the field is missing"),
            ("<inner><x/></inner>", "inner[0]: unknown element \"x\"; Inner takes name"),
            ("<flag>yes</flag>", "flag: want true or false, got \"yes\""),
            ("<data>***</data>", "data: the text is not base64"),
            ("<time>now</time>", "time: \"now\" is no time"),
            ("<state>gone</state>", "state: \"gone\" is none of queued, active"),
            ("<score>inf</score>", "score: want a number, got \"inf\""),
            ("<text><b/></text>", "text: want text alone, got <b>"),
            ("junk", "text \"junk\" where an element was expected"),
        ] {
            let refused = read(fields).unwrap_err();
            assert!(refused.starts_with(expected), "{fields}: {refused}");
        }
    }
}
