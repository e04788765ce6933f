//! Content codings: gzip of requests, and of answers where the caller asks for it.
//!
//! A coded request counts by its decoded size, against the limit that any body has. An answer is coded whole, so that
//! its length is known and it is never chunked; `/content` and what streams is left as it is.

use std::io::{self, Write};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::{
    HeaderMap,
    header::{self, HeaderValue},
};

use crate::model::{Fault, Outcome};

/// Smaller answers fit one packet anyway.
const LEAST: u64 = 1_400;
/// Most bytes of an answer that is packed. What is larger holds a content's bytes as base64, and packing those takes ten
/// times as long as reading and proving them, for a quarter less to send.
const MOST: u64 = 512 << 10;
/// Answers from this size on are coded away from the tasks that wait for callers.
const OFFLOADED: usize = 64 << 10;

/// How a request's body is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// Not at all.
    Identity,
    /// As gzip, RFC 1952.
    Gzip,
}

impl Coding {
    /// What the head of a request says.
    ///
    /// # Errors
    /// InvalidRequest for other codings, to be answered with status 415.
    pub fn of(headers: &HeaderMap) -> Outcome<Self> {
        let mut coding = Self::Identity;
        let stated = headers.get_all(header::CONTENT_ENCODING).iter();
        for name in stated.flat_map(|value| value.to_str().unwrap_or("?").split(',')).map(str::trim) {
            coding = match name.to_ascii_lowercase().as_str() {
                "" | "identity" => coding,
                "gzip" | "x-gzip" if coding == Self::Identity => Self::Gzip,
                _ => return Err(Fault::invalid("Content-Encoding: want gzip, once, or leave it out")),
            };
        }
        Ok(coding)
    }
}

/// Whether the caller asks for gzip. One that takes anything (`*`) has not asked for it.
pub fn wants_gzip(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    codings.flat_map(|list| list.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| ["gzip", "x-gzip"].iter().any(|g| g.eq_ignore_ascii_case(name)));
        let refused = |weight: &str| weight.trim().parse() == Ok(0.0_f32);
        named && !parts.filter_map(|part| part.strip_prefix("q=")).any(refused)
    })
}

/// Codes an answer of text that is whole, neither small nor large, and not coded yet.
pub async fn pack(response: Response) -> Response {
    let fits = response.body().size_hint().exact().is_some_and(|size| (LEAST..=MOST).contains(&size));
    if !fits || !is_text(response.headers()) {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let plain = match body.collect().await {
        Ok(plain) => plain.to_bytes(),
        Err(error) => {
            return Response::from_parts(head, Body::from_stream(futures::stream::iter([Err::<Bytes, _>(error)])));
        }
    };
    head.headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    let packed = if plain.len() < OFFLOADED {
        gzip(&plain).ok()
    } else {
        let plain = plain.clone();
        tokio::task::spawn_blocking(move || gzip(&plain).ok()).await.ok().flatten()
    };
    let Some(packed) = packed.filter(|packed| packed.len() < plain.len()) else {
        return Response::from_parts(head, Body::from(plain));
    };
    head.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    head.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(head, Body::from(packed))
}

/// Whether these are the headers of a text that may be coded. An ETag or a range speaks of the bytes as they are.
fn is_text(headers: &HeaderMap) -> bool {
    let bound = [header::CONTENT_ENCODING, header::CONTENT_RANGE, header::ACCEPT_RANGES, header::ETAG];
    if bound.iter().any(|name| headers.contains_key(name)) {
        return false;
    }
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.starts_with("text/")
        || media_type == "application/json"
        || media_type.ends_with("+json")
        || media_type.ends_with("+xml")
}

fn gzip(plain: &[u8]) -> io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::fast());
    encoder.write_all(plain)?;
    encoder.finish().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn gzip_is_the_only_coding_of_a_request() {
        let coding = |values: &[&'static str]| Coding::of(&headers(header::CONTENT_ENCODING, values));
        assert_eq!(coding(&[]), Ok(Coding::Identity));
        assert_eq!(coding(&["identity"]), Ok(Coding::Identity));
        for gzip in ["gzip", "X-GZip", "identity, gzip"] {
            assert_eq!(coding(&[gzip]), Ok(Coding::Gzip), "{gzip}");
        }
        for other in ["deflate", "br", "gzip, gzip", "gzip, deflate"] {
            assert!(coding(&[other]).is_err(), "{other}");
        }
        assert!(coding(&["gzip", "gzip"]).is_err());
    }

    #[test]
    fn gzip_is_wanted_only_by_name() {
        let wants = |values: &[&'static str]| wants_gzip(&headers(header::ACCEPT_ENCODING, values));
        for value in ["gzip", "deflate, GZIP;q=0.5", "br;q=1.0, x-gzip", "gzip; q=1"] {
            assert!(wants(&[value]), "{value}");
        }
        assert!(wants(&["br", "gzip"]));
        for value in ["", "*", "identity", "gzip;q=0", "gzip; q=0.000", "gzipped"] {
            assert!(!wants(&[value]), "{value}");
        }
        assert!(!wants(&[]));
    }

    #[tokio::test]
    async fn only_whole_texts_of_some_size_are_coded() {
        let coded = async |size: usize, name: &'static str, value: &'static str| {
            let mut response = Response::new(Body::from(vec![b'x'; size]));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=utf-8"));
            response.headers_mut().insert(name, HeaderValue::from_static(value));
            let packed = pack(response).await;
            assert!(packed.body().size_hint().exact().is_some());
            packed.headers().contains_key(header::CONTENT_ENCODING)
        };
        for size in [1_400, 100_000, 512 << 10] {
            assert!(coded(size, "x-any", "1").await, "{size}");
        }
        assert!(coded(2_000, "content-type", "application/problem+json").await);
        for size in [0, 1_399, (512 << 10) + 1] {
            assert!(!coded(size, "x-any", "1").await, "{size}");
        }
        for (name, value) in [("etag", "\"x\""), ("accept-ranges", "bytes"), ("content-type", "image/png")] {
            assert!(!coded(2_000, name, value).await, "{name}");
        }
    }
}
