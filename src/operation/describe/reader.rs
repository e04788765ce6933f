//! Reads the description of an operation off the JSON Schemas that schemars derives from its records.

use std::collections::{BTreeSet, HashMap};

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::Value as Json;

use super::{Contract, Description, Enumeration, Field, Record, Type};
use crate::operation::{Operation, meter::Meter};

/// Collects the descriptions of operations into a [`Contract`].
pub struct Describer {
    /// Holds the definitions of all output records; what an answer always holds is required.
    outputs: SchemaGenerator,
    /// Enumerations that inputs hold.
    enumerations: Vec<Enumeration>,
}

impl Default for Describer {
    fn default() -> Self {
        let outputs = SchemaSettings::draft2020_12().for_serialize().into_generator();
        Self { outputs, enumerations: Vec::new() }
    }
}

impl Describer {
    /// Describes one operation.
    pub fn operation<O: Operation>(&mut self) -> Description {
        self.describe::<O, O::Output>(O::NAME, O::HAS_EFFECT)
    }

    /// Describes an operation by its name and its records.
    pub fn describe<I: JsonSchema, O: JsonSchema>(&mut self, name: &'static str, has_effect: bool) -> Description {
        let schema = SchemaSettings::draft2020_12().for_deserialize().into_generator().into_root_schema_for::<I>();
        let element = element_name(name);
        let output = reference(self.outputs.subschema_for::<O>().as_value()).unwrap_or_default();
        let mut schema = schema.to_value();
        if let Some(object) = schema.as_object_mut() {
            object.remove("$schema");
            object.insert("title".into(), element.clone().into());
        }
        drop_null(&mut schema);
        let inner = enumerations(&schema["$defs"]);
        let mut input = record(&element, &schema, &|name| inner.iter().any(|enumeration| enumeration.name == name));
        for field in input.fields.iter_mut().filter(|field| field.list) {
            let required = schema["required"].as_array().into_iter().flatten();
            field.required = required.into_iter().any(|name| *name == field.name);
        }
        self.enumerations.extend(inner);
        Description { name, element, has_effect, input, output, schema, meter: Meter::new(name) }
    }

    /// The contract of these operations and of all records that they answer.
    pub fn finish(mut self, operations: Vec<Description>) -> Contract {
        let mut schemas = self.outputs.take_definitions(true);
        schemas.values_mut().for_each(drop_null);
        let is_enumeration = |name: &str| schemas.get(name).is_some_and(|schema| words(schema).is_some());
        let mut contract = Contract {
            by_name: operations.iter().enumerate().map(|(i, operation)| (operation.name, i)).collect(),
            by_element: operations.iter().enumerate().map(|(i, operation)| (operation.element.clone(), i)).collect(),
            records: Vec::new(),
            enumerations: Vec::new(),
            schemas: schemas.clone(),
            operations,
        };
        let by_name: HashMap<&String, Record> =
            schemas.iter().map(|(name, schema)| (name, record(name, schema, &is_enumeration))).collect();
        let mut seen = BTreeSet::new();
        for operation in &contract.operations {
            place(&operation.output, &by_name, &mut seen, &mut contract.records);
        }
        contract.enumerations = enumerations(&Json::Object(schemas));
        for enumeration in self.enumerations {
            if contract.enumeration(&enumeration.name).is_none() {
                contract.enumerations.push(enumeration);
            }
        }
        contract
    }
}

/// The enumerations among definitions.
fn enumerations(definitions: &Json) -> Vec<Enumeration> {
    let all = definitions.as_object().into_iter().flatten();
    let one = |(name, schema): (&String, &Json)| {
        words(schema).map(|values| Enumeration { name: name.clone(), doc: doc(schema), values })
    };
    all.filter_map(one).collect()
}

/// `search.find` as `SearchFind`: the element of an operation of that name.
pub fn element_name(name: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
    };
    name.split('.').map(capital).collect()
}

/// Appends a record after those that it holds.
fn place(name: &String, by_name: &HashMap<&String, Record>, seen: &mut BTreeSet<String>, records: &mut Vec<Record>) {
    let Some(record) = by_name.get(name) else { return };
    if !seen.insert(name.clone()) {
        return;
    }
    for field in &record.fields {
        if let Type::Record(inner) = &field.kind {
            place(inner, by_name, seen, records);
        }
    }
    records.push(record.clone());
}

fn record(name: &str, schema: &Json, is_enumeration: &dyn Fn(&str) -> bool) -> Record {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    let fields = schema["properties"].as_object().into_iter().flatten();
    let fields = fields.map(|(name, schema)| field(name, schema, required.contains(&name.as_str()), is_enumeration));
    Record { name: name.to_owned(), doc: doc(schema), fields: fields.collect() }
}

fn field(name: &str, schema: &Json, required: bool, is_enumeration: &dyn Fn(&str) -> bool) -> Field {
    let list = schema["type"] == "array";
    let item = if list { &schema["items"] } else { schema };
    let example = [schema, item].into_iter().find_map(|schema| schema["examples"].get(0)).cloned();
    Field {
        name: name.to_owned(),
        doc: doc(schema),
        kind: kind(item, is_enumeration),
        list,
        required: required && !list,
        default: schema.get("default").filter(|default| !list && !default.is_null()).cloned(),
        minimum: item["minimum"].as_i64(),
        maximum: item["maximum"].as_i64(),
        example,
    }
}

/// Takes `null` out of a schema and all that it holds: an optional field is absent when unknown, never null.
fn drop_null(schema: &mut Json) {
    let is_null = |schema: &Json| schema["type"] == "null";
    if let Some(types) = schema["type"].as_array()
        && let Some(one) = types.iter().find(|name| **name != "null").cloned()
    {
        schema["type"] = one;
    }
    if let Some(choices) = schema["anyOf"].as_array()
        && choices.iter().any(is_null)
        && let Some(Json::Object(one)) = choices.iter().find(|choice| !is_null(choice)).cloned()
        && let Some(object) = schema.as_object_mut()
    {
        object.remove("anyOf");
        object.extend(one);
    }
    if schema["default"].is_null()
        && let Some(object) = schema.as_object_mut()
    {
        object.remove("default");
    }
    match schema {
        Json::Object(members) => members.values_mut().for_each(drop_null),
        Json::Array(items) => items.iter_mut().for_each(drop_null),
        _ => {}
    }
}

fn kind(schema: &Json, is_enumeration: &dyn Fn(&str) -> bool) -> Type {
    if let Some(name) = reference(schema) {
        return if is_enumeration(&name) { Type::Enumeration(name) } else { Type::Record(name) };
    }
    match (schema["type"].as_str().unwrap_or_default(), schema["format"].as_str().unwrap_or_default()) {
        ("string", "date-time") => Type::Time,
        ("string", _) if schema["contentEncoding"] == "base64" => Type::Bytes,
        ("boolean", _) => Type::Boolean,
        ("integer", "int64" | "uint64" | "uint") => Type::Long,
        ("integer", _) => Type::Int,
        ("number", _) => Type::Double,
        _ => Type::String,
    }
}

fn reference(schema: &Json) -> Option<String> {
    schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()).map(str::to_owned)
}

/// The words of an enumeration, each with its documentation.
fn words(schema: &Json) -> Option<Vec<(String, String)>> {
    if let Some(plain) = schema["enum"].as_array() {
        return plain.iter().map(|word| Some((word.as_str()?.to_owned(), String::new()))).collect();
    }
    let choices = schema["oneOf"].as_array()?;
    choices.iter().map(|choice| Some((choice["const"].as_str()?.to_owned(), doc(choice)))).collect()
}

/// The documentation as paragraphs: a line break within one is only the source file's.
fn doc(schema: &Json) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    let paragraphs = text.split("\n\n").map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "));
    paragraphs.filter(|paragraph| !paragraph.is_empty()).collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use crate::operation::{CONTRACT, REGISTRY, describe::Type};

    fn field(operation: &str, name: &str) -> crate::operation::describe::Field {
        let fields = &REGISTRY.find(operation).unwrap().input.fields;
        fields.iter().find(|field| field.name == name).unwrap().clone()
    }

    #[test]
    fn types_ranges_and_defaults_come_from_the_records() {
        let limit = field("search.find", "limit");
        assert_eq!((limit.kind, limit.minimum, limit.maximum), (Type::Int, Some(1), Some(200)));
        assert_eq!(limit.default, Some(20.into()));
        assert!(!limit.required);
        assert!(field("search.find", "query").required);
        assert_eq!(field("search.find", "minSize").kind, Type::Long);
        assert_eq!(field("content.publish", "data").kind, Type::Bytes);
        let tags = field("content.update", "tags");
        assert!(tags.list && !tags.required);
        let topics = field("event.subscribe", "topics");
        assert!(topics.list && topics.required);
        let binding = field("event.subscribe", "callbackBinding");
        assert_eq!((binding.kind, binding.required), (Type::Enumeration("CallbackBinding".into()), false));
    }

    #[test]
    fn a_record_stands_after_those_that_it_holds() {
        let place = |name: &str| CONTRACT.records.iter().position(|record| record.name == name).unwrap();
        assert!(place("Hit") < place("SearchResult"));
        assert!(place("Limit") < place("NodeInfo"));
        assert!(CONTRACT.enumeration("TransferState").is_some_and(|words| words.values.len() == 6));
    }

    #[test]
    fn every_operation_record_and_field_is_documented() {
        for operation in &CONTRACT.operations {
            assert!(!operation.summary().is_empty(), "{}", operation.name);
            assert!(CONTRACT.record(&operation.output).is_some(), "{}", operation.name);
            assert_eq!(REGISTRY.find_element(&operation.element).map(|found| found.name), Some(operation.name));
        }
        let inputs = CONTRACT.operations.iter().map(|operation| &operation.input);
        for record in CONTRACT.records.iter().chain(inputs) {
            for field in &record.fields {
                assert!(!field.doc.is_empty(), "{}.{}", record.name, field.name);
            }
        }
    }

    #[test]
    fn examples_are_inputs_of_their_operations() {
        struct Reads;
        impl crate::operation::Visitor for Reads {
            fn visit<O: crate::operation::Operation>(&mut self) {
                let operation = REGISTRY.find(O::NAME).unwrap();
                for example in [operation.example_request(&CONTRACT), operation.example_full_request(&CONTRACT)] {
                    let read: Result<O, _> = serde_json::from_value(example.clone());
                    assert!(read.is_ok(), "{} {example}: {:?}", O::NAME, read.err());
                }
                let answer = operation.example_answer(&CONTRACT);
                let read: Result<O::Output, _> = serde_json::from_value(answer.clone());
                assert!(read.is_ok(), "{} {answer}: {:?}", O::NAME, read.err());
            }
        }
        crate::operation::visit(&mut Reads);
    }
}
