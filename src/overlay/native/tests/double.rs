//! An offer that lies in memory and can be told to misbehave, and nodes to try it on.

use std::{
    collections::HashMap,
    ops::Range,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use futures::{StreamExt, stream};
use tokio::time::timeout;

use super::super::*;
pub use crate::overlay::double::{Manner, content};
use crate::{
    model::{FaultKind, Hit, Piece},
    overlay::double::{Article, Shelf},
};

/// Longest that anything may take before a test fails.
pub const AT_MOST: Duration = Duration::from_secs(30);

/// What one node offers: a shelf, and things further away.
#[derive(Default)]
pub struct Double {
    pub shelf: Shelf,
    /// What is found further away, by the next query.
    pub further: Mutex<Option<BoxStream<'static, Found>>>,
    /// Records of what lies further away.
    records: Mutex<HashMap<ContentId, Hit>>,
    /// What is brought from further away.
    pub brought: Mutex<HashMap<ContentId, Brought>>,
}

/// A content further away: its size, and its pieces as they come.
pub type Brought = (u64, Vec<Outcome<Piece>>);

impl Double {
    pub fn mute() -> Self {
        let double = Self::default();
        double.shelf.be_mute();
        double
    }

    /// Says of a content that lies further away what it is.
    pub fn list(&self, hit: Hit) {
        self.records.lock().unwrap().insert(hit.content_id.clone(), hit);
    }

    pub fn put(&self, name: &str, data: Vec<u8>, manner: Manner) -> ContentId {
        self.shelf.put(Article::new(name, data).sent(manner))
    }
}

#[async_trait]
impl Offer for Double {
    async fn search(&self, query: Arc<Query>, journey: &Journey) -> Outcome<BoxStream<'static, Found>> {
        let here = self.shelf.search(query, journey).await?;
        let further = self.further.lock().unwrap().take().unwrap_or_else(|| stream::empty().boxed());
        Ok(here.chain(further).boxed())
    }

    async fn describe(&self, id: &ContentId, journey: &Journey) -> Outcome<Option<Hit>> {
        let here = self.shelf.describe(id, journey).await?;
        Ok(here.or_else(|| self.records.lock().unwrap().get(id).cloned()))
    }

    async fn open(&self, id: &ContentId) -> Outcome<Option<Arc<dyn crate::overlay::Source>>> {
        self.shelf.open(id).await
    }

    async fn bring(&self, id: &ContentId, _: Range<u64>, _: &Journey) -> Outcome<Option<Fetch>> {
        let brought = self.brought.lock().unwrap().get(id).cloned();
        let fetch =
            |(size, pieces)| Fetch { size, source: "further away".into(), pieces: stream::iter(pieces).boxed() };
        Ok(brought.map(fetch))
    }
}

/// One node of a test.
pub struct Node {
    pub native: Arc<Native>,
    pub offer: Arc<Double>,
    state: tempfile::TempDir,
}

/// A node of the overlay `home` that listens on a free TCP port.
pub async fn node(tweak: impl FnOnce(&mut NativeConfig)) -> Node {
    node_with(Double::default(), tweak).await
}

pub async fn node_with(offer: Double, tweak: impl FnOnce(&mut NativeConfig)) -> Node {
    let state = tempfile::tempdir().unwrap();
    let mut config = NativeConfig::new("home", state.path());
    config.listen = vec!["/ip4/127.0.0.1/tcp/0".into()];
    tweak(&mut config);
    let offer = Arc::new(offer);
    let native = Native::start(config, &Identity::generate(), offer.clone()).await.unwrap();
    Node { native, offer, state }
}

impl Node {
    pub fn address(&self) -> String {
        self.native.addresses().remove(0)
    }

    pub fn state(&self) -> &std::path::Path {
        self.state.path()
    }

    pub fn id(&self) -> String {
        self.address().rsplit('/').next().unwrap().to_owned()
    }

    /// Connects to another node and waits until both know each other.
    pub async fn meet(&self, other: &Node) {
        self.native.connect(&other.address()).await.unwrap();
        eventually(|| other.has_peer(&self.id())).await;
    }

    pub fn has_peer(&self, id: &str) -> bool {
        self.native.shared.members().has(&id.parse().unwrap())
    }
}

impl Drop for Node {
    /// Threads that stand at the gate would keep the test's runtime from ending.
    fn drop(&mut self) {
        self.offer.shelf.gate().open();
    }
}

/// Polls until the condition holds; fails when it takes too long.
pub async fn eventually(condition: impl Fn() -> bool) {
    let poll = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    timeout(AT_MOST, poll).await.expect("what is waited for did not come");
}

/// A question of somebody's.
pub fn journey() -> Journey {
    Journey::begin("12D3KooWSomebody")
}

/// All pieces of a fetch joined, and the fault that ended it if one did.
pub async fn collect(mut fetch: Fetch) -> (Vec<u8>, Option<Fault>) {
    let mut bytes = Vec::new();
    let mut place = None;
    let all = async {
        while let Some(piece) = fetch.pieces.next().await {
            let Piece { offset, data, .. } = match piece {
                Ok(piece) => piece,
                Err(fault) => return Some(fault),
            };
            assert_eq!(*place.get_or_insert(offset), offset, "pieces come in order and without gaps");
            place = Some(offset + data.len() as u64);
            bytes.extend_from_slice(&data);
        }
        None
    };
    let fault = timeout(AT_MOST, all).await.expect("the fetch ends");
    (bytes, fault)
}

pub fn assert_fault<T>(outcome: Outcome<T>, kind: FaultKind, part: &str) {
    let fault = outcome.err().expect("a fault");
    assert!(fault.kind == kind && fault.message.contains(part), "{fault}");
}
