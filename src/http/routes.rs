//! Which path is answered by what. One line a face; the bindings do the rest.

use std::{borrow::Cow, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Path, RawQuery, State},
    response::Response,
    routing::{any, get, post},
};
use http::request;
use hyper::{
    HeaderMap, Method, Request, StatusCode, Uri,
    body::Incoming,
    header::{self, HeaderValue},
};
use tower::ServiceExt;

use super::{Gateway, body, coding::Coding, content, events, metrics, proxies};
use crate::{
    access::Binding,
    binding::{self, Reply, json, soap, xmlrpc},
    model::{Fault, Journey, Outcome},
    operation::{Operation, node},
};

/// The header in which a gateway tells the way of a question.
const JOURNEY: &str = "peergate-journey";

/// Answers a request: SOAP and XML-RPC by a plain match, since a router's boxed services and its copy of the head took
/// a fifth of a small call; all else by the router.
pub async fn answer(gateway: Arc<Gateway>, router: Router, request: Request<Incoming>) -> Response {
    if request.method() == Method::POST {
        match request.uri().path() {
            "/soap" | "/soap12" => {
                let (head, body) = request.into_parts();
                return post_soap(&gateway, head, Body::new(body)).await;
            }
            "/xmlrpc" | "/RPC2" => {
                let (head, body) = request.into_parts();
                return post_xmlrpc(&gateway, head, Body::new(body)).await;
            }
            _ => {}
        }
    }
    match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// Every path of the contract, section 1, but for the calls that [`answer`] knows.
pub fn router(gateway: Arc<Gateway>) -> Router {
    Router::new()
        .route("/soap", get(get_wsdl))
        .route("/soap12", get(get_wsdl))
        .route("/xmlrpc", any(wrong_method))
        .route("/RPC2", any(wrong_method))
        .route("/api/openapi.json", get(get_openapi))
        .route("/api/{service}/{operation}", post(post_json))
        .route("/content", axum::routing::put(content::put))
        .route("/content/{*id}", get(content::get))
        .route("/events", get(events::get))
        .route("/health/live", get(async || "live\n"))
        .route("/health/ready", get(get_ready))
        .route("/metrics", get(get_metrics))
        .route("/", get(get_doors))
        .fallback(no_such_path)
        .method_not_allowed_fallback(wrong_method)
        .with_state(gateway)
}

/// A fault as `application/problem+json`.
pub fn problem(fault: &Fault) -> Response {
    send(json::fault(fault))
}

async fn post_soap(gateway: &Gateway, head: request::Parts, body: Body) -> Response {
    let headers = &head.headers;
    let content_type = media_type(headers);
    // Who shows nothing here may still show a WS-Security header.
    let caller = match gateway.caller(headers, Binding::Soap) {
        Ok(caller) => caller,
        Err(fault) => return unread(headers, body, soap::fault(fault, content_type)).await,
    };
    let taken = ["text/xml", "application/soap+xml", "application/xml", "multipart/related"];
    let coding = match takes(headers, &taken) {
        Ok(coding) => coding,
        Err(fault) => return unsupported(soap::fault(fault, None)),
    };
    let accepts_mtom = headers.get_all(header::ACCEPT).iter().any(|value| value.to_str().is_ok_and(soap::is_mtom));
    let request = |body| soap::Request { content_type, accepts_mtom, body };
    let journey = match journey(headers) {
        Ok(journey) => journey,
        Err(fault) => return unread(headers, body, soap::fault(fault, content_type)).await,
    };
    let limits = &gateway.services.about.limits;
    let context = soap::Context { limits, deliveries: &gateway.deliveries, journey: journey.as_ref() };
    if soap::is_related(content_type) {
        if coding != Coding::Identity {
            let fault = Fault::invalid("a message with attachments is not taken in gzip, send it plain");
            return unsupported(soap::fault(fault, content_type));
        }
        let body = body::Shared::new(body);
        let request = request(soap::Incoming::Parts(body.stream()));
        let response = send(soap::answer(&gateway.services, &caller, request, &context).await);
        return if body.read_out(limits).await { response } else { closing(response) };
    }
    match body::whole(body, coding, limits).await {
        Ok(body) => {
            let request = request(soap::Incoming::Whole(body));
            send(soap::answer(&gateway.services, &caller, request, &context).await)
        }
        Err(fault) => closing(send(soap::fault(fault, content_type))),
    }
}

async fn post_xmlrpc(gateway: &Gateway, head: request::Parts, body: Body) -> Response {
    let headers = &head.headers;
    let dialect = match xmlrpc::Dialect::from_query(head.uri.query().unwrap_or_default()) {
        Ok(dialect) => dialect,
        Err(fault) => return send(xmlrpc::fault(&fault, xmlrpc::Dialect::default())),
    };
    // Who shows nothing may still ask what there is to call.
    let caller = match gateway.caller(headers, Binding::Xmlrpc) {
        Ok(caller) => caller,
        Err(fault) => return unread(headers, body, xmlrpc::fault(&fault, dialect)).await,
    };
    // Some of the oldest clients name no type at all, or a plain one.
    let coding = match takes(headers, &["text/xml", "application/xml", "text/plain", "application/octet-stream"]) {
        Ok(coding) => coding,
        Err(fault) => return unsupported(xmlrpc::fault(&fault, dialect)),
    };
    let journey = match journey(headers) {
        Ok(journey) => journey,
        Err(fault) => return unread(headers, body, xmlrpc::fault(&fault, dialect)).await,
    };
    match body::whole(body, coding, &gateway.services.about.limits).await {
        Ok(body) => {
            let (limits, validator) = (&gateway.services.about.limits, gateway.validator);
            let context = xmlrpc::Context { dialect, limits, validator, journey: journey.as_ref() };
            send(xmlrpc::answer(&gateway.services, &caller, &body, media_type(headers), &context).await)
        }
        Err(fault) => closing(send(xmlrpc::fault(&fault, dialect))),
    }
}

async fn post_json(
    State(gateway): State<Arc<Gateway>>,
    Path((service, operation)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let caller = match gateway.caller(&headers, Binding::Json).and_then(|caller| caller.admitted().map(|()| caller)) {
        Ok(caller) => caller,
        Err(fault) => return unread(&headers, body, json::fault(&fault)).await,
    };
    let coding = match takes(&headers, &["application/json"]) {
        Ok(coding) => coding,
        Err(fault) => return unsupported(json::fault(&fault)),
    };
    let journey = match journey(&headers) {
        Ok(journey) => journey,
        Err(fault) => return unread(&headers, body, json::fault(&fault)).await,
    };
    match body::whole(body, coding, &gateway.services.about.limits).await {
        Ok(body) => {
            let path = format!("{service}.{operation}");
            send(json::answer(&gateway.services, &caller, &path, &body, journey.as_ref()).await)
        }
        Err(fault) => closing(problem(&fault)),
    }
}

async fn get_wsdl(
    State(gateway): State<Arc<Gateway>>,
    method: Method,
    uri: Uri,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let asks_for = |what: &str| {
        let mut words = query.as_deref().unwrap_or_default().split('&');
        words.any(|word| word.split('=').next().is_some_and(|word| word.eq_ignore_ascii_case(what)))
    };
    if !asks_for("wsdl") {
        return wrong_method(method, uri).await;
    }
    let address = address(&gateway, &headers, uri.path());
    let wsdl = match uri.path() {
        "/soap12" => soap::wsdl::render(soap::Version::V12, &address),
        _ if asks_for("policy") => soap::wsdl::render_with_policy(&address),
        _ => soap::wsdl::render(soap::Version::V11, &address),
    };
    send(Reply::whole(200, "text/xml; charset=utf-8", wsdl))
}

async fn get_openapi(State(gateway): State<Arc<Gateway>>, headers: HeaderMap) -> Response {
    let description = json::openapi::render(&address(&gateway, &headers, "/"));
    send(Reply::whole(200, "application/json", description.to_string()))
}

async fn get_ready(State(gateway): State<Arc<Gateway>>) -> (StatusCode, &'static str) {
    if gateway.is_draining() { (StatusCode::SERVICE_UNAVAILABLE, "draining\n") } else { (StatusCode::OK, "ready\n") }
}

async fn get_metrics(State(gateway): State<Arc<Gateway>>, headers: HeaderMap) -> Response {
    if let Err(fault) = gateway.authorised(&headers, Binding::Json, node::Stats::NAME) {
        return problem(&fault);
    }
    match metrics::render(&gateway.metrics, &gateway.services).await {
        Ok(text) => send(Reply::whole(200, "text/plain; version=0.0.4", text)),
        Err(fault) => problem(&fault),
    }
}

async fn get_doors(State(gateway): State<Arc<Gateway>>, headers: HeaderMap) -> Response {
    let here = address(&gateway, &headers, "");
    let text = format!(
        "Peergate {version}\n\n\
         XML-RPC   {here}/xmlrpc\n\
         SOAP 1.1  {here}/soap?wsdl\n\
         SOAP 1.2  {here}/soap12?wsdl\n\
         JSON      {here}/api/openapi.json\n\
         bytes     {here}/content/{{contentId}}\n\
         events    {here}/events\n",
        version = env!("CARGO_PKG_VERSION")
    );
    send(Reply::whole(200, "text/plain; charset=utf-8", text))
}

async fn no_such_path(uri: Uri) -> Response {
    let path: String = uri.path().chars().take(200).collect();
    problem(&Fault::not_found(format!("there is nothing at {path}; GET / lists what there is")))
}

/// RFC 9110, 15.5.6: the answer names the methods that are allowed, which axum adds where it knows all of them.
async fn wrong_method(method: Method, uri: Uri) -> Response {
    let path: String = uri.path().chars().take(200).collect();
    let mut reply = json::fault(&Fault::invalid(format!("{path} does not take {method}")));
    reply.status = StatusCode::METHOD_NOT_ALLOWED.as_u16();
    let mut response = send(reply);
    let allowed = match uri.path() {
        "/soap" | "/soap12" => "POST, GET",
        "/xmlrpc" | "/RPC2" => "POST",
        _ => return response,
    };
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    response
}

/// Where the caller reached this node, or what the configuration says about that.
fn address(gateway: &Gateway, headers: &HeaderMap, path: &str) -> String {
    let configured = gateway.hosts.public_url().map(|url| url.trim_end_matches('/').to_owned());
    let reached = || proxies::base(headers).unwrap_or_else(|| gateway.services.about.http_address.clone());
    configured.unwrap_or_else(reached) + path
}

/// The way that a question has come, which a gateway tells beside every document.
///
/// # Errors
/// InvalidRequest for one that cannot be read: to go on as if the question began here could send it round in circles.
pub fn journey(headers: &HeaderMap) -> Outcome<Option<Journey>> {
    let Some(value) = headers.get(JOURNEY) else { return Ok(None) };
    let malformed = || Fault::invalid(format!("{JOURNEY}: the header holds no plain text"));
    value.to_str().map_err(|_| malformed()).and_then(Journey::from_header).map(Some)
}

fn media_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or("?"))
}

/// How the body is coded, if its content type is one of these, whatever the case and the parameters; an absent one is
/// taken on trust.
fn takes(headers: &HeaderMap, types: &[&str]) -> Result<Coding, Fault> {
    let said = media_type(headers).map(|said| said.split(';').next().unwrap_or_default().trim());
    if said.is_some_and(|said| !types.iter().any(|known| known.eq_ignore_ascii_case(said))) {
        return Err(Fault::invalid(format!("the media type is not taken here, want {}", types.join(" or "))));
    }
    Coding::of(headers)
}

/// RFC 9110, 15.5.16: the answer names the coding that bindings take. The body was not read.
pub fn unsupported(reply: Reply) -> Response {
    let mut response = closing(send(Reply { status: StatusCode::UNSUPPORTED_MEDIA_TYPE.as_u16(), ..reply }));
    response.headers_mut().insert(header::ACCEPT_ENCODING, header::HeaderValue::from_static("gzip"));
    response
}

/// The rest of a refused body is not read, so the connection cannot be kept.
pub fn closing(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// The answer to a request whose body is of no interest any more.
pub async fn unread(headers: &HeaderMap, body: Body, reply: Reply) -> Response {
    // Reading would tell a caller who waits for 100 Continue to send the body after all.
    let is_read = !headers.contains_key(header::EXPECT) && body::discard(body).await;
    let response = send(reply);
    if is_read { response } else { closing(response) }
}

fn send(reply: Reply) -> Response {
    let (body, length) = match reply.body {
        binding::Body::Whole(bytes) => (Body::from(bytes), None),
        // hyper breaks the connection off when the stream ends in a fault, or before the length that it was told.
        binding::Body::Stream { size, stream } => (Body::from_stream(stream), Some(size)),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let content_type = match reply.content_type {
        Cow::Borrowed(text) => Ok(HeaderValue::from_static(text)),
        Cow::Owned(text) => HeaderValue::try_from(text),
    };
    if let Ok(content_type) = content_type
        && !content_type.is_empty()
    {
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    }
    if let Some(length) = length {
        response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
    response
}
