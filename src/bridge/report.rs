//! What is told of that which crosses and that which does not: counters, events and the audit log.

use serde::Serialize;

use super::{Bridges, live::Way, rules::Held};
use crate::model::{ContentId, Hit, Journey, Query, Topic};

/// The record of `bridge.refused`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Refused<'a> {
    bridge_id: &'a str,
    from: &'a str,
    to: &'a str,
    rule: &'a str,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_id: Option<&'a ContentId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

/// The record of `bridge.crossed`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Crossed<'a> {
    bridge_id: &'a str,
    from: &'a str,
    to: &'a str,
    origin: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hits: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_id: Option<&'a ContentId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
}

impl Bridges {
    /// A rule has held back a query.
    pub(super) fn refused_query(&self, way: &Way, held: &Held, query: &Query) {
        self.refused(way, held, Some(query), None);
    }

    /// A rule has held back a hit, or a content that was asked for.
    pub(super) fn refused_content(&self, way: &Way, held: &Held, hit: &Hit) {
        self.refused(way, held, None, Some(hit));
    }

    fn refused(&self, way: &Way, held: &Held, query: Option<&Query>, hit: Option<&Hit>) {
        way.bridge.counters.refusal();
        let journal = self.store.journal();
        if !journal.wants(Topic::BridgeRefused) {
            return;
        }
        let record = Refused {
            bridge_id: &way.bridge.id,
            from: way.near(),
            to: way.far(),
            rule: &held.rule,
            reason: &held.reason,
            query: query.map(ToString::to_string),
            content_id: hit.map(|hit| &hit.content_id),
            name: hit.map(|hit| hit.name.as_str()),
        };
        journal.tell(Topic::BridgeRefused, &way.bridge.id, &record);
    }

    /// A query has crossed, and so many hits have come back.
    pub(super) fn crossed_query(&self, way: &Way, journey: &Journey, query: &Query, hits: u64) {
        let journal = self.store.journal();
        if journal.wants(Topic::BridgeCrossed) {
            let record = Crossed {
                bridge_id: &way.bridge.id,
                from: way.near(),
                to: way.far(),
                origin: &journey.origin,
                query: Some(query.to_string()),
                hits: Some(hits),
                content_id: None,
                name: None,
                bytes: None,
            };
            journal.tell(Topic::BridgeCrossed, &way.bridge.id, &record);
        }
    }

    /// Bytes of a content have crossed: a line for the audit log, and an event.
    pub(super) fn crossed_content(&self, way: &Way, journey: &Journey, hit: &Hit, bytes: u64, source: &str) {
        tracing::info!(
            target: "audit",
            bridge = way.bridge.id,
            direction = %way,
            content = %hit.content_id,
            name = hit.name,
            bytes,
            origin = journey.origin,
            source,
            "content crossed a bridge"
        );
        let journal = self.store.journal();
        if journal.wants(Topic::BridgeCrossed) {
            let record = Crossed {
                bridge_id: &way.bridge.id,
                from: way.near(),
                to: way.far(),
                origin: &journey.origin,
                query: None,
                hits: None,
                content_id: Some(&hit.content_id),
                name: Some(&hit.name),
                bytes: Some(bytes),
            };
            journal.tell(Topic::BridgeCrossed, &way.bridge.id, &record);
        }
    }
}
