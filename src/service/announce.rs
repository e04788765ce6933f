//! Makes what this node shares known in its overlays, at the start and whenever it changes.

use std::sync::Arc;

use tokio::sync::broadcast::error::RecvError;

use crate::{
    model::{Content, ContentId, Outcome},
    overlay::Overlays,
    store::{Change, Store},
};

/// Contents that are read from the catalogue at one time.
const PAGE: usize = 1_000;

/// Announces everything, then every change, until the store is closed.
pub async fn run(store: Arc<Store>, overlays: Arc<Overlays>) {
    let mut changes = store.changes();
    announce_all(&store, &overlays).await;
    loop {
        match changes.recv().await {
            Ok(Change::Published { id, overlays: names }) => {
                publish(&overlays, &[id], |name| names.contains(name)).await
            }
            Ok(Change::Withdrawn { id, .. }) => withdraw(&overlays, &id).await,
            Ok(Change::Updated { .. }) => {}
            // What was missed is in the catalogue.
            Err(RecvError::Lagged(_)) => announce_all(&store, &overlays).await,
            Err(RecvError::Closed) => return,
        }
    }
}

async fn announce_all(store: &Store, overlays: &Overlays) {
    let mut after = None;
    loop {
        let page: Outcome<(Vec<Arc<Content>>, Option<String>)> = store.list(None, after.as_deref(), PAGE).await;
        let (contents, next) = match page {
            Ok(page) => page,
            Err(fault) => return tracing::warn!("not all contents could be announced: {fault}"),
        };
        for overlay in overlays.iter().filter(|overlay| overlay.capabilities().publish) {
            let there = contents.iter().filter(|content| content.overlays.iter().any(|name| name == overlay.name()));
            let ids: Vec<ContentId> = there.map(|content| content.content_id.clone()).collect();
            publish(overlays, &ids, |name| name == overlay.name()).await;
        }
        match next {
            Some(next) => after = Some(next),
            None => return,
        }
    }
}

async fn publish(overlays: &Overlays, ids: &[ContentId], wanted: impl Fn(&String) -> bool) {
    for overlay in overlays.iter().filter(|overlay| overlay.capabilities().publish) {
        if wanted(&overlay.name().to_owned())
            && let Err(fault) = overlay.publish(ids).await
        {
            tracing::warn!(overlay = overlay.name(), "{} contents could not be announced: {fault}", ids.len());
        }
    }
}

async fn withdraw(overlays: &Overlays, id: &ContentId) {
    for overlay in overlays.iter().filter(|overlay| overlay.capabilities().publish) {
        if let Err(fault) = overlay.withdraw(id).await {
            tracing::warn!(overlay = overlay.name(), %id, "a content could not be withdrawn: {fault}");
        }
    }
}
