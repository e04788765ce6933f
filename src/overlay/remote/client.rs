//! HTTP as far as calls need it: one client an address, answers within bounds of time and size.

use std::{error::Error, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use futures::{StreamExt, stream};
use reqwest::{
    Method, Response, StatusCode, Url,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, LOCATION},
    redirect::Policy,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout, timeout_at},
};

use super::{Address, Failure};
use crate::model::{ByteStream, Fault};

/// Requests to one address that are under way at once, streams included; further ones wait for their turn.
const MAX_REQUESTS: usize = 64;
/// Connections that are kept open until the next request, and for how long: shorter than servers usually keep theirs.
const IDLE_CONNECTIONS: usize = 32;
const IDLE_TIME: Duration = Duration::from_secs(4);
/// Bytes of an answer that nobody wants which are read for the sake of its connection.
const MAX_IGNORED: usize = 64 << 10;

/// How long is waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For the next bytes of an answer that is streamed.
    pub idle: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), idle: Duration::from_secs(20) }
    }
}

/// The client of one address.
pub(super) struct Client {
    http: reqwest::Client,
    /// How messages begin: the overlay and the address.
    place: Arc<str>,
    address: Address,
    patience: Patience,
    requests: Arc<Semaphore>,
}

/// An answer of which the head has come.
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as it comes; a fault where it breaks off or is silent for too long.
    pub body: ByteStream,
}

impl Answer {
    /// A header as text; empty when there is none.
    pub fn header(&self, name: HeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The Content-Type header; empty when there is none.
    pub fn content_type(&self) -> &str {
        self.header(CONTENT_TYPE)
    }
}

impl Client {
    /// # Errors
    /// What the TLS library says.
    pub fn new(overlay: &str, address: Address, patience: Patience) -> Result<Self, reqwest::Error> {
        let builder = reqwest::Client::builder()
            .user_agent(concat!("peergate/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(patience.connect)
            // A redirect would show the credential to whoever is named there.
            .redirect(Policy::none())
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .pool_idle_timeout(IDLE_TIME)
            .tcp_nodelay(true);
        let http = if address.is_loopback() { builder.no_proxy() } else { builder }.build()?;
        let place = format!("overlay {overlay}: {address}").into();
        Ok(Self { http, place, address, patience, requests: Arc::new(Semaphore::new(MAX_REQUESTS)) })
    }

    pub fn address(&self) -> &Address {
        &self.address
    }

    pub fn place(&self) -> &Arc<str> {
        &self.place
    }

    /// Sends a request and answers once the head of the answer is there.
    ///
    /// # Errors
    /// That there is no answer until `deadline`, or one that is a redirect or packed.
    pub async fn send(
        &self,
        method: Method,
        url: Url,
        headers: HeaderMap,
        body: Bytes,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        let late = |what: &str| Failure::late(&self.place, what);
        let permit = timeout_at(deadline, self.requests.clone().acquire_owned()).await;
        let permit = permit.map_err(|_| late(&format!("{MAX_REQUESTS} requests to it are under way; try again")))?;
        let permit = permit.map_err(|error| Failure::unreachable(&self.place, error))?;
        let answer = timeout_at(deadline, self.exchange(method, url, headers, body)).await;
        let response = answer.map_err(|_| late("it does not answer in time"))??;
        self.check(response, permit).await
    }

    async fn exchange(&self, method: Method, url: Url, headers: HeaderMap, body: Bytes) -> Result<Response, Failure> {
        let request = || {
            let request = self.http.request(method.clone(), url.clone()).headers(headers.clone()).body(body.clone());
            match self.address.credential() {
                Some(credential) => request.header(AUTHORIZATION, credential),
                None => request,
            }
        };
        let first = request().send().await;
        let answer = match first {
            // It may have closed a connection at the moment at which it was used again.
            Err(error) if error.is_request() && !error.is_connect() && !error.is_timeout() => request().send().await,
            first => first,
        };
        answer.map_err(|error| Failure::unreachable(&self.place, innermost(&error)))
    }

    async fn check(&self, response: Response, permit: OwnedSemaphorePermit) -> Result<Answer, Failure> {
        let (status, headers) = (response.status(), response.headers().clone());
        let answer = Answer { status, headers, body: self.stream(response, permit) };
        if status.is_redirection() && answer.headers.contains_key(LOCATION) {
            let to = shown_location(&self.address, answer.header(LOCATION));
            let reason = format!("it answers with a redirect to {to}, which is not followed; set url to that address");
            drain(answer.body).await;
            return Err(Failure::unusable(&self.place, reason));
        }
        let coding = answer.header(CONTENT_ENCODING);
        if !matches!(coding, "" | "identity") {
            let reason = format!("it answers with the Content-Encoding {coding:?}, which it was not asked for");
            return Err(Failure::unusable(&self.place, reason));
        }
        Ok(answer)
    }

    /// The body; its request's place is free again once it has ended.
    fn stream(&self, response: Response, permit: OwnedSemaphorePermit) -> ByteStream {
        let (place, idle) = (self.place.clone(), self.patience.idle);
        let next = move |(mut response, permit): (Response, OwnedSemaphorePermit)| {
            let place = place.clone();
            async move {
                let silent = |_| Fault::timeout(format!("{place}: it sent nothing for {} s", idle.as_secs_f32()));
                let part = timeout(idle, response.chunk()).await.map_err(silent)?;
                let broken =
                    |error| Fault::unavailable(format!("{place}: the answer broke off: {}", innermost(&error)));
                Ok(part.map_err(broken)?.map(|part| (part, (response, permit))))
            }
        };
        stream::try_unfold((response, permit), next).boxed()
    }
}

/// All of a body, if it has at most so many bytes.
pub(super) async fn whole(
    place: &str,
    mut body: ByteStream,
    limit: usize,
    deadline: Instant,
) -> Result<Bytes, Failure> {
    let mut whole = BytesMut::new();
    loop {
        let part = timeout_at(deadline, body.next()).await;
        let part = part.map_err(|_| Failure::late(place, "its answer does not end in time"))?;
        let Some(part) = part else { return Ok(whole.freeze()) };
        let part = part.map_err(|fault| Failure { fault, cause: super::Cause::Unreachable })?;
        if whole.len() + part.len() > limit {
            return Err(Failure::unusable(place, format!("its answer has more than {limit} bytes")));
        }
        whole.extend_from_slice(&part);
    }
}

/// Reads a little of a body that nobody wants, so that its connection can be used again.
async fn drain(mut body: ByteStream) {
    let mut left = MAX_IGNORED;
    let read = async {
        while let Some(Ok(part)) = body.next().await {
            let Some(rest) = left.checked_sub(part.len()) else { break };
            left = rest;
        }
    };
    let _ = timeout(Duration::from_millis(100), read).await;
}

/// Where a redirect leads, without credentials and parameters.
fn shown_location(address: &Address, location: &str) -> String {
    let Ok(mut to) = address.url().join(location) else { return "nowhere".to_owned() };
    let _ = (to.set_username(""), to.set_password(None));
    to.set_query(None);
    to.to_string()
}

/// The innermost cause, which says what happened; the outer ones repeat the address.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string().to_lowercase()
}
