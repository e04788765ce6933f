//! A plausible value for every record, made from its description: for manuals, forms and the tests that walk all
//! operations.

use serde_json::{Map, Value as Json, json};

use super::{Contract, Description, Field, Record, Type};

impl Description {
    /// An input with the required fields only.
    pub fn example_request(&self, contract: &Contract) -> Json {
        object(contract, self.required())
    }

    /// An input with every field.
    pub fn example_full_request(&self, contract: &Contract) -> Json {
        object(contract, self.input.fields.iter())
    }

    /// An answer with every field.
    pub fn example_answer(&self, contract: &Contract) -> Json {
        contract.record(&self.output).map_or(Json::Null, |record| contract.example(record))
    }
}

impl Contract {
    /// A value of the record with every field.
    pub fn example(&self, record: &Record) -> Json {
        object(self, record.fields.iter())
    }
}

fn object<'a>(contract: &Contract, fields: impl Iterator<Item = &'a Field>) -> Json {
    Json::Object(fields.map(|field| (field.name.clone(), value(contract, field))).collect::<Map<_, _>>())
}

/// The value of one field; a list has one item.
pub fn value(contract: &Contract, field: &Field) -> Json {
    if let Some(example) = field.example.as_ref().or(field.default.as_ref()) {
        return if field.list && !example.is_array() { json!([example]) } else { example.clone() };
    }
    let item = match &field.kind {
        Type::String => json!("text"),
        Type::Boolean => json!(true),
        Type::Int | Type::Long => json!(field.minimum.unwrap_or(0).max(1)),
        Type::Double => json!(0.5),
        Type::Time => json!("2026-11-22T06:49:55Z"),
        Type::Bytes => json!("aGVsbG8="),
        Type::Record(name) => contract.record(name).map_or(Json::Null, |record| contract.example(record)),
        Type::Enumeration(name) => contract
            .enumeration(name)
            .and_then(|words| words.values.first())
            .map_or(Json::Null, |(word, _)| json!(word)),
    };
    if field.list { json!([item]) } else { item }
}
