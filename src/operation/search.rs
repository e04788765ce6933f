//! `search.*`: ask every overlay at once, and either wait for the whole answer or follow it page by page.

use std::{borrow::Cow, sync::Arc, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::{GRACE, Operation};
use crate::{
    model::{Bounded, Done, Hit, Journey, Outcome, OverlayOutcome, Query},
    service::{Services, searches::Question},
};

/// Searches every overlay at once and answers the merged hits, best first, when all have answered or the time is up.
///
/// The query is words that must all match the name, the description or the tags, whatever their case or accents;
/// "a phrase", -without and prefix* work too.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Find {
    /// What to look for.
    #[schemars(example = &"debian netinst")]
    pub query: String,
    /// Only these overlays; all when absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["home"])]
    pub overlays: Vec<String>,
    /// Only this media type; image/* takes every image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"text/plain")]
    pub media_type: Option<String>,
    /// Only contents with all of these tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Only contents of at least so many bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_size: Option<u64>,
    /// Only contents of at most so many bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_size: Option<u64>,
    /// Most hits wanted.
    #[serde(default)]
    pub limit: Bounded<20, 1, 200>,
    /// Milliseconds after which the hits so far are answered.
    #[serde(default)]
    pub timeout_ms: Bounded<3000, 0, 60000>,
    /// The way that the question has come; a caller that is no gateway tells none.
    #[serde(skip)]
    pub journey: Option<Journey>,
}

/// What a search found.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SearchResult {
    /// The hits, best first.
    #[serde(default)]
    pub hits: Vec<Arc<Hit>>,
    /// Whether everybody who was asked has answered.
    pub complete: bool,
    /// Milliseconds that it took.
    pub elapsed_ms: u32,
    /// What each overlay gave.
    #[serde(default)]
    pub outcomes: Vec<OverlayOutcome>,
}

impl Find {
    fn into_question(self) -> Outcome<Question> {
        let mut query = Query::parse(&self.query, self.limit.count())?;
        query.media_type = self.media_type;
        query.tags = self.tags;
        query.min_size = self.min_size;
        query.max_size = self.max_size;
        let patience = self.timeout_ms.millis();
        query.patience = Some(patience);
        Ok(Question { query, overlays: self.overlays, patience, journey: self.journey })
    }
}

impl Operation for Find {
    const NAME: &'static str = "search.find";
    const HAS_EFFECT: bool = false;
    type Output = SearchResult;

    fn deadline(&self) -> Duration {
        self.timeout_ms.millis() + GRACE
    }

    fn journey(&mut self) -> Option<&mut Option<Journey>> {
        Some(&mut self.journey)
    }

    async fn call(self, services: &Arc<Services>) -> Outcome<SearchResult> {
        let answer = services.searches.find(self.into_question()?).await?;
        let elapsed_ms = u32::try_from(answer.elapsed.as_millis()).unwrap_or(u32::MAX);
        Ok(SearchResult { hits: answer.hits, complete: answer.complete, elapsed_ms, outcomes: answer.outcomes })
    }
}

/// Starts a search and answers at once; follow it with search.results.
///
/// A search is kept for ten minutes after it was last asked for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Start(pub Find);

impl JsonSchema for Start {
    fn schema_name() -> Cow<'static, str> {
        "SearchStart".into()
    }

    // The fields are search.find's; only the documentation is its own.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Find::json_schema(generator);
        let doc = "Starts a search and answers at once; follow it with search.results. Takes what search.find takes.\n\n\
                   A search is kept for ten minutes after it was last asked for.";
        schema.insert("description".into(), doc.into());
        schema
    }
}

/// A search that is under way.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SearchHandle {
    /// What names the search.
    pub search_id: String,
}

impl Operation for Start {
    const NAME: &'static str = "search.start";
    const HAS_EFFECT: bool = true;
    type Output = SearchHandle;

    fn journey(&mut self) -> Option<&mut Option<Journey>> {
        Some(&mut self.0.journey)
    }

    async fn call(self, services: &Arc<Services>) -> Outcome<SearchHandle> {
        let search_id = services.searches.start(self.0.into_question()?).await?;
        Ok(SearchHandle { search_id })
    }
}

/// Answers the hits of a started search from a place on, and waits for the first one when there is none yet.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Results {
    /// The search, as search.start named it.
    #[schemars(example = &"0192f0c1d2e37abc8def0123456789ab")]
    pub search_id: String,
    /// How many hits to leave out: the `next` of the page before.
    #[serde(default)]
    pub after: Bounded<0, 0, 1000000>,
    /// Most hits wanted.
    #[serde(default)]
    pub limit: Bounded<50, 1, 500>,
    /// Milliseconds to wait for a hit when there is none yet.
    #[serde(default)]
    pub wait_ms: Bounded<0, 0, 60000>,
}

/// A page of a started search, in the order in which the hits came.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SearchPage {
    /// The hits.
    #[serde(default)]
    pub hits: Vec<Arc<Hit>>,
    /// What to pass as `after` for the next page.
    pub next: u32,
    /// Whether the search has ended and this page holds its last hit.
    pub complete: bool,
}

impl Operation for Results {
    const NAME: &'static str = "search.results";
    const HAS_EFFECT: bool = false;
    type Output = SearchPage;

    fn deadline(&self) -> Duration {
        self.wait_ms.millis() + GRACE
    }

    fn waits(&self) -> bool {
        self.wait_ms.get() > 0
    }

    async fn call(self, services: &Arc<Services>) -> Outcome<SearchPage> {
        let (after, limit) = (self.after.count(), self.limit.count());
        let page = services.searches.results(&self.search_id, after, limit, self.wait_ms.millis()).await?;
        let next = u32::try_from(after + page.hits.len()).unwrap_or(u32::MAX);
        Ok(SearchPage { hits: page.hits, next, complete: page.complete })
    }
}

/// Ends a started search and forgets its hits.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cancel {
    /// The search, as search.start named it.
    #[schemars(example = &"0192f0c1d2e37abc8def0123456789ab")]
    pub search_id: String,
}

impl Operation for Cancel {
    const NAME: &'static str = "search.cancel";
    const HAS_EFFECT: bool = true;
    type Output = Done;

    async fn call(self, services: &Arc<Services>) -> Outcome<Done> {
        Ok(Done { done: services.searches.cancel(&self.search_id) })
    }
}
