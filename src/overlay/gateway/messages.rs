//! The operations of a far gateway, as this side calls them. What it answers is read more leniently than the contract
//! promises: a field that another version leaves out, or that a double never had, has a default.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    model::{ContentId, Data, Hit, OverlayAnswer, Payload, Query, Time},
    overlay::{
        remote::Method,
        stranger::{ANY_BYTES, harmless_hit},
    },
};

/// `node.info`.
pub(super) const INFO: Method = Method { name: "node.info", required: &[] };
/// `search.find`.
pub(super) const FIND: Method = Method { name: "search.find", required: &["query"] };
/// `content.describe`.
pub(super) const DESCRIBE: Method = Method { name: "content.describe", required: &["contentId"] };
/// `content.read`.
pub(super) const READ: Method = Method { name: "content.read", required: &["contentId"] };
/// `content.download`.
pub(super) const DOWNLOAD: Method = Method { name: "content.download", required: &["contentId"] };

/// Most hits that the contract lets anybody ask for.
const MAX_HITS: usize = 200;
/// The longest that the contract lets a search take.
const MAX_PATIENCE: Duration = Duration::from_secs(60);
/// Most sources that are believed to be behind one hit.
const MAX_PROVIDERS: u32 = 10_000;

/// The input of an operation that takes nothing.
#[derive(Serialize)]
pub(super) struct Nothing {}

/// The input of `search.find`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Find {
    query: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_size: Option<u64>,
    limit: u32,
    timeout_ms: u32,
}

impl Find {
    /// The query, to be answered within that time.
    pub fn of(query: &Query, within: Duration) -> Self {
        Self {
            query: query.to_string(),
            media_type: query.media_type.clone(),
            tags: query.tags.clone(),
            min_size: query.min_size,
            max_size: query.max_size,
            limit: u32::try_from(query.limit.clamp(1, MAX_HITS)).unwrap_or(1),
            timeout_ms: u32::try_from(within.min(MAX_PATIENCE).as_millis()).unwrap_or(0),
        }
    }
}

/// What `search.find` answers.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Findings {
    pub hits: Vec<Record>,
    complete: Option<bool>,
    outcomes: Vec<Outcome>,
}

#[derive(Deserialize)]
struct Outcome {
    #[serde(default)]
    outcome: String,
}

impl Findings {
    /// Whether somebody whom the far side asked gave no, or not a whole, answer.
    pub fn lacks_something(&self) -> bool {
        let lacks = |answer: OverlayAnswer| matches!(answer, OverlayAnswer::Timedout | OverlayAnswer::Refused);
        let known = |outcome: &Outcome| match outcome.outcome.as_str() {
            "timedout" => lacks(OverlayAnswer::Timedout),
            "refused" => lacks(OverlayAnswer::Refused),
            _ => false,
        };
        self.complete == Some(false) || self.outcomes.iter().any(known)
    }
}

/// The input of `content.describe` and `content.download`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Which<'a> {
    pub content_id: &'a ContentId,
}

/// A hit, or what `content.describe` answers.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Record {
    content_id: String,
    name: String,
    size: u64,
    media_type: Option<String>,
    description: Option<String>,
    tags: Vec<String>,
    modified: Option<String>,
    published: Option<String>,
    providers: Option<i64>,
    score: f64,
    via: Vec<String>,
    aliases: Vec<String>,
}

impl Record {
    /// Whether it is the record of that content, by its own id or another one.
    pub fn is_of(&self, id: &ContentId) -> bool {
        let names = |text: &String| text.parse::<ContentId>().is_ok_and(|named| named == *id);
        names(&self.content_id) || self.aliases.iter().any(names)
    }

    /// The hit that it is in the overlay of that name; none where its id means nothing or its size cannot be believed.
    pub fn into_hit(self, overlay: &str) -> Option<Hit> {
        let time = |text: Option<String>| text.and_then(|text| text.parse::<Time>().ok());
        let providers = self.providers.and_then(|count| u32::try_from(count).ok()).unwrap_or(1);
        harmless_hit(Hit {
            content_id: self.content_id.parse().ok()?,
            name: self.name,
            size: self.size,
            media_type: self.media_type.unwrap_or_else(|| ANY_BYTES.to_owned()),
            description: self.description,
            tags: self.tags,
            modified: time(self.modified).or(time(self.published)),
            overlay: overlay.to_owned(),
            providers: providers.clamp(1, MAX_PROVIDERS),
            score: self.score,
            via: self.via,
        })
    }
}

/// The input of `content.read`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Read<'a> {
    pub content_id: &'a ContentId,
    pub offset: u64,
    pub length: u32,
    pub timeout_ms: u32,
}

/// What `content.read` answers.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Chunk {
    pub data: Data,
    pub offset: Option<u64>,
    pub size: Option<u64>,
    pub eof: bool,
}

/// What `content.download` answers.
#[derive(Deserialize)]
pub(super) struct Downloaded {
    #[serde(default)]
    pub size: Option<u64>,
    pub data: Payload,
}

/// What `node.info` answers.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Info {
    pub peer_id: String,
    pub version: String,
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;

    use super::*;
    use crate::operation::{Operation, REGISTRY, content, node, search};

    /// The contract reads what is written here.
    fn agrees<O: Operation>(method: &Method, input: &impl Serialize) {
        let description = REGISTRY.find(method.name).expect(method.name);
        assert_eq!(O::NAME, method.name);
        let required: Vec<_> = description.required().map(|field| field.name.as_str()).collect();
        assert_eq!(method.required, required, "{}", method.name);
        serde_json::from_value::<O>(serde_json::to_value(input).unwrap()).unwrap_or_else(|error| panic!("{error}"));
    }

    #[test]
    fn calls_are_those_of_the_contract() {
        let id = ContentId::native([7; 32]);
        let mut query = Query::parse("a \"b c\" -d", 5000).unwrap();
        agrees::<search::Find>(&FIND, &Find::of(&query, Duration::from_secs(900)));
        query.media_type = Some("image/*".into());
        query.tags = vec!["x".into()];
        (query.min_size, query.max_size) = (Some(1), Some(u64::MAX >> 1));
        agrees::<search::Find>(&FIND, &Find::of(&query, Duration::ZERO));
        agrees::<content::Describe>(&DESCRIBE, &Which { content_id: &id });
        agrees::<content::Download>(&DOWNLOAD, &Which { content_id: &id });
        agrees::<content::Read>(&READ, &Read { content_id: &id, offset: 1, length: 2, timeout_ms: 3 });
        agrees::<node::Info>(&INFO, &Nothing {});
    }

    fn read<T: DeserializeOwned>(json: serde_json::Value) -> T {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn what_an_answer_lacks_has_a_default() {
        let findings: Findings = read(serde_json::json!({ "hits": [{ "contentId": "cat:a:1" }, {}] }));
        assert!(!findings.lacks_something());
        let hits: Vec<_> = findings.hits.into_iter().filter_map(|hit| hit.into_hit("far")).collect();
        assert_eq!((hits.len(), hits[0].providers, hits[0].media_type.as_str()), (1, 1, ANY_BYTES));
        for (answer, lacks) in [
            (serde_json::json!({ "complete": false }), true),
            (serde_json::json!({ "complete": true, "outcomes": [{ "outcome": "refused" }] }), true),
            (serde_json::json!({ "outcomes": [{ "outcome": "timedout" }, {}] }), true),
            (serde_json::json!({ "outcomes": [{ "outcome": "answered" }, { "outcome": "unsupported" }] }), false),
        ] {
            assert_eq!(read::<Findings>(answer.clone()).lacks_something(), lacks, "{answer}");
        }
    }

    #[test]
    fn a_record_is_of_a_content_by_each_of_its_ids() {
        let id = ContentId::native([7; 32]);
        let by = |json| read::<Record>(json).is_of(&id);
        assert!(by(serde_json::json!({ "contentId": id })));
        assert!(by(serde_json::json!({ "contentId": "cat:a:1", "aliases": ["x", id.to_string()] })));
        assert!(!by(serde_json::json!({ "contentId": "cat:a:1" })));
    }
}
