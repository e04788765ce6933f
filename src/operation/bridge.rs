//! `bridge.*`: which overlays this node joins, what crosses between them, and which rule says no.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Operation;
use crate::{
    bridge::{MAX_HOPS, Selector, Settings},
    model::{Bounded, Bridge, BridgeDecision, Done, Fault, Outcome},
    service::Services,
};

/// Lists the bridges of this node, those of the configuration first: what each lets through, how it is and what has crossed.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct List {}

/// All bridges.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct BridgePage {
    /// The bridges.
    #[serde(default)]
    pub bridges: Vec<Bridge>,
}

impl Operation for List {
    const NAME: &'static str = "bridge.list";
    const HAS_EFFECT: bool = false;
    type Output = BridgePage;

    async fn call(self, services: &Arc<Services>) -> Outcome<BridgePage> {
        Ok(BridgePage { bridges: services.bridges.list() })
    }
}

/// Makes a bridge, so that peers of one overlay find and fetch what lies in another one. It is kept over restarts.
///
/// Patterns are globs that ignore case: * stands for any characters, ? for one. A plain one matches names and tags;
/// name:, tag: and type: before it say which. A deny wins over an allow. A bridge that cannot work is answered as refused,
/// with the reason.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Create {
    /// The overlay whose peers find and fetch.
    #[schemars(example = &"home")]
    pub from: String,
    /// The overlay in which it lies.
    #[schemars(example = &"partner")]
    pub to: String,
    /// Whether it works the other way round as well.
    #[serde(default = "yes")]
    pub bidirectional: bool,
    /// Bridges that a question may still cross when it comes here, this one included.
    #[serde(default)]
    pub hop_limit: Bounded<3, 1, MAX_HOPS>,
    /// Only what one of these patterns matches crosses; everything when absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["tag:public"])]
    pub allow: Vec<String>,
    /// What one of these patterns matches does not cross.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["tag:internal"])]
    pub deny: Vec<String>,
    /// Only contents of at most so many bytes cross.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_size: Option<u64>,
}

fn yes() -> bool {
    true
}

impl Operation for Create {
    const NAME: &'static str = "bridge.create";
    const HAS_EFFECT: bool = true;
    type Output = Bridge;

    async fn call(self, services: &Arc<Services>) -> Outcome<Bridge> {
        let settings = Settings {
            bidirectional: self.bidirectional,
            hop_limit: self.hop_limit.get(),
            allow: patterns("allow", &self.allow)?,
            deny: patterns("deny", &self.deny)?,
            max_size: self.max_size,
            ..Settings::between(&self.from, &self.to)
        };
        services.bridges.create(settings).await
    }
}

fn patterns(field: &str, texts: &[String]) -> Outcome<Vec<Selector>> {
    let parse = |text: &String| text.parse().map_err(|reason| Fault::invalid(format!("{field}: {reason}")));
    texts.iter().map(parse).collect()
}

/// Stops a bridge for now, after a restart too: nothing crosses, and what is crossing ends.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pause {
    /// The bridge.
    #[schemars(example = &"8f14e45fceea167a5a36dedd4bea2543")]
    pub bridge_id: String,
}

impl Operation for Pause {
    const NAME: &'static str = "bridge.pause";
    const HAS_EFFECT: bool = true;
    type Output = Bridge;

    async fn call(self, services: &Arc<Services>) -> Outcome<Bridge> {
        services.bridges.pause(&self.bridge_id, true).await
    }
}

/// Lets a paused bridge go on.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resume {
    /// The bridge.
    #[schemars(example = &"8f14e45fceea167a5a36dedd4bea2543")]
    pub bridge_id: String,
}

impl Operation for Resume {
    const NAME: &'static str = "bridge.resume";
    const HAS_EFFECT: bool = true;
    type Output = Bridge;

    async fn call(self, services: &Arc<Services>) -> Outcome<Bridge> {
        services.bridges.pause(&self.bridge_id, false).await
    }
}

/// Removes a bridge that bridge.create made. One of the configuration is taken out there, or paused.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Remove {
    /// The bridge.
    #[schemars(example = &"8f14e45fceea167a5a36dedd4bea2543")]
    pub bridge_id: String,
}

impl Operation for Remove {
    const NAME: &'static str = "bridge.remove";
    const HAS_EFFECT: bool = true;
    type Output = Done;

    async fn call(self, services: &Arc<Services>) -> Outcome<Done> {
        services.bridges.remove(&self.bridge_id).await?;
        Ok(Done { done: true })
    }
}

/// Says which rule decides: per bridge and direction whether the query crosses, and each hit that is held back with the
/// pattern or limit that does. For a content id it says what decides for that content.
///
/// The far sides are asked for it, for three seconds at most; nothing crosses and nothing is counted.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Explain {
    /// A query as in search.find, or a content id.
    #[schemars(example = &"annual report")]
    pub query: String,
}

/// What the bridges decide.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    /// The decisions, in the order of the bridges.
    #[serde(default)]
    pub decisions: Vec<BridgeDecision>,
}

impl Operation for Explain {
    const NAME: &'static str = "bridge.explain";
    const HAS_EFFECT: bool = false;
    type Output = Explanation;

    async fn call(self, services: &Arc<Services>) -> Outcome<Explanation> {
        Ok(Explanation { decisions: services.bridges.explain(&self.query).await? })
    }
}
