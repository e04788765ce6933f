//! Peers: what the overlays know of them, joined with what this node's users think of them.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    model::{Fault, Outcome, Peer},
    overlay::{Overlay, Overlays},
    store::{PeerNote, Store},
};

/// Longest alias, in characters.
const MAX_ALIAS: usize = 100;

/// The peers of this node.
pub struct Peers {
    store: Arc<Store>,
    overlays: Arc<Overlays>,
}

impl Peers {
    /// The peers of these overlays.
    pub fn new(store: Arc<Store>, overlays: Arc<Overlays>) -> Self {
        Self { store, overlays }
    }

    /// Has every overlay refuse the peers that were blocked before.
    pub async fn restore(&self) -> Outcome<()> {
        for note in self.store.peer_notes().await?.into_iter().filter(|note| note.blocked) {
            // An overlay that is no longer configured has nobody to refuse.
            if let Ok(overlay) = self.overlays.named(&note.overlay) {
                overlay.block(&note.peer_id, true).await?;
            }
        }
        Ok(())
    }

    /// A page of the peers in the order of overlay and id, and the key of the next page.
    ///
    /// # Errors
    /// InvalidRequest for an unknown overlay.
    pub async fn list(
        &self,
        overlay: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Outcome<(Vec<Peer>, Option<String>)> {
        let wanted: Vec<String> = overlay.into_iter().map(str::to_owned).collect();
        let mut peers = BTreeMap::new();
        for overlay in self.with_peers(&wanted)? {
            peers.extend(self.of(overlay).await?.into_iter().map(|peer| (key(&peer), peer)));
        }
        let rest = peers.into_iter().filter(|(key, _)| after.is_none_or(|after| key.as_str() > after));
        let mut page: Vec<_> = rest.take(limit + 1).collect();
        let more = page.len() > limit;
        page.truncate(limit);
        let next = page.last().filter(|_| more).map(|(key, _)| key.clone());
        Ok((page.into_iter().map(|(_, peer)| peer).collect(), next))
    }

    /// Connects to a peer in the named overlay, or in the first that has peers.
    ///
    /// # Errors
    /// InvalidRequest for an unknown overlay or an address that is none, Unavailable when nobody answers there.
    pub async fn connect(&self, address: &str, overlay: Option<&str>) -> Outcome<Peer> {
        let wanted: Vec<String> = overlay.into_iter().map(str::to_owned).collect();
        let candidates = self.with_peers(&wanted)?;
        let overlay = candidates.first().ok_or_else(|| Fault::unsupported("no overlay of this node has peers"))?;
        let peer = overlay.connect(address).await?;
        let note = self.note(overlay.name(), &peer.peer_id).await?;
        Ok(with_note(peer, &note))
    }

    /// Ends the connections to a peer in every overlay; false when there was none.
    pub async fn disconnect(&self, peer_id: &str) -> Outcome<bool> {
        let mut any = false;
        for overlay in self.with_peers(&[])? {
            any |= overlay.disconnect(peer_id).await?;
        }
        Ok(any)
    }

    /// Keeps what a user thinks of a peer; what is absent stays.
    ///
    /// # Errors
    /// InvalidRequest for an id that is none, or an alias that is too long.
    pub async fn update(
        &self,
        peer_id: &str,
        alias: Option<String>,
        trusted: Option<bool>,
        blocked: Option<bool>,
    ) -> Outcome<Peer> {
        let alias = alias.map(checked_alias).transpose()?;
        let mut updated = None;
        for overlay in self.with_peers(&[])? {
            let mut note = self.note(overlay.name(), peer_id).await?;
            note.alias = alias.clone().unwrap_or(note.alias);
            note.trusted = trusted.unwrap_or(note.trusted);
            note.blocked = blocked.unwrap_or(note.blocked);
            // Refusing the peer checks its id, so nothing is kept under an id that is none.
            overlay.block(peer_id, note.blocked).await?;
            self.store.save_peer_note(&note).await?;
            let known = overlay.peers().await.into_iter().find(|peer| peer.peer_id == peer_id);
            let peer = known.unwrap_or_else(|| absent(overlay.name(), peer_id.to_owned()));
            // The overlay in which the peer is connected is the one to tell of.
            if updated.as_ref().is_none_or(|seen: &Peer| !seen.connected) {
                updated = Some(with_note(peer, &note));
            }
        }
        updated.ok_or_else(|| Fault::unsupported("no overlay of this node has peers"))
    }

    /// The record with what a user thinks of the peer; without, where that cannot be read.
    pub async fn noted(&self, peer: Peer) -> Peer {
        match self.note(&peer.overlay, &peer.peer_id).await {
            Ok(note) => with_note(peer, &note),
            Err(_) => peer,
        }
    }

    async fn note(&self, overlay: &str, peer_id: &str) -> Outcome<PeerNote> {
        let unknown = || PeerNote {
            overlay: overlay.to_owned(),
            peer_id: peer_id.to_owned(),
            alias: None,
            trusted: false,
            blocked: false,
        };
        Ok(self.store.peer_note(overlay, peer_id).await?.unwrap_or_else(unknown))
    }

    fn with_peers(&self, names: &[String]) -> Outcome<Vec<&Arc<dyn Overlay>>> {
        Ok(self.overlays.select(names)?.into_iter().filter(|overlay| overlay.capabilities().peers).collect())
    }

    /// The peers of one overlay, and those that are noted though they are not connected.
    async fn of(&self, overlay: &Arc<dyn Overlay>) -> Outcome<Vec<Peer>> {
        let connected = overlay.peers().await.into_iter().map(|peer| (peer.peer_id.clone(), peer));
        let mut peers: BTreeMap<String, Peer> = connected.collect();
        for note in self.store.peer_notes().await?.into_iter().filter(|note| note.overlay == overlay.name()) {
            let peer = peers.remove(&note.peer_id).unwrap_or_else(|| absent(overlay.name(), note.peer_id.clone()));
            peers.insert(note.peer_id.clone(), with_note(peer, &note));
        }
        Ok(peers.into_values().collect())
    }
}

fn with_note(peer: Peer, note: &PeerNote) -> Peer {
    Peer { alias: note.alias.clone(), trusted: note.trusted, blocked: note.blocked, ..peer }
}

fn key(peer: &Peer) -> String {
    format!("{}/{}", peer.overlay, peer.peer_id)
}

fn absent(overlay: &str, peer_id: String) -> Peer {
    Peer {
        peer_id,
        overlay: overlay.to_owned(),
        alias: None,
        addresses: Vec::new(),
        agent: None,
        round_trip_ms: None,
        connected: false,
        since: None,
        trusted: false,
        blocked: false,
        gateway: false,
    }
}

fn checked_alias(alias: String) -> Outcome<Option<String>> {
    let length = alias.chars().count();
    if length > MAX_ALIAS {
        return Err(Fault::invalid(format!("alias has {length} characters, the limit is {MAX_ALIAS}")));
    }
    if alias.chars().any(char::is_control) {
        return Err(Fault::invalid("alias holds a control character"));
    }
    Ok(Some(alias).filter(|alias| !alias.is_empty()))
}
