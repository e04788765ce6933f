//! JSON to XML-RPC's values and back, led by the contract's description of each field.
//!
//! JSON alone cannot say that a text is a moment or base64, and XML-RPC writes a long as a double where it must; the
//! description knows. Verbs and `call` go the same way: records are JSON first.

use dxr::Value;
use serde_json::{Map, Number, Value as Json};

use crate::{
    model::Time,
    operation::{
        CONTRACT,
        describe::{Description, Field, Type},
    },
};

/// Doubles hold whole numbers exactly up to here.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The parameters of a call: one struct that holds every field, or none for an input without fields.
///
/// # Errors
/// A sentence that names the field that does not fit its type.
pub fn to_params(operation: &Description, input: &Json) -> Result<Vec<Value>, String> {
    let Json::Object(members) = input else { return Err(format!("{} takes a JSON object", operation.name)) };
    let mut structure = std::collections::BTreeMap::new();
    for (name, json) in members.iter().filter(|(_, json)| !json.is_null()) {
        let field = operation.input.fields.iter().find(|field| field.name == *name);
        let value = to_value(field, json).map_err(|reason| format!("{name} {reason}"))?;
        structure.insert(name.clone(), value);
    }
    Ok(if structure.is_empty() { Vec::new() } else { vec![Value::Struct(structure)] })
}

fn to_value(field: Option<&Field>, json: &Json) -> Result<Value, String> {
    Ok(match json {
        Json::Array(items) => Value::Array(items.iter().map(|item| to_value(field, item)).collect::<Result<_, _>>()?),
        Json::String(text) => match field.map(|field| &field.kind) {
            Some(Type::Bytes) => Value::Base64(
                base64_simd::forgiving_decode_to_vec(text.as_bytes()).map_err(|_| "is not base64".to_owned())?,
            ),
            Some(Type::Time) => moment(text)?,
            _ => Value::String(text.chars().map(carried).collect()),
        },
        Json::Bool(boolean) => Value::Boolean(*boolean),
        Json::Number(number) => match (number.as_i64(), field.map(|field| &field.kind)) {
            (Some(whole), Some(Type::Double)) => Value::Double(whole as f64),
            (Some(whole), _) => i32::try_from(whole).map_or(Value::Long(whole), Value::Integer),
            (None, _) if number.is_u64() => return Err(format!("{number} is more than a long holds")),
            (None, _) => Value::Double(number.as_f64().unwrap_or_default()),
        },
        Json::Object(members) => {
            let pair = |(name, json): (&String, &Json)| Ok((name.clone(), to_value(None, json)?));
            Value::Struct(members.iter().map(pair).collect::<Result<_, String>>()?)
        }
        Json::Null => Value::Nil,
    })
}

fn moment(text: &str) -> Result<Value, String> {
    let time: Time = text.parse()?;
    // XML-RPC's form is RFC 3339 without dashes, fraction and zone; a Time is always UTC.
    let compact: String = time.to_string().chars().take(19).filter(|&c| c != '-').collect();
    compact.parse().map(Value::DateTime).map_err(|_| format!("{text:?} is out of XML-RPC's range"))
}

/// The character, or U+FFFD for one that XML cannot carry, which dxr would write as it is.
fn carried(character: char) -> char {
    match character {
        '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'.. => character,
        _ => char::REPLACEMENT_CHARACTER,
    }
}

/// A record as JSON, its members in the contract's order; what the contract does not know comes last.
pub fn to_json(record: &str, value: Value) -> Json {
    let Value::Struct(mut members) = value else { return item(None, value) };
    let mut object = Map::new();
    for field in CONTRACT.record(record).into_iter().flat_map(|record| &record.fields) {
        if let Some(value) = members.remove(&field.name) {
            object.insert(field.name.clone(), item(Some(&field.kind), value));
        }
    }
    object.extend(members.into_iter().map(|(name, value)| (name, item(None, value))));
    Json::Object(object)
}

fn item(kind: Option<&Type>, value: Value) -> Json {
    match (value, kind) {
        (Value::Array(items), _) => items.into_iter().map(|value| item(kind, value)).collect(),
        (value @ Value::Struct(_), Some(Type::Record(name))) => to_json(name, value),
        (value @ Value::Struct(_), _) => to_json("", value),
        (Value::Double(number), Some(Type::Long | Type::Int)) if number.fract() == 0.0 && number.abs() <= EXACT => {
            Json::from(number as i64)
        }
        (Value::String(text), Some(Type::Long | Type::Int)) => {
            text.parse::<i64>().map_or(Json::String(text), Json::from)
        }
        (Value::Integer(number), Some(Type::Double)) => Json::from(f64::from(number)),
        (Value::Integer(number), _) => Json::from(number),
        (Value::Long(number), _) => Json::from(number),
        (Value::Double(number), _) => Number::from_f64(number).map_or(Json::Null, Json::Number),
        (Value::Boolean(boolean), _) => Json::Bool(boolean),
        (Value::String(text), _) => Json::String(text),
        (Value::DateTime(moment), _) => {
            let text = moment.to_string();
            Json::String(text.parse::<Time>().map_or(text, |time| time.to_string()))
        }
        (Value::Base64(bytes), _) => Json::String(base64_simd::STANDARD.encode_to_string(bytes)),
        (_, _) => Json::Null,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::operation::{Operation, REGISTRY, content, search};

    #[test]
    fn one_struct_holds_everything_and_an_empty_input_is_no_parameter() {
        let find = REGISTRY.find("search.find").unwrap();
        let params =
            to_params(find, &json!({"query": "a\u{1b}b", "tags": ["x"], "minSize": 5_000_000_000_u64})).unwrap();
        let [Value::Struct(members)] = params.as_slice() else { panic!("{params:?}") };
        assert_eq!(members["query"], Value::String("a\u{fffd}b".into()));
        assert_eq!(members["tags"], Value::Array(vec![Value::String("x".into())]));
        assert_eq!(members["minSize"], Value::Long(5_000_000_000));
        assert!(to_params(REGISTRY.find("node.info").unwrap(), &json!({})).unwrap().is_empty());
    }

    #[test]
    fn bytes_travel_as_base64() {
        let publish = REGISTRY.find(content::Publish::NAME).unwrap();
        let params = to_params(publish, &json!({"name": "n", "data": "aGVsbG8="})).unwrap();
        let [Value::Struct(members)] = params.as_slice() else { panic!("{params:?}") };
        assert_eq!(members["data"], Value::Base64(b"hello".to_vec()));
        assert!(to_params(publish, &json!({"data": "%"})).unwrap_err().starts_with("data "));
    }

    #[test]
    fn answers_become_their_records_whatever_form_a_long_has() {
        let example = CONTRACT.example(CONTRACT.record("SearchResult").unwrap());
        let find = REGISTRY.find("search.find").unwrap();
        let mut value = to_value(None, &example).unwrap();
        let Value::Struct(members) = &mut value else { panic!() };
        let Some(Value::Array(hits)) = members.get_mut("hits") else { panic!() };
        let Value::Struct(hit) = &mut hits[0] else { panic!() };
        hit.insert("modified".into(), Value::DateTime("20261122T06:49:55".parse().unwrap()));
        for size in [Value::Double(5e9), Value::Long(5_000_000_000), Value::String("5000000000".into())] {
            let Value::Struct(members) = &mut value else { panic!() };
            let Some(Value::Array(hits)) = members.get_mut("hits") else { panic!() };
            let Value::Struct(hit) = &mut hits[0] else { panic!() };
            hit.insert("size".into(), size);
            let read: search::SearchResult = serde_json::from_value(to_json(&find.output, value.clone())).unwrap();
            assert_eq!(read.hits[0].size, 5_000_000_000);
            assert_eq!(read.hits[0].modified.unwrap().to_string(), "2026-11-22T06:49:55Z");
        }
    }
}
