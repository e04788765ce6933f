//! The contract as data: what the records, their documentation and the registry say, in the contract's own terms.
//!
//! WSDL, XML-RPC signatures, OpenAPI, the manual and the command line are renderings of this and of nothing else.

mod example;
mod manual;
mod reader;

use std::collections::HashMap;

use serde_json::Value as Json;

pub use reader::{Describer, element_name};

use super::meter::Meter;

/// What all actions begin with.
const ACTIONS: &str = "urn:peergate:v1/";

/// Everything that is described, in the order of the registry.
pub struct Contract {
    /// The operations.
    pub operations: Vec<Description>,
    /// The records that operations answer and that they hold, each before it is used.
    pub records: Vec<Record>,
    /// The enumerations that records hold.
    pub enumerations: Vec<Enumeration>,
    /// The JSON Schemas of records and enumerations, by name.
    pub schemas: serde_json::Map<String, Json>,
    pub(super) by_name: HashMap<&'static str, usize>,
    pub(super) by_element: HashMap<String, usize>,
}

/// One operation.
pub struct Description {
    /// `search.find`.
    pub name: &'static str,
    /// `SearchFind`: the SOAP operation and body element; its answer is `SearchFindResponse`.
    pub element: String,
    /// Whether it changes anything.
    pub has_effect: bool,
    /// The fields that it takes, in order, and its documentation. Named as the element.
    pub input: Record,
    /// The name of the record that it answers.
    pub output: String,
    /// The JSON Schema of the input.
    pub schema: Json,
    /// Counts its calls.
    pub meter: Meter,
}

/// A record: named fields in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its name.
    pub name: String,
    /// Its documentation: paragraphs, separated by an empty line.
    pub doc: String,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// One field of a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name on every wire.
    pub name: String,
    /// Its documentation.
    pub doc: String,
    /// Its type, or that of each item when it is a list.
    pub kind: Type,
    /// Whether it is a `T[]`.
    pub list: bool,
    /// Whether it must be there. A list of an answer is never required: an absent one is an empty one.
    pub required: bool,
    /// What is meant when it is absent, where that can be said as a value.
    pub default: Option<Json>,
    /// The least value, for numbers with a stated range.
    pub minimum: Option<i64>,
    /// The greatest value.
    pub maximum: Option<i64>,
    /// A value that a manual can show.
    pub example: Option<Json>,
}

/// A contract type (section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// Unicode text.
    String,
    /// True or false.
    Boolean,
    /// 32 bits.
    Int,
    /// 64 bits.
    Long,
    /// A floating-point number.
    Double,
    /// A moment in UTC.
    Time,
    /// Bytes.
    Bytes,
    /// Another record, by name.
    Record(String),
    /// One of a few words, by the enumeration's name.
    Enumeration(String),
}

/// A closed list of words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enumeration {
    /// Its name.
    pub name: String,
    /// Its documentation.
    pub doc: String,
    /// The words, each with its documentation.
    pub values: Vec<(String, String)>,
}

impl Contract {
    /// The record of that name.
    pub fn record(&self, name: &str) -> Option<&Record> {
        self.records.iter().find(|record| record.name == name)
    }

    /// The enumeration of that name.
    pub fn enumeration(&self, name: &str) -> Option<&Enumeration> {
        self.enumerations.iter().find(|enumeration| enumeration.name == name)
    }
}

/// `urn:peergate:v1/SearchFind`: the action of the request with that element.
pub fn action_name(element: &str) -> String {
    [ACTIONS, element].concat()
}

impl Description {
    /// The service, `search`.
    pub fn service(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(service, _)| service)
    }

    /// The operation within its service, `find`.
    pub fn operation(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(_, operation)| operation)
    }

    /// The first paragraph of its documentation.
    pub fn summary(&self) -> &str {
        self.input.doc.split("\n\n").next().unwrap_or_default()
    }

    /// The fields that must be there, in order: XML-RPC's positional parameters.
    pub fn required(&self) -> impl Iterator<Item = &Field> {
        self.input.fields.iter().filter(|field| field.required)
    }

    /// The fields that may be left out, in order: the members of XML-RPC's options struct.
    pub fn optional(&self) -> impl Iterator<Item = &Field> {
        self.input.fields.iter().filter(|field| !field.required)
    }

    /// The action of the request (WS-Addressing and SOAPAction): `urn:peergate:v1/SearchFind`.
    pub fn action(&self) -> String {
        action_name(&self.element)
    }

    /// The action of the answer.
    pub fn answer_action(&self) -> String {
        [ACTIONS, &self.element, "Response"].concat()
    }

    /// Whether this is the action of the request.
    pub fn is_action(&self, action: &str) -> bool {
        action.strip_prefix(ACTIONS) == Some(&*self.element)
    }
}
