//! catalog.search and catalog.read as this node says and reads them (contract, section 9).
//!
//! What is read is more lenient than what `operation::catalog` describes for those who write a catalogue: whatever can be
//! left out is optional here, and a number that makes no sense spoils its entry and not the page.

use serde::{Deserialize, Serialize};

use crate::{
    model::{Payload, Time},
    overlay::remote::Method,
};

/// Finds entries.
pub const SEARCH: Method = Method { name: "catalog.search", required: &["query", "limit"] };
/// Reads a part of an entry's bytes.
pub const READ: Method = Method { name: "catalog.read", required: &["entryId", "offset", "length"] };

/// The input of [`SEARCH`].
#[derive(Debug, Serialize)]
pub struct Search<'a> {
    pub query: &'a str,
    pub limit: u32,
}

/// The input of [`READ`].
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Read<'a> {
    pub entry_id: &'a str,
    pub offset: u64,
    pub length: u32,
}

/// What [`SEARCH`] answers.
#[derive(Debug, Default, Deserialize)]
pub struct Page {
    #[serde(default)]
    pub entries: Vec<Entry>,
}

/// One entry.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Entry {
    pub entry_id: String,
    pub name: String,
    pub size: Option<i64>,
    pub media_type: Option<String>,
    pub description: Option<String>,
    pub tags: Vec<String>,
    pub modified: Option<Time>,
}

/// What [`READ`] answers.
#[derive(Debug, Deserialize)]
pub struct Chunk {
    /// Absent from several systems when there are no bytes.
    pub data: Option<Payload>,
    pub offset: i64,
    pub size: i64,
    pub eof: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::catalog::CATALOG;

    #[test]
    fn the_methods_are_those_that_are_described() {
        for (method, operation) in [SEARCH, READ].iter().zip(&CATALOG.operations) {
            let fields: Vec<_> = operation.input.fields.iter().map(|field| field.name.as_str()).collect();
            assert_eq!((method.name, method.required), (operation.name, &fields[..]));
        }
        let sent = serde_json::to_value(Read { entry_id: "x", offset: 1, length: 2 }).unwrap();
        assert_eq!(sent, serde_json::json!({ "entryId": "x", "offset": 1, "length": 2 }));
    }

    #[test]
    fn what_the_description_answers_is_read() {
        let example = |place: usize| CATALOG.operations[place].example_answer(&CATALOG);
        let page: Page = serde_json::from_value(example(0)).unwrap();
        assert!(page.entries.iter().all(|entry| entry.size.is_some() && !entry.entry_id.is_empty()));
        let chunk: Chunk = serde_json::from_value(example(1)).unwrap();
        assert!(chunk.data.is_some());
    }
}
