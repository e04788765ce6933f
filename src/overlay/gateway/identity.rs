//! Who the far side is: its peer id, as node.info tells it, names this overlay on every node, so that a question which has
//! been there is known to have been.
//!
//! A far side that is this very node, or one that another overlay of this node leads to already, is out of use: it would find
//! everything twice.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    Far,
    messages::{INFO, Info, Nothing},
};
use crate::{
    model::{Fault, FaultKind, Outcome},
    overlay::remote::{Cause, Terms},
};

/// How long a probe may take.
const PROBE: Duration = Duration::from_secs(5);
/// Longest peer id that is believed in; one of ours has 52 characters.
const MAX_PEER_ID: usize = 100;
/// Longest version that is shown.
const MAX_VERSION: usize = 40;

/// The far sides of all gateways of this node, by their overlay ids, with the names of the overlays that lead there.
#[derive(Default)]
pub struct Neighbours(Mutex<HashMap<String, String>>);

impl Neighbours {
    /// Notes that the overlay leads to that far side; answers which other one does already.
    fn claim(&self, id: &str, overlay: &str) -> Option<String> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get(id).filter(|other| *other != overlay) {
            Some(other) => Some(other.clone()),
            None => {
                known.retain(|_, name| name != overlay);
                known.insert(id.to_owned(), overlay.to_owned());
                None
            }
        }
    }
}

/// The ids of this overlay.
pub(super) struct Identity {
    overlay: String,
    /// This node, as the overlay that it is for others.
    own: String,
    neighbours: Arc<Neighbours>,
    known: Mutex<Known>,
}

struct Known {
    id: String,
    /// What people are told of it.
    description: Option<String>,
}

impl Identity {
    /// Until the far side has said who it is, its address names it.
    pub fn new(overlay: &str, url: &str, own: &str, neighbours: Arc<Neighbours>) -> Self {
        let hash = blake3::derive_key("peergate 2026 gateway overlay id", url.as_bytes());
        let hex: String = hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        let known = Mutex::new(Known { id: format!("gateway:{hex}"), description: None });
        Self { overlay: overlay.to_owned(), own: format!("gateway:{own}"), neighbours, known }
    }

    /// What names this overlay.
    pub fn id(&self) -> String {
        self.known().id.clone()
    }

    /// What names this node as the overlay that it is for others.
    pub fn own(&self) -> &str {
        &self.own
    }

    /// What people are told of the far side.
    pub fn describe(&self) -> Option<String> {
        self.known().description.clone()
    }

    /// Takes in who the far side says it is.
    ///
    /// # Errors
    /// Conflict when it leads nowhere new.
    fn learn(&self, info: &Info) -> Outcome<Option<String>> {
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if info.peer_id.is_empty() || info.peer_id.len() > MAX_PEER_ID || !is_plain(&info.peer_id) {
            return Ok(Some("it does not say who it is, so loops through it are not seen".to_owned()));
        }
        let id = format!("gateway:{}", info.peer_id);
        let version: String = info.version.chars().filter(|c| c.is_ascii_graphic()).take(MAX_VERSION).collect();
        *self.known() = Known { id: id.clone(), description: Some(format!("{id}, version {version}")) };
        if id == self.own {
            return Err(Fault::conflict(format!("collision: {id} is this very node; set url to another one")));
        }
        match self.neighbours.claim(&id, &self.overlay) {
            Some(other) => Err(Fault::conflict(format!(
                "collision: {id} is what overlay {other} leads to already; leave one of the two out"
            ))),
            None => Ok(None),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Far {
    /// Asks the far side who it is, and so whether it is there. One that answers only some operations is there as well.
    ///
    /// # Errors
    /// Why it is out of use.
    pub(super) async fn probe(&self) -> Outcome<Option<String>> {
        let answer = self.remote.call::<_, Info>(&INFO, &Nothing {}, &Terms::within(PROBE)).await;
        match answer {
            Ok(info) => self.identity.learn(&info),
            Err(failure) => match failure.cause {
                Cause::Fault(FaultKind::NotAuthenticated) | Cause::Unusable | Cause::Unreachable => Err(failure.fault),
                Cause::Fault(_) => Ok(Some(format!("it does not say who it is: {}", failure.fault.message))),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(peer_id: &str) -> Info {
        Info { peer_id: peer_id.into(), version: "0.1.0\n".into() }
    }

    #[test]
    fn an_overlay_is_named_by_its_address_until_it_says_who_it_is() {
        let neighbours = Arc::new(Neighbours::default());
        let identity = |url: &str| Identity::new("far", url, "12D3Own", neighbours.clone());
        let (one, other) = (identity("http://a/"), identity("http://b/"));
        assert!(one.id() != other.id() && one.id().starts_with("gateway:"));
        assert_eq!(one.learn(&info("12D3Far")), Ok(None));
        assert_eq!(
            (one.id().as_str(), one.describe().as_deref()),
            ("gateway:12D3Far", Some("gateway:12D3Far, version 0.1.0"))
        );
        for odd in ["", "a,b", "x y", &"x".repeat(200)] {
            assert!(matches!(other.learn(&info(odd)), Ok(Some(_))), "{odd}");
        }
    }

    #[test]
    fn a_far_side_that_leads_nowhere_new_is_told_by_its_id() {
        let neighbours = Arc::new(Neighbours::default());
        let identity = |name: &str| Identity::new(name, "http://a/", "12D3Own", neighbours.clone());
        let (one, other) = (identity("one"), identity("other"));
        let itself = one.learn(&info("12D3Own")).unwrap_err();
        assert!(itself.message.contains("gateway:12D3Own is this very node"), "{itself}");
        assert_eq!(one.learn(&info("12D3Far")), Ok(None));
        assert_eq!(one.learn(&info("12D3Far")), Ok(None), "the same one again");
        let twice = other.learn(&info("12D3Far")).unwrap_err();
        assert!(twice.message.contains("gateway:12D3Far is what overlay one leads to already"), "{twice}");
        assert_eq!(other.id(), one.id(), "a bridge sees that they collide");
        assert_eq!(one.learn(&info("12D3New")), Ok(None));
        assert_eq!(other.learn(&info("12D3Far")), Ok(None), "it is free again");
    }
}
