//! `catalog.search` and `catalog.read`: what a legacy system answers and this node calls (contract, section 9).
//!
//! They are described as the node's own operations are, so that a legacy system can generate its side from the WSDL. An
//! overlay of kind `catalog` makes what it answers searchable and fetchable for every peer.

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    content::Chunk,
    describe::{Contract, Describer},
};
use crate::model::Time;

/// Answers the entries that match, best first.
///
/// The query is words, parted by spaces, all of which should match an entry's name, description or tags, whatever their
/// case. A system that finds nothing answers an empty list.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Search {
    /// The words.
    #[schemars(example = &"annual report")]
    pub query: String,
    /// Most entries wanted.
    #[schemars(example = 20)]
    pub limit: u32,
}

/// The entries that were found.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CatalogPage {
    /// The entries, best first.
    #[serde(default)]
    pub entries: Vec<CatalogEntry>,
}

/// One entry of a legacy catalogue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CatalogEntry {
    /// What names the entry in the catalogue, for catalog.read. It stays the same while the entry is the same.
    pub entry_id: String,
    /// The name that people know it by, such as a file's name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// The media type, such as application/pdf; taken from the name when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// A sentence about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Words to find it by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// When its bytes were last changed, UTC. With it the node notices a change that leaves the size as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<Time>,
}

/// Answers a part of an entry's bytes: as many as asked for, fewer only at the end; none for a length of 0 and behind the
/// end. An entry that is not there is a fault: NotFound, or any fault of the caller's.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Read {
    /// The entry, as catalog.search named it.
    #[schemars(example = &"2026/0042")]
    pub entry_id: String,
    /// Where to begin, in bytes.
    pub offset: u64,
    /// Most bytes wanted, at most 1 MiB.
    #[schemars(example = 1048576)]
    pub length: u32,
}

impl Search {
    /// Its name, `service.operation`.
    pub const NAME: &'static str = "catalog.search";
}

impl Read {
    /// Its name, `service.operation`.
    pub const NAME: &'static str = "catalog.read";
}

/// What a legacy system answers, described.
pub static CATALOG: LazyLock<Contract> = LazyLock::new(|| {
    let mut describer = Describer::default();
    let operations = vec![
        describer.describe::<Search, CatalogPage>(Search::NAME, false),
        describer.describe::<Read, Chunk>(Read::NAME, false),
    ];
    describer.finish(operations)
});
