//! `GET /content/{contentId}` with `Accept: application/vnd.peergate.bao`: a content that proves itself (docs/protocols.md).
//!
//! It is what a gateway asks for that has only HTTP to reach this node: every byte is proved before it is handed on, and can
//! be proved to the next one.

use axum::{body::Body, response::Response};
use hyper::{HeaderMap, header};

use super::{journey, response};
use crate::{
    http::Gateway,
    model::{ContentId, Fault, Outcome},
    operation,
};

/// The media type of the stream.
const BAO: &str = "application/vnd.peergate.bao";

/// Whether the caller asks for it.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    let names = |text: &str| text.split(',').any(|one| one.split(';').next().is_some_and(|kind| kind.trim() == BAO));
    headers.get_all(header::ACCEPT).iter().any(|value| value.to_str().is_ok_and(names))
}

/// Answers the range that the query says, all of the content where it says none.
pub(super) async fn deliver(gateway: &Gateway, id: &str, query: &str, headers: &HeaderMap) -> Outcome<Response> {
    let id: ContentId = id.parse().map_err(|error| Fault::invalid(format!("{error}")))?;
    let mut range = 0..u64::MAX;
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        let number = || value.parse().map_err(|_| Fault::invalid(format!("{name}: want a number of bytes")));
        match name {
            "start" => range.start = number()?,
            "end" => range.end = number()?,
            _ => {}
        }
    }
    let journey = journey(headers)?;
    let stream = operation::content::prove(&gateway.services, &id, range, journey.as_ref()).await?;
    let head = Response::builder().header(header::CONTENT_TYPE, BAO).header(header::VARY, "Accept");
    response(head, Body::from_stream(stream))
}
