//! A caller of one node: the same operation over any binding, with JSON as the neutral form of input and answer.

use std::time::Duration;

use reqwest::{
    Method, RequestBuilder,
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
};
use serde_json::Value;
use tokio::sync::OnceCell;

use super::{Fault, OpenApi, json, soap, xmlrpc};

/// How long one call may take, slow transfers on a busy machine included.
const CALL_LIMIT: Duration = Duration::from_secs(180);

/// The wires that an operation can be called over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    Json,
    XmlRpc,
    Soap11,
    Soap12,
}

impl Binding {
    pub const ALL: [Self; 4] = [Self::Json, Self::XmlRpc, Self::Soap11, Self::Soap12];

    /// Where it answers; JSON has a path for each operation.
    pub fn path(self, operation: &str) -> String {
        match self {
            Self::Json => format!("/api/{}", operation.replacen('.', "/", 1)),
            Self::XmlRpc => "/xmlrpc".to_owned(),
            Self::Soap11 => "/soap".to_owned(),
            Self::Soap12 => "/soap12".to_owned(),
        }
    }

    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::XmlRpc => "text/xml",
            Self::Soap11 => "text/xml; charset=utf-8",
            Self::Soap12 => "application/soap+xml; charset=utf-8",
        }
    }

    /// The request's body, as a caller of this binding writes it.
    pub fn encode(self, operation: &str, input: &Value) -> String {
        match self {
            Self::Json => input.to_string(),
            Self::XmlRpc => xmlrpc::encode(operation, input),
            Self::Soap11 | Self::Soap12 => soap::encode(self, operation, input),
        }
    }
}

/// An HTTP answer with its whole body.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    /// Sends a request and reads all of its answer.
    pub async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap_or_else(|e| panic!("no answer: {e:?}"));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.unwrap_or_else(|e| panic!("answer {status} broke off: {e:?}")).to_vec();
        Self { status, headers, body }
    }

    /// A header's text, empty when it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("header is not ASCII"))
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("answer is not UTF-8")
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("answer {} is no JSON: {e}", self.status))
    }

    /// Reads the answer's body as an answer of `binding` to `operation`.
    pub async fn outcome(&self, binding: Binding, operation: &str, api: &Api) -> Result<Value, Fault> {
        match binding {
            Binding::Json => json::decode(self),
            Binding::XmlRpc => xmlrpc::decode(self),
            Binding::Soap11 | Binding::Soap12 => soap::decode(binding, operation, self, api.description().await),
        }
    }
}

/// A caller of one node.
pub struct Api {
    base: String,
    http: reqwest::Client,
    description: OnceCell<OpenApi>,
}

impl Api {
    /// A caller of the node at `base`, such as `http://127.0.0.1:40001`.
    pub fn new(base: &str) -> Self {
        Self::with_headers(base, HeaderMap::new())
    }

    /// The same caller, who shows this credential, such as `Bearer …`, with every request.
    pub fn showing(&self, credential: &str) -> Self {
        let credential = HeaderValue::from_str(credential).expect("a header's value");
        Self::with_headers(&self.base, HeaderMap::from_iter([(AUTHORIZATION, credential)]))
    }

    fn with_headers(base: &str, headers: HeaderMap) -> Self {
        // Only the first test of the process installs it; the others find it installed.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = reqwest::Client::builder().timeout(CALL_LIMIT).default_headers(headers);
        let http = client.build().expect("HTTP client");
        Self { base: base.trim_end_matches('/').to_owned(), http, description: OnceCell::new() }
    }

    /// `host:port`.
    pub fn authority(&self) -> &str {
        self.base.strip_prefix("http://").expect("httpAddress is an http URL")
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// A request to be completed by the test.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.url(path))
    }

    pub async fn get(&self, path: &str) -> Reply {
        Reply::of(self.request(Method::GET, path)).await
    }

    /// Posts a body as it stands, with the binding's path and media type.
    pub async fn post(&self, binding: Binding, operation: &str, body: impl Into<reqwest::Body>) -> Reply {
        let request = self.request(Method::POST, &binding.path(operation)).header("content-type", binding.media_type());
        Reply::of(request.body(body)).await
    }

    /// Calls an operation over a binding; `input` and the answer have the JSON binding's form.
    pub async fn call(&self, binding: Binding, operation: &str, input: Value) -> Result<Value, Fault> {
        let reply = self.post(binding, operation, binding.encode(operation, &input)).await;
        reply.outcome(binding, operation, self).await
    }

    /// Calls an operation over JSON that must succeed.
    pub async fn ok(&self, operation: &str, input: Value) -> Value {
        let shown = input.to_string();
        self.call(Binding::Json, operation, input).await.unwrap_or_else(|fault| {
            let shown: String = shown.chars().take(200).collect();
            panic!("{operation} {shown} failed: {fault:?}")
        })
    }

    /// Calls an operation over JSON that must fail.
    pub async fn fault(&self, operation: &str, input: Value) -> Fault {
        match self.call(Binding::Json, operation, input).await {
            Err(fault) => fault,
            Ok(answer) => panic!("{operation} answered {answer} instead of a fault"),
        }
    }

    /// The node's OpenAPI description, read once.
    pub async fn description(&self) -> &OpenApi {
        self.description.get_or_init(async || OpenApi(self.get("/api/openapi.json").await.json())).await
    }

    /// Proves that the node still answers, on every binding.
    pub async fn assert_answers(&self, after: &str) {
        for binding in Binding::ALL {
            let answer = self.call(binding, "node.info", serde_json::json!({})).await;
            assert!(answer.is_ok(), "after {after}, node.info over {binding:?} answered {answer:?}");
        }
    }
}
