//! `/content`: the bytes themselves. GET and HEAD of one content with ranges, PUT of a new one; all of it streams.

mod proof;

use std::{ops::Range, sync::Arc, time::Instant};

use axum::{
    body::Body,
    extract::{Path, RawQuery, State},
    response::Response,
};
use hyper::{HeaderMap, Method, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::{
    Gateway, body,
    coding::Coding,
    range::{self, Wanted},
    routes::{journey, problem, unread, unsupported},
};
use crate::{
    access::Binding,
    binding::json,
    model::{Content, ContentId, Fault, Outcome, Payload},
    operation::{self, Operation, REGISTRY, content},
};

/// What may stand unescaped in RFC 8187's `filename*`.
const ATTRIBUTE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'!').remove(b'#').remove(b'$');
/// Shared content is shown, never run: it comes from strangers and shares the node's origin.
const SANDBOX: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; media-src 'self'";
/// Media types that say nothing, so that the name says more.
const VAGUE: [&str; 2] = ["application/octet-stream", "application/x-www-form-urlencoded"];

/// `GET` and `HEAD /content/{contentId}`.
pub async fn get(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Response {
    if let Err(fault) = gateway.authorised(&headers, Binding::Content, content::Read::NAME) {
        return problem(&fault);
    }
    let started = Instant::now();
    let outcome = if method == Method::GET && proof::is_wanted(&headers) {
        proof::deliver(&gateway, &id, query.as_deref().unwrap_or_default(), &headers).await
    } else {
        deliver(&gateway, &id, &method, &headers).await
    };
    count("content.read", started, outcome.as_ref().err());
    outcome.unwrap_or_else(|fault| problem(&fault))
}

/// `PUT /content?name=…`: publishes the body.
pub async fn put(
    State(gateway): State<Arc<Gateway>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    if let Err(fault) = gateway.authorised(&headers, Binding::Content, content::Publish::NAME) {
        return unread(&headers, body, json::fault(&fault)).await;
    }
    if Coding::of(&headers) != Ok(Coding::Identity) {
        let fault = Fault::invalid("Content-Encoding: what is published is kept as it comes; send it without a coding");
        return unsupported(json::fault(&fault));
    }
    let started = Instant::now();
    let outcome = publish(&gateway, query.as_deref().unwrap_or_default(), &headers, body).await;
    count("content.publish", started, outcome.as_ref().err());
    outcome.unwrap_or_else(|fault| problem(&fault))
}

fn count(operation: &str, started: Instant, fault: Option<&Fault>) {
    if let Some(operation) = REGISTRY.find(operation) {
        operation.meter.record(Binding::Content, started.elapsed(), fault.map(|fault| fault.kind));
    }
}

async fn deliver(gateway: &Gateway, id: &str, method: &Method, headers: &HeaderMap) -> Outcome<Response> {
    let id: ContentId = id.parse().map_err(|error| Fault::invalid(format!("{error}")))?;
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let tag = format!("\"{id}\"");
    let journey = journey(headers)?;
    let describe = content::Describe { content_id: id.clone(), journey: journey.clone() };
    let known = describe.call(&gateway.services).await?;
    if text(header::IF_NONE_MATCH).is_some_and(|tags| names_tag(tags, &tag)) {
        return response(Response::builder().status(StatusCode::NOT_MODIFIED).header(header::ETAG, tag), Body::empty());
    }
    // A range of something else than the caller has seen would be mended together wrongly: all of it, then.
    let unchanged = text(header::IF_RANGE).is_none_or(|seen| seen == tag);
    let wanted = range::wanted(text(header::RANGE).filter(|_| unchanged), known.size);
    let part = match &wanted {
        Wanted::Whole => 0..known.size,
        Wanted::Part(part) => part.clone(),
        Wanted::Unsatisfiable => {
            let size = format!("bytes */{}", known.size);
            let refused = Response::builder().status(StatusCode::RANGE_NOT_SATISFIABLE);
            return response(refused.header(header::CONTENT_RANGE, size), Body::empty());
        }
    };
    let mut head = head_of(&known, &part).header(header::ETAG, tag);
    if wanted != Wanted::Whole {
        let place = format!("bytes {}-{}/{}", part.start, part.end - 1, known.size);
        head = head.status(StatusCode::PARTIAL_CONTENT).header(header::CONTENT_RANGE, place);
    }
    let body = if *method == Method::HEAD {
        Body::empty()
    } else {
        let (opened, stream) = operation::content::open(&gateway.services, &id, part, journey.as_ref()).await?;
        if opened.size != known.size {
            return Err(Fault::unavailable(format!("sources state different sizes for {id}; try again")));
        }
        Body::from_stream(stream)
    };
    response(head, body)
}

fn names_tag(list: &str, tag: &str) -> bool {
    list.split(',').map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}

fn head_of(content: &Content, part: &Range<u64>) -> http::response::Builder {
    let media_type = header::HeaderValue::from_str(&content.media_type);
    let media_type = media_type.unwrap_or(header::HeaderValue::from_static("application/octet-stream"));
    Response::builder()
        .header(header::CONTENT_TYPE, media_type)
        .header(header::CONTENT_LENGTH, part.end - part.start)
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::CONTENT_DISPOSITION, disposition(&content.name))
        .header(header::CONTENT_SECURITY_POLICY, SANDBOX)
}

/// Both forms of RFC 6266: plain ASCII for old callers, UTF-8 for the others.
fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '/' | '%') || c == ' ' { c } else { '_' })
        .collect();
    format!("inline; filename=\"{plain}\"; filename*=UTF-8''{}", utf8_percent_encode(name, ATTRIBUTE))
}

async fn publish(gateway: &Gateway, query: &str, headers: &HeaderMap, body: Body) -> Outcome<Response> {
    let mut publish = described(query)?;
    if publish.media_type.is_none() {
        let said = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        // A charset says how to read the bytes, not what they are.
        let said = said.and_then(|said| said.split(';').next()).map(str::trim);
        let said = said.filter(|said| !VAGUE.iter().any(|vague| said.starts_with(vague)));
        publish.media_type = said.map(str::to_owned);
    }
    publish.data = Payload::Stream { size: None, stream: body::streamed(body) };
    let content = publish.call(&gateway.services).await?;
    let place = format!("/content/{}", content.content_id);
    let body = json::encode(&content)?;
    let head =
        Response::builder().header(header::CONTENT_TYPE, "application/json").header(header::CONTENT_LOCATION, place);
    response(head, Body::from(body))
}

/// The fields of content.publish that a query string can hold; a list is repeated.
fn described(query: &str) -> Outcome<content::Publish> {
    let mut fields = serde_json::Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_decode_str(&value.replace('+', " ")).decode_utf8().map(String::from);
        let value = value.map_err(|_| Fault::invalid(format!("{name} is not UTF-8")))?;
        let list = REGISTRY.find(content::Publish::NAME).into_iter().flat_map(|operation| &operation.input.fields);
        if list.into_iter().any(|field| field.name == name && field.list) {
            let items = fields.entry(name).or_insert_with(|| serde_json::Value::Array(Vec::new()));
            items.as_array_mut().into_iter().for_each(|items| items.push(value.as_str().into()));
        } else {
            fields.insert(name.to_owned(), value.into());
        }
    }
    if fields.insert("data".to_owned(), "".into()).is_some() {
        return Err(Fault::invalid("data is the request's body, not a parameter"));
    }
    serde_json::from_value(fields.into()).map_err(|error| Fault::invalid(error.to_string()))
}

fn response(head: http::response::Builder, body: Body) -> Outcome<Response> {
    head.body(body).map_err(Fault::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_in_a_header() {
        let text = disposition("naïve \"x\"\r\n/../\u{1F600}.txt");
        assert!(text.starts_with("inline; filename=\"na_ve _x____..__"), "{text}");
        assert!(text.is_ascii() && !text.contains('\r') && text.contains("%F0%9F%98%80.txt"), "{text}");
    }

    #[test]
    fn a_query_string_holds_the_fields_of_publish() {
        let publish = described("name=a+b%C3%A9&tags=x&tags=y&mediaType=text/plain").unwrap();
        assert_eq!((publish.name.as_str(), publish.tags.len()), ("a bé", 2));
        for (query, named) in [("", "name"), ("name=a&colour=red", "colour"), ("name=a&data=x", "data")] {
            let fault = described(query).unwrap_err();
            assert!(fault.message.contains(named), "{fault}");
        }
    }
}
