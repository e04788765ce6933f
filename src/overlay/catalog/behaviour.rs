//! The suite of all overlays, on this one: a legacy system in this process, over HTTP and XML-RPC as they really are.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, extract::State, http::StatusCode, routing::post};
use serde::Serialize;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    binding::xmlrpc::{Dialect, encode},
    model::{Data, OverlayState, Time},
    overlay::{
        behaviour::{FarSide, Kind, NEAR, Talents, behaviours, eventually},
        double::{Article, Manner, Shelf},
    },
};

/// A catalogue whose entries lie on a shelf, each under its native id as the id of the entry.
struct Legacy {
    shelf: Arc<Shelf>,
    overlay: Arc<Catalog>,
    stop: CancellationToken,
    answering: Mutex<Option<JoinHandle<()>>>,
    _folder: tempfile::TempDir,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    entry_id: String,
    name: String,
    size: u64,
    media_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<Time>,
}

#[derive(Serialize)]
struct Entries {
    entries: Vec<Listed>,
}

#[derive(Serialize)]
struct Part {
    data: Data,
    offset: u64,
    size: u64,
    eof: bool,
}

/// The values of a call's parameters, as texts.
fn parameters(call: &str) -> Vec<String> {
    let params = call.split("<param>").skip(1).filter_map(|param| param.split("</param>").next());
    let texts = params.map(|param| param.split('<').filter_map(|tag| tag.split('>').nth(1)).collect::<String>());
    texts.map(|text| text.trim().replace("&quot;", "\"").replace("&amp;", "&")).collect()
}

async fn answer(State(shelf): State<Arc<Shelf>>, call: String) -> (StatusCode, String) {
    let _busy = shelf.begin();
    let parameters = parameters(&call);
    let number = |at: usize| parameters[at].parse::<f64>().unwrap() as u64;
    let document = if call.contains("<methodName>catalog.search<") {
        if shelf.is_mute() && parameters[0] != "peergate" {
            shelf.gate().pass().await;
        }
        let hits = Query::parse(&parameters[0], number(1) as usize).map(|query| shelf.hits(&query)).unwrap_or_default();
        let listed = |hit: Hit| Listed {
            entry_id: hit.content_id.to_string(),
            name: hit.name,
            size: hit.size,
            media_type: hit.media_type,
            description: hit.description,
            tags: hit.tags,
            modified: hit.modified,
        };
        encode::response(&Entries { entries: hits.into_iter().map(listed).collect() }, Dialect::default()).unwrap()
    } else {
        let id = parameters[0].parse().ok();
        match id.and_then(|id| shelf.get(&id)) {
            Some(article) => match part(&shelf, &article, number(1), number(2)).await {
                Some(part) => encode::response(&part, Dialect::default()).unwrap(),
                None => return (StatusCode::INTERNAL_SERVER_ERROR, "Traceback (most recent call last):".to_owned()),
            },
            None => encode::fault(404, "there is no such entry", Dialect::default()),
        }
    };
    (StatusCode::OK, document.into_text())
}

/// Bytes of an article as its manner has them; none where it breaks off.
async fn part(shelf: &Shelf, article: &Article, offset: u64, length: u64) -> Option<Part> {
    let size = article.hit.size;
    let end = size.min(offset + length);
    match article.manner {
        Manner::Stalled(after) if end > after => shelf.gate().pass().await,
        Manner::Broken(after) if end > after => return None,
        _ => {}
    }
    let mut data = article.data.slice(offset.min(size) as usize..end.max(offset.min(size)) as usize).to_vec();
    if article.manner == Manner::Forged && end == size {
        data.last_mut().into_iter().for_each(|byte| *byte ^= 1);
    }
    Some(Part { data: Data(data.into()), offset, size, eof: offset + length >= size })
}

impl Kind for Legacy {
    const TALENTS: Talents = Talents {
        wire: true,
        journeys: false,
        records: false,
        via: false,
        proves: false,
        foreign: false,
        native: false,
    };

    async fn bring_up(FarSide { articles, is_mute }: FarSide) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let shelf = Arc::new(Shelf::of(articles));
        if is_mute {
            shelf.be_mute();
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/RPC2", listener.local_addr().unwrap());
        let router = Router::new().route("/RPC2", post(answer)).with_state(shelf.clone());
        let stop = CancellationToken::new();
        let served = axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
        let answering = tokio::spawn(async move { served.await.unwrap() });
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let address = Address::new(&url, None, None).unwrap();
        let patience = Patience { connect: Duration::from_secs(1), idle: Duration::from_secs(1) };
        let overlay = Arc::new(Catalog::start(NEAR, address, patience, store).unwrap());
        eventually("the first probe", || overlay.status().state == OverlayState::Up).await;
        Self { shelf, overlay, stop, answering: Mutex::new(Some(answering)), _folder: folder }
    }

    fn overlay(&self) -> Arc<dyn Overlay> {
        self.overlay.clone()
    }

    fn far_side(&self) -> &Shelf {
        &self.shelf
    }

    fn id_of(&self, article: &Article) -> ContentId {
        ContentId::Catalogue { overlay: NEAR.to_owned(), entry: article.id().to_string() }
    }

    fn unknown_id(&self) -> ContentId {
        ContentId::Catalogue { overlay: NEAR.to_owned(), entry: "nothing".to_owned() }
    }

    async fn take_far_side_away(&self) {
        self.stop.cancel();
        let answering = self.answering.lock().unwrap().take();
        if let Some(answering) = answering {
            answering.await.unwrap();
        }
    }
}

impl Drop for Legacy {
    fn drop(&mut self) {
        self.shelf.gate().open();
        self.stop.cancel();
    }
}

behaviours!(Legacy);
