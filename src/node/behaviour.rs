//! The suite of all overlays on those whose far side is a whole node: another gateway, over each binding.
//!
//! The far node runs in this process and answers over real HTTP; what it finds and fetches lies in a double of an
//! overlay.

use std::{net::TcpListener as Port, sync::Arc, time::Duration};

use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::{net::TcpListener, task::JoinHandle};

use super::*;
use crate::{
    model::OverlayState,
    overlay::{
        behaviour::{FarSide, Kind, NEAR, Talents, behaviours, eventually},
        double::{Double, Shelf, Temper},
    },
};

/// A node in this process whose only overlay is a double.
struct FarNode {
    double: Arc<Double>,
    url: String,
    stop: CancellationToken,
    answering: std::sync::Mutex<Option<JoinHandle<()>>>,
    _folder: tempfile::TempDir,
}

impl FarNode {
    async fn start(FarSide { articles, is_mute }: FarSide) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config { data_dir: folder.path().to_owned(), overlay: Vec::new(), ..Config::default() };
        let double = Double::new("far", Temper::Honest, articles);
        if is_mute {
            double.shelf().be_mute();
        }
        let port = Port::bind("127.0.0.1:0").unwrap();
        port.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(port).unwrap();
        let address = listener.local_addr().unwrap();
        let ground = Ground::open(&config).await.unwrap();
        let node = Node::build(&config, address, ground, vec![double.clone()]).await.unwrap();
        let gateway = Gateway::new(
            node.services.clone(),
            Arc::new(Access::new(Vec::new(), false, Duration::from_secs(60)).unwrap()),
            Hosts::new(None, &[]),
            Proxies::new(Vec::new()),
            Deliveries::new(None),
            PrometheusBuilder::new().build_recorder().handle(),
            false,
        );
        let stop = CancellationToken::new();
        let answering = tokio::spawn(http::serve(listener, gateway, stop.clone()));
        let (url, answering) = (format!("http://{address}"), std::sync::Mutex::new(Some(answering)));
        Self { double, url, stop, answering, _folder: folder }
    }

    async fn end(&self) {
        self.stop.cancel();
        let answering = self.answering.lock().unwrap().take();
        if let Some(answering) = answering {
            answering.await.unwrap();
        }
    }
}

/// A gateway overlay over that node.
struct ToGateway<const SOAP: bool> {
    far: FarNode,
    near: Arc<overlay::gateway::Gateway>,
    _folder: tempfile::TempDir,
}

impl<const SOAP: bool> Kind for ToGateway<SOAP> {
    const TALENTS: Talents =
        Talents { wire: true, journeys: true, records: true, via: true, proves: true, foreign: true, native: true };

    async fn bring_up(far: FarSide) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let far = FarNode::start(far).await;
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let url = format!("{}/{}", far.url, if SOAP { "soap" } else { "xmlrpc" });
        let address = Address::new(&url, None, None).unwrap();
        let patience = overlay::remote::Patience { connect: Duration::from_secs(1), idle: Duration::from_secs(1) };
        let own = Identity::generate().peer_id();
        let near = overlay::gateway::Gateway::start(NEAR, address, patience, &own, Arc::default(), store).unwrap();
        let near = Arc::new(near);
        eventually("the first probe", || near.status().state == OverlayState::Up).await;
        Self { far, near, _folder: folder }
    }

    fn overlay(&self) -> Arc<dyn Overlay> {
        self.near.clone()
    }

    fn far_side(&self) -> &Shelf {
        self.far.double.shelf()
    }

    async fn take_far_side_away(&self) {
        self.far.end().await;
    }
}

impl<const SOAP: bool> Drop for ToGateway<SOAP> {
    fn drop(&mut self) {
        self.far.stop.cancel();
    }
}

mod gateway_over_soap {
    use super::*;
    behaviours!(ToGateway<true>);
}

mod gateway_over_xmlrpc {
    use super::*;
    behaviours!(ToGateway<false>);
}
