//! `GET /events`: what happens at the node as Server-Sent Events, for browsers and for callers who lost an answer of
//! event.pull.
//!
//! `id` is an event's sequence, `event` its topic, `data` the whole event as JSON. A caller that comes back with
//! Last-Event-ID is told what it lacks, or by an event `missed` that not all of it is there any more.

use std::{convert::Infallible, fmt::Write, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{RawQuery, State},
    response::Response,
};
use bytes::Bytes;
use futures::{Stream, stream};
use hyper::{HeaderMap, header};
use percent_encoding::percent_decode_str;
use tokio::sync::OwnedSemaphorePermit;

use super::{Gateway, routes::problem};
use crate::{
    access::Binding,
    model::{Fault, Outcome, Topics},
    operation::{Operation, event},
    service::{
        Services,
        events::{Pulled, Stream as Place},
    },
};

/// Events that are written at once.
const BATCH: usize = 100;
/// How long a stream is silent before a comment says that it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// `GET /events?topics=transfer.*,content.published`; all topics when none is named.
pub async fn get(State(gateway): State<Arc<Gateway>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    match open(&gateway, query.as_deref().unwrap_or_default(), &headers) {
        Ok(body) => {
            let mut response = Response::new(body);
            let head = response.headers_mut();
            let mut set = |name, value| head.insert(name, header::HeaderValue::from_static(value));
            set(header::CONTENT_TYPE, "text/event-stream");
            set(header::CACHE_CONTROL, "no-store");
            // nginx would gather events until its buffer is full.
            set(header::HeaderName::from_static("x-accel-buffering"), "no");
            response
        }
        Err(fault) => problem(&fault),
    }
}

fn open(gateway: &Gateway, query: &str, headers: &HeaderMap) -> Outcome<Body> {
    gateway.authorised(headers, Binding::Json, event::Pull::NAME)?;
    let topics = topics(query)?;
    let after = headers.get("last-event-id").map(|id| last_event_id(id.to_str().unwrap_or("?"))).transpose()?;
    let permit = gateway.services.permits.keep_waiting()?;
    let (place, is_whole) = gateway.services.events.listen(topics, after);
    let mut opening = String::from(": events of this node\n\n");
    if !is_whole {
        missed(&mut opening, &serde_json::json!({ "after": after }));
    }
    let live = Live { services: gateway.services.clone(), place, opening: Some(opening), _permit: permit };
    Ok(Body::from_stream(live.into_stream()))
}

/// The topics that the query names: `topics` once with commas, or several times.
fn topics(query: &str) -> Outcome<Topics> {
    let mut patterns = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if name != "topics" {
            let name: String = name.chars().take(100).collect();
            return Err(Fault::invalid(format!("unknown parameter {name:?}; /events takes topics")));
        }
        let value = percent_decode_str(value).decode_utf8_lossy();
        patterns.extend(value.split(',').map(|pattern| pattern.trim().to_owned()));
    }
    if patterns.is_empty() {
        patterns.push("*".to_owned());
    }
    Topics::parse(&patterns)
}

fn last_event_id(text: &str) -> Outcome<u64> {
    let malformed = |_| Fault::invalid("Last-Event-ID is none that this node gave; it is an event's sequence");
    text.trim().parse().map_err(malformed)
}

/// One stream, as long as its connection lasts.
struct Live {
    services: Arc<Services>,
    place: Place,
    /// What is written first.
    opening: Option<String>,
    _permit: OwnedSemaphorePermit,
}

impl Live {
    fn into_stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
        stream::unfold(self, |mut live| async move {
            let text = live.next().await?;
            Some((Ok(text.into()), live))
        })
    }

    /// What is written next; nothing more when the node stops.
    async fn next(&mut self) -> Option<String> {
        if let Some(opening) = self.opening.take() {
            return Some(opening);
        }
        match self.services.events.next(&self.place, BATCH, KEEP_ALIVE).await {
            Ok(pulled) => Some(written(&pulled?)),
            Err(fault) => {
                // The caller comes back by itself, with the id of the last event that it was sent.
                tracing::warn!("a stream of events ends: {fault}");
                None
            }
        }
    }
}

fn written(pulled: &Pulled) -> String {
    let mut out = String::new();
    if pulled.missed > 0 {
        missed(&mut out, &serde_json::json!({ "count": pulled.missed }));
    }
    for event in &pulled.events {
        // JSON escapes line breaks, so the data is one line.
        if let Ok(data) = serde_json::to_string(&**event) {
            // Writing to a string cannot fail.
            let _ = write!(out, "id: {}\nevent: {}\ndata: {data}\n\n", event.sequence, event.topic);
        }
    }
    if out.is_empty() {
        out.push_str(": still here\n\n");
    }
    out
}

fn missed(out: &mut String, what: &serde_json::Value) {
    let _ = write!(out, "event: missed\ndata: {what}\n\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Event, Time, Topic};

    #[test]
    fn topics_are_named_once_or_several_times() {
        let names = |query: &str| topics(query).map(|topics| topics.iter().map(Topic::name).collect::<Vec<_>>());
        assert_eq!(names("").unwrap().len(), Topic::ALL.len());
        let want = ["content.published", "search.hit", "search.complete"];
        for query in ["topics=search.*,content.published", "topics=search.%2A&topics=content.published"] {
            assert_eq!(names(query).unwrap(), want);
        }
        for query in ["topics=", "topics=nothing", "topic=*"] {
            assert!(names(query).is_err(), "{query}");
        }
    }

    #[test]
    fn an_event_is_written_with_its_id_and_topic() {
        let event = Event {
            sequence: 5,
            topic: "search.hit".into(),
            time: Time::from_millis(0),
            subject: "s".into(),
            detail: "{\"a\":\"\\n\"}\n".into(),
        };
        let text = written(&Pulled { events: vec![Arc::new(event)], missed: 2 });
        let (missed, event) = text.split_once("\n\n").unwrap();
        assert_eq!(missed, "event: missed\ndata: {\"count\":2}");
        assert!(event.starts_with("id: 5\nevent: search.hit\ndata: {\"sequence\":5,"), "{event}");
        assert_eq!(event.lines().count(), 4, "{event}");
        assert!(written(&Pulled::default()).starts_with(": "));
    }
}
