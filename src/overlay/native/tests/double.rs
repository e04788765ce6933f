//! An offer that lies in memory and can be told to misbehave, and nodes to try it on.

use std::{
    collections::HashMap,
    io,
    ops::Range,
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bao_tree::{
    BlockSize, ChunkNum, ChunkRanges,
    io::{outboard::PreOrderMemOutboard, sync::encode_ranges_validated},
};
use futures::{StreamExt, stream};
use tokio::time::timeout;

use super::super::{hits::bare_hit, *};
use crate::model::{FaultKind, Hit, Piece};

const BLOCK: BlockSize = BlockSize::from_chunk_log(4);
/// Longest that anything may take before a test fails.
pub const AT_MOST: Duration = Duration::from_secs(30);

/// How a content is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    Honest,
    /// One bit of it is another.
    Forged,
    /// Nothing after the first group, and no end either.
    Stalled,
    /// The file behind it has changed.
    Changed,
    /// Only its first so many bytes are here.
    Partial(u64),
}

/// What one node offers.
#[derive(Default)]
pub struct Double {
    contents: Mutex<HashMap<ContentId, (Hit, Arc<Memory>)>>,
    /// The last query that came in, and its way.
    pub asked: Mutex<Option<(Query, Journey)>>,
    /// Searches are never answered.
    mute: bool,
    gate: Gate,
    /// What is found further away, by the next query.
    pub further: Mutex<Option<BoxStream<'static, Found>>>,
    /// Records of what lies further away.
    records: Mutex<HashMap<ContentId, Hit>>,
    /// What is brought from further away.
    pub brought: Mutex<HashMap<ContentId, Brought>>,
}

/// A content further away: its size, and its pieces as they come.
pub type Brought = (u64, Vec<Outcome<Piece>>);

/// What stalled contents wait at; opens when it is dropped or told to.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn wait(&self) {
        let (open, opened) = &*self.0;
        drop(opened.wait_while(open.lock().unwrap(), |open| !*open));
    }

    pub fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }
}

pub struct Memory {
    data: Vec<u8>,
    outboard: PreOrderMemOutboard,
    manner: Manner,
    gate: Gate,
}

impl Double {
    pub fn mute() -> Self {
        Self { mute: true, ..Self::default() }
    }

    /// Says of a content that lies further away what it is.
    pub fn list(&self, hit: Hit) {
        self.records.lock().unwrap().insert(hit.content_id.clone(), hit);
    }

    pub fn put(&self, name: &str, data: Vec<u8>, manner: Manner) -> ContentId {
        let outboard = PreOrderMemOutboard::create(&data, BLOCK);
        let id = ContentId::native(outboard.root);
        let hit =
            Hit { name: name.into(), media_type: "text/plain".into(), ..bare_hit(&id, data.len() as u64, "theirs") };
        self.contents
            .lock()
            .unwrap()
            .insert(id.clone(), (hit, Arc::new(Memory { data, outboard, manner, gate: self.gate.clone() })));
        id
    }
}

#[async_trait]
impl Offer for Double {
    async fn search(&self, query: Arc<Query>, journey: &Journey) -> Outcome<BoxStream<'static, Found>> {
        *self.asked.lock().unwrap() = Some(((*query).clone(), journey.clone()));
        if self.mute {
            std::future::pending::<()>().await;
        }
        let word = query.to_string();
        let contents = self.contents.lock().unwrap();
        let mut hits: Vec<_> =
            contents.values().map(|(hit, _)| hit.clone()).filter(|hit| hit.name.contains(&word)).collect();
        hits.sort_by(|one, other| one.name.cmp(&other.name));
        let here = stream::iter([Found::Page(hits)]);
        let further = self.further.lock().unwrap().take().unwrap_or_else(|| stream::empty().boxed());
        Ok(here.chain(further).boxed())
    }

    async fn describe(&self, id: &ContentId, _: &Journey) -> Outcome<Option<Hit>> {
        let here = self.contents.lock().unwrap().get(id).map(|(hit, _)| hit.clone());
        Ok(here.or_else(|| self.records.lock().unwrap().get(id).cloned()))
    }

    async fn open(&self, id: &ContentId) -> Outcome<Option<Arc<dyn crate::overlay::Source>>> {
        Ok(self.contents.lock().unwrap().get(id).map(|(_, memory)| memory.clone() as _))
    }

    async fn bring(&self, id: &ContentId, _: Range<u64>, _: &Journey) -> Outcome<Option<Fetch>> {
        let brought = self.brought.lock().unwrap().get(id).cloned();
        let fetch =
            |(size, pieces)| Fetch { size, source: "further away".into(), pieces: stream::iter(pieces).boxed() };
        Ok(brought.map(fetch))
    }
}

impl crate::overlay::Source for Memory {
    fn size(&self) -> u64 {
        self.data.len() as u64
    }

    fn available(&self, range: Range<u64>) -> Range<u64> {
        match self.manner {
            Manner::Partial(here) => range.start.min(here)..range.end.min(here),
            _ => range,
        }
    }

    fn encode(&self, range: Range<u64>, out: &mut dyn io::Write) -> io::Result<()> {
        if self.manner == Manner::Changed {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let ranges = ChunkRanges::from(ChunkNum::full_chunks(range.start)..ChunkNum::chunks(range.end));
        let mut encoded = Vec::new();
        encode_ranges_validated(&self.data[..], &self.outboard, &ranges, &mut encoded).unwrap();
        match self.manner {
            Manner::Forged => {
                let last = encoded.len() - 1;
                encoded[last] ^= 1;
            }
            Manner::Stalled => {
                out.write_all(&encoded[..100_000])?;
                out.flush()?;
                self.gate.wait();
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            _ => {}
        }
        out.write_all(&encoded)
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
        self.offer.gate.open();
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

/// Bytes that differ from place to place.
pub fn content(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at / 3 % 251) as u8).collect()
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
