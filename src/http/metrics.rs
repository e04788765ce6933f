//! `GET /metrics`: what Prometheus reads. The documented list is in `docs/ARCHITECTURE.md`.

use std::{sync::Arc, time::Duration};

use metrics::gauge;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::{
    model::Outcome,
    operation::{Operation, node::Stats},
    service::Services,
};

/// Upper bounds of the buckets in which the seconds of calls are counted.
const BUCKETS: [f64; 11] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0];
/// How often samples are folded into their buckets, so that they take no memory while nobody reads them.
const UPKEEP: Duration = Duration::from_secs(5);

/// Has the process's metrics recorded from now on.
///
/// # Errors
/// When they are recorded elsewhere already.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let matcher = Matcher::Suffix("_seconds".to_owned());
    let handle = PrometheusBuilder::new().set_buckets_for_metric(matcher, &BUCKETS)?.install_recorder()?;
    let folded = handle.clone();
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(UPKEEP);
        loop {
            ticks.tick().await;
            folded.run_upkeep();
        }
    });
    Ok(handle)
}

/// The metrics as text, with what is only known when it is asked for.
pub async fn render(handle: &PrometheusHandle, services: &Arc<Services>) -> Outcome<String> {
    let stats = Stats {}.call(services).await?;
    // Prometheus has floating-point numbers only; counts stay exact up to 2^53.
    #[allow(clippy::cast_precision_loss)]
    let wide = |count: u64| count as f64;
    gauge!("peergate_contents").set(wide(stats.contents));
    gauge!("peergate_shared_bytes").set(wide(stats.bytes_shared));
    gauge!("peergate_peers").set(f64::from(stats.peers));
    gauge!("peergate_transfers_active").set(f64::from(stats.transfers_active));
    gauge!("peergate_searches_served").set(wide(stats.searches_served));
    gauge!("peergate_content_bytes_in").set(wide(stats.bytes_in));
    gauge!("peergate_content_bytes_out").set(wide(stats.bytes_out));
    for (state, count) in services.events.count() {
        gauge!("peergate_event_subscriptions", "state" => state.name()).set(wide(count as u64));
    }
    Ok(handle.render())
}
