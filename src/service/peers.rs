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
            self.block(&note.peer_id, true).await?;
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
        self.noted(vec![peer]).await?.pop().ok_or_else(|| Fault::internal("a connected peer was lost"))
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
        let mut note = self.note(peer_id).await?;
        if let Some(alias) = alias {
            note.alias = checked_alias(alias)?;
        }
        note.trusted = trusted.unwrap_or(note.trusted);
        note.blocked = blocked.unwrap_or(note.blocked);
        // Refusing the peer checks its id, so nothing is kept under an id that is none.
        self.block(peer_id, note.blocked).await?;
        self.store.save_peer_note(&note).await?;
        for overlay in self.with_peers(&[])? {
            if let Some(peer) = self.of(overlay).await?.into_iter().find(|peer| peer.peer_id == peer_id) {
                return Ok(peer);
            }
        }
        Err(Fault::internal("a peer was lost right after it was noted"))
    }

    async fn block(&self, peer_id: &str, blocked: bool) -> Outcome<()> {
        for overlay in self.with_peers(&[])? {
            overlay.block(peer_id, blocked).await?;
        }
        Ok(())
    }

    async fn note(&self, peer_id: &str) -> Outcome<PeerNote> {
        let notes = self.store.peer_notes().await?;
        let known = notes.into_iter().find(|note| note.peer_id == peer_id);
        Ok(known.unwrap_or_else(|| PeerNote { peer_id: peer_id.to_owned(), ..PeerNote::default() }))
    }

    fn with_peers(&self, names: &[String]) -> Outcome<Vec<&Arc<dyn Overlay>>> {
        Ok(self.overlays.select(names)?.into_iter().filter(|overlay| overlay.capabilities().peers).collect())
    }

    /// The peers of one overlay, and those that are noted though they are not connected.
    async fn of(&self, overlay: &Arc<dyn Overlay>) -> Outcome<Vec<Peer>> {
        let mut peers = overlay.peers().await;
        for note in self.store.peer_notes().await? {
            if !peers.iter().any(|peer| peer.peer_id == note.peer_id) {
                peers.push(absent(overlay.name(), note.peer_id));
            }
        }
        self.noted(peers).await
    }

    async fn noted(&self, mut peers: Vec<Peer>) -> Outcome<Vec<Peer>> {
        let notes = self.store.peer_notes().await?;
        for peer in &mut peers {
            if let Some(note) = notes.iter().find(|note| note.peer_id == peer.peer_id) {
                peer.alias = note.alias.clone();
                peer.trusted = note.trusted;
                peer.blocked = note.blocked;
            }
        }
        Ok(peers)
    }
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
