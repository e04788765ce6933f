//! The HTTP listener: one for SOAP, XML-RPC, JSON and the bytes.
//!
//! What is bounded here is bounded for every binding: heads, bodies, connections and the time that a caller takes. A
//! binding is handed a whole body and hands back a whole reply; only `/content` and the parts of MTOM stream.

mod body;
mod coding;
mod content;
mod credentials;
mod events;
mod guard;
mod metrics;
mod notify;
mod pace;
mod proxies;
mod range;
mod routes;

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::{Router, body::Body};
use hyper::{Request, Response, StatusCode, body::Incoming, header, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::sync::CancellationToken;

use crate::{access::Access, binding::soap::Deliveries, model::Fault, service::Services};

pub use guard::Hosts;
pub use metrics::install as install_metrics;
pub use notify::Callbacks;
pub use proxies::Proxies;

/// Connections that are open at one time; the next one waits to be accepted.
const MAX_CONNECTIONS: usize = 16_384;
/// How long running answers may take once the node is stopping.
const DRAIN: Duration = Duration::from_secs(10);
/// The least that hyper takes as the bound of a head.
const LEAST_HEAD: usize = 8 << 10;
/// The pause after the system had no more descriptors for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What the routes work with.
pub struct Gateway {
    services: Arc<Services>,
    access: Arc<Access>,
    hosts: Hosts,
    proxies: Proxies,
    deliveries: Deliveries,
    metrics: PrometheusHandle,
    validator: bool,
    draining: AtomicBool,
}

impl Gateway {
    /// The faces of these services, for callers whom `access` lets in; with `validator`, XML-RPC answers the methods
    /// that test clients.
    pub fn new(
        services: Arc<Services>,
        access: Arc<Access>,
        hosts: Hosts,
        proxies: Proxies,
        deliveries: Deliveries,
        metrics: PrometheusHandle,
        validator: bool,
    ) -> Arc<Self> {
        let draining = AtomicBool::new(false);
        Arc::new(Self { services, access, hosts, proxies, deliveries, metrics, validator, draining })
    }

    fn is_draining(&self) -> bool {
        self.draining.load(Relaxed)
    }
}

/// Answers callers until it is stopped, then lets running answers finish.
pub async fn serve(listener: TcpListener, gateway: Arc<Gateway>, stop: CancellationToken) {
    let limits = &gateway.services.about.limits;
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(limits.request_seconds.max(1)))
        .max_buf_size(limits.header_bytes.max(LEAST_HEAD));
    let router = routes::router(gateway.clone());
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { break };
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!("a connection could not be accepted: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Without this, the second segment of a small answer waits for the caller's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        let (gateway, router) = (gateway.clone(), router.clone());
        let service = service_fn(move |request| answer(gateway.clone(), router.clone(), peer.ip(), request));
        let connection = graceful.watch(builder.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!("a connection ended: {error}");
            }
            drop(place);
        });
    }
    gateway.draining.store(true, Relaxed);
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("some answers were cut off after {} s", DRAIN.as_secs());
    }
}

/// Binds the listener.
pub async fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address).await
}

async fn answer(
    gateway: Arc<Gateway>,
    router: Router,
    peer: IpAddr,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, std::convert::Infallible> {
    gateway.proxies.sift(peer, request.headers_mut());
    let wants_gzip = coding::wants_gzip(request.headers());
    let mut response = match admit(&gateway, &request) {
        Ok(()) => routes::answer(gateway, router, request).await,
        Err(response) => *response,
    };
    if response.status() == StatusCode::UNAUTHORIZED {
        credentials::challenge(response.headers_mut());
    }
    if wants_gzip {
        response = coding::pack(response).await;
    }
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, header::HeaderValue::from_static("nosniff"));
    Ok(response)
}

/// What is looked at before anything of a request is read: how large its head is, and whether it was meant for this
/// node.
fn admit(gateway: &Gateway, request: &Request<Incoming>) -> Result<(), Box<Response<Body>>> {
    let limit = gateway.services.about.limits.header_bytes;
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    let head = request.headers().iter().fold(target, |sum, (name, value)| sum + name.as_str().len() + value.len());
    if head > limit {
        let fault = Fault::too_large(format!("the request's head has {head} bytes, limits.header_bytes is {limit}"));
        let mut response = routes::closing(routes::problem(&fault));
        *response.status_mut() = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Err(Box::new(response));
    }
    gateway.hosts.admit(request.headers()).map_err(|fault| Box::new(routes::problem(&fault)))
}
