//! How a bridge is, and why it cannot work if it cannot.
//!
//! It is looked at anew with each question, since what a bridge needs comes and goes: a far gateway's id is known only once
//! it was reached, and a bridge that another one was in the way of is free once that is removed.

use std::sync::Arc;

use super::{Bridges, bridges::find, live::Bridge, rules::Settings};
use crate::{
    model::{Bridge as BridgeRecord, BridgeState},
    overlay::Overlay,
};

impl Bridges {
    /// How a bridge is, and why.
    pub(super) fn state(&self, bridge: &Arc<Bridge>) -> (BridgeState, Option<String>) {
        match self.obstacle(bridge) {
            Some(reason) => (BridgeState::Refused, Some(reason)),
            None if bridge.is_paused() => {
                (BridgeState::Paused, Some("a caller has paused it; bridge.resume lets it go on".to_owned()))
            }
            None => (BridgeState::Up, None),
        }
    }

    /// Why a bridge cannot work, if it cannot.
    pub(super) fn obstacle(&self, bridge: &Arc<Bridge>) -> Option<String> {
        let Settings { from, to, .. } = &bridge.settings;
        if from == to {
            return Some(format!("from and to are the same overlay, {from}"));
        }
        let overlays = match self.overlays() {
            Ok(overlays) => overlays,
            Err(fault) => return Some(fault.message),
        };
        let (from, to) = match (find(&overlays, from), find(&overlays, to)) {
            (Ok(from), Ok(to)) => (from, to),
            (Err(reason), _) => return Some(format!("from: {reason}")),
            (_, Err(reason)) => return Some(format!("to: {reason}")),
        };
        if from.id() == to.id() {
            let names = (from.name(), to.name());
            return Some(format!("{} and {} are one and the same network, {}", names.0, names.1, to.id()));
        }
        if !bridge.ways().any(|way| is_of_use(if way.far() == to.name() { to } else { from })) {
            return Some(format!("overlay {} can neither be searched nor fetched from", to.name()));
        }
        let twin = self.twin(bridge)?;
        Some(format!("bridge {} joins the same overlays in the same direction; keep one of them", twin.id))
    }

    /// An earlier bridge with the same direction.
    fn twin(&self, bridge: &Arc<Bridge>) -> Option<Arc<Bridge>> {
        let earlier = self.all().into_iter().take_while(|other| other.id != bridge.id);
        let ends = |bridge: &Arc<Bridge>| -> Vec<(String, String)> {
            bridge.ways().map(|way| (way.near().to_owned(), way.far().to_owned())).collect()
        };
        let ours = ends(bridge);
        earlier.into_iter().find(|other| ends(other).iter().any(|way| ours.contains(way)))
    }

    /// A bridge as callers see it.
    pub(super) fn record(&self, bridge: &Arc<Bridge>) -> BridgeRecord {
        let (state, reason) = self.state(bridge);
        let (settings, counted) = (&bridge.settings, bridge.counters.now());
        BridgeRecord {
            bridge_id: bridge.id.clone(),
            from: settings.from.clone(),
            to: settings.to.clone(),
            bidirectional: settings.bidirectional,
            hop_limit: settings.hop_limit,
            allow: settings.allow.iter().map(ToString::to_string).collect(),
            deny: settings.deny.iter().map(ToString::to_string).collect(),
            max_size: settings.max_size,
            state,
            reason,
            queries_forwarded: counted.queries,
            hits_returned: counted.hits,
            bytes_relayed: counted.bytes,
            refusals: counted.refusals,
        }
    }
}

fn is_of_use(overlay: &Arc<dyn Overlay>) -> bool {
    let capabilities = overlay.capabilities();
    capabilities.search || capabilities.fetch
}
