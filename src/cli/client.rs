//! The client of a running node: operations over XML-RPC, and content as a stream beside it.

use std::time::Duration;

use dxr::Value;
use reqwest::{Body, Response, Url, header};
use serde_json::Value as Json;

use super::{failure::Failure, value};
use crate::{
    model::{Content, ContentId},
    operation::{Operation, REGISTRY, describe::Description},
};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an answer may be silent; longer than any operation may wait.
const SILENCE: Duration = Duration::from_secs(660);
/// What a call may take beyond the deadline that the node itself keeps.
const MARGIN: Duration = Duration::from_secs(10);
/// Most bytes of an HTTP error's text that are looked at.
const MAX_PROBLEM: usize = 64 << 10;

/// A node, by its XML-RPC address.
pub struct Client {
    rpc: dxr_client::Client,
    http: reqwest::Client,
    url: Url,
}

impl Client {
    /// The node at that address, who is shown the token unless the address holds one. Nothing is sent yet.
    ///
    /// # Errors
    /// Usage when the address is none, or the token cannot be shown.
    pub fn new(url: &str, token: Option<&str>) -> Result<Self, Failure> {
        let usage = |reason: String| Failure::Usage(format!("--url is not valid: {reason}"));
        let url: Url = url.parse().map_err(|error| usage(format!("{error}, want {}", super::DEFAULT_URL)))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(usage(format!("want http or https, not {}", url.scheme())));
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("peergate/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            // A redirect would show the token to whoever is named there.
            .redirect(reqwest::redirect::Policy::none());
        if let Some(token) = token {
            builder = builder.default_headers(bearer(token)?);
        }
        if is_loopback(&url) {
            // A proxy from the environment would look for the node on its own machine.
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| usage(error.to_string()))?;
        let rpc = dxr_client::Client::with_client(url.clone(), http.clone());
        Ok(Self { rpc, http, url })
    }

    /// Calls an operation.
    ///
    /// # Errors
    /// The node's fault, or that it was not reached.
    pub async fn call<O: Operation>(&self, input: &O) -> Result<O::Output, Failure> {
        let operation =
            REGISTRY.find(O::NAME).ok_or_else(|| Failure::Usage(format!("{} is not described", O::NAME)))?;
        let json = serde_json::to_value(input).map_err(|error| Failure::Usage(error.to_string()))?;
        let answer = tokio::time::timeout(input.deadline() + MARGIN, self.call_json(operation, &json)).await;
        let answer = answer.map_err(|_| self.unreachable("it accepted the call and does not answer"))??;
        serde_json::from_value(answer)
            .map_err(|error| self.unreachable(format!("the answer of {} does not fit the contract: {error}", O::NAME)))
    }

    /// Calls an operation with its input as JSON, and answers its output as JSON.
    ///
    /// # Errors
    /// As [`Client::call`]; Usage where the input does not fit the operation.
    pub async fn call_json(&self, operation: &Description, input: &Json) -> Result<Json, Failure> {
        let params = value::to_params(operation, input).map_err(Failure::Usage)?;
        let answer: Result<Value, _> = self.rpc.call(operation.name, params).await;
        match answer {
            Ok(answer) => Ok(value::to_json(&operation.output, answer)),
            Err(dxr_client::Error::Fault { fault }) => {
                Err(Failure::Fault { code: fault.code(), message: fault.string().to_owned() })
            }
            Err(dxr_client::Error::RPC { .. }) => {
                Err(self.unreachable("what answers there does not speak XML-RPC; the address ends in /xmlrpc"))
            }
            Err(dxr_client::Error::Net { error }) => Err(self.not_reached(error)),
        }
    }

    /// The bytes of a content, as a stream whose length the answer says.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn content(&self, id: &ContentId) -> Result<Response, Failure> {
        let url = self.beside(&["content", &id.to_string()]);
        let answer = self.http.get(url).send().await.map_err(|error| self.not_reached(error))?;
        check(answer).await
    }

    /// Publishes a body of known length. The query holds fields of content.publish by their names.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn publish(&self, query: &[(&str, &str)], length: u64, body: Body) -> Result<Content, Failure> {
        let mut url = self.beside(&["content"]);
        url.query_pairs_mut().extend_pairs(query);
        let request = self.http.put(url).header(header::CONTENT_LENGTH, length).body(body);
        let answer = check(request.send().await.map_err(|error| self.not_reached(error))?).await?;
        let bytes = answer.bytes().await.map_err(|error| self.not_reached(error))?;
        serde_json::from_slice(&bytes)
            .map_err(|error| self.unreachable(format!("it did not answer a content: {error}")))
    }

    /// The address without credentials, to be shown.
    pub fn shown_url(&self) -> String {
        let mut url = self.url.clone();
        // Only an address without a host refuses this, and it holds no credentials.
        let _ = url.set_username("").and_then(|()| url.set_password(None));
        url.to_string()
    }

    /// The address of a path beside the XML-RPC one, so that a prefix before both is kept.
    fn beside(&self, path: &[&str]) -> Url {
        let mut url = self.url.clone();
        url.set_query(None);
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().pop().extend(path);
        }
        url
    }

    fn not_reached(&self, error: reqwest::Error) -> Failure {
        let mut cause: &dyn std::error::Error = &error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        self.unreachable(cause.to_string().to_lowercase())
    }

    fn unreachable(&self, cause: impl Into<String>) -> Failure {
        Failure::Unreachable { url: self.shown_url(), cause: cause.into() }
    }
}

/// What shows a token; a credential in the address takes its place.
fn bearer(token: &str) -> Result<header::HeaderMap, Failure> {
    let value = header::HeaderValue::from_bytes(format!("Bearer {token}").as_bytes());
    let mut value = value.map_err(|_| Failure::Usage("the token holds more than one line".to_owned()))?;
    value.set_sensitive(true);
    Ok(header::HeaderMap::from_iter([(header::AUTHORIZATION, value)]))
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The answer, or the fault that it carries as problem+json.
async fn check(mut answer: Response) -> Result<Response, Failure> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let mut text = Vec::new();
    while let Ok(Some(part)) = answer.chunk().await {
        text.extend_from_slice(&part);
        if text.len() > MAX_PROBLEM {
            break;
        }
    }
    let problem: Json = serde_json::from_slice(&text).unwrap_or_default();
    let detail = problem["detail"].as_str().map(str::to_owned);
    let message = detail.unwrap_or_else(|| format!("the node answered HTTP {status}"));
    Err(Failure::Fault { code: status.as_u16().into(), message })
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::operation::search;

    fn client(url: &str) -> Client {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        Client::new(url, None).unwrap()
    }

    #[test]
    fn content_lies_beside_the_address_of_the_node() {
        for (url, want) in [
            ("http://127.0.0.1:7070/xmlrpc", "http://127.0.0.1:7070/content/cat:a:b%2525"),
            ("http://127.0.0.1:7070/RPC2?long=i8", "http://127.0.0.1:7070/content/cat:a:b%2525"),
            ("https://gate.example/p2p/xmlrpc", "https://gate.example/p2p/content/cat:a:b%2525"),
        ] {
            assert_eq!(client(url).beside(&["content", "cat:a:b%25"]).as_str(), want);
        }
    }

    #[test]
    fn credentials_are_never_shown() {
        let client = client("http://erp:secret@127.0.0.1:7070/xmlrpc");
        assert!(!client.shown_url().contains("secret"), "{}", client.shown_url());
        assert_eq!(client.beside(&["content"]).password(), Some("secret"));
        assert!(!format!("{:?}", bearer("secret").unwrap()).contains("secret"));
        assert!(matches!(bearer("two\nlines"), Err(Failure::Usage(_))));
    }

    /// A server that answers its first request with this body, whatever was asked.
    async fn canned(body: &'static str) -> Client {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"</methodCall>") && !request.ends_with(b"</methodCall>\n") {
                assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
            }
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            stream.write_all((head + body).as_bytes()).await.unwrap();
        });
        client(&format!("http://{address}/xmlrpc"))
    }

    #[tokio::test]
    async fn an_answer_becomes_the_record_of_its_operation() {
        let answer = "<?xml version=\"1.0\"?><methodResponse><params><param><value><struct><member><name>done</name>\
                      <value><boolean>1</boolean></value></member></struct></value></param></params></methodResponse>";
        let cancel = search::Cancel { search_id: "x".into() };
        assert!(canned(answer).await.call(&cancel).await.unwrap().done);
    }

    #[tokio::test]
    async fn faults_and_strangers_are_told_apart() {
        let fault = "<?xml version=\"1.0\"?><methodResponse><fault><value><struct><member><name>faultCode</name>\
                     <value><int>404</int></value></member><member><name>faultString</name><value><string>no search\
                     </string></value></member></struct></value></fault></methodResponse>";
        let cancel = search::Cancel { search_id: "x".into() };
        let failure = canned(fault).await.call(&cancel).await.unwrap_err();
        assert!(matches!(&failure, Failure::Fault { code: 404, message } if message == "no search"), "{failure:?}");
        let failure = canned("<html></html>").await.call(&cancel).await.unwrap_err();
        assert!(matches!(failure, Failure::Unreachable { .. }), "{failure:?}");
    }

    #[test]
    fn what_is_no_address_is_a_matter_of_usage() {
        for url in ["", "127.0.0.1:7070", "ftp://x/", "http://"] {
            assert!(matches!(Client::new(url, None), Err(Failure::Usage(_))), "{url}");
        }
    }
}
