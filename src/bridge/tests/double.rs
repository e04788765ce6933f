//! An overlay in memory whose manners a test chooses, and a gateway that joins two of them.

use std::{
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use tempfile::TempDir;

use crate::{
    bridge::{BridgeOffer, Bridges, Patience, Policy, Settings},
    model::{
        ContentId, Fault, Hit, Journey, Outcome, Overlay as OverlayRecord, OverlayKind, OverlayState, Peer, Piece,
        Query,
    },
    overlay::{Capabilities, Fetch, Found, Located, Offer, Overlay, Overlays},
    store::{NewContent, Store},
};

/// How an overlay behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Good,
    /// Never answers anything.
    Silent,
    /// Refuses every question.
    Failing,
    /// Each source but the third breaks off after so many bytes.
    Breaking(u64),
    /// The first source sends one piece and then nothing; with false there is no other.
    Stalling(bool),
    /// Its pieces come in another order.
    Disordered,
    /// Its pieces come without their nodes.
    Unproved,
    /// Another size than its hits say, and other bytes.
    OtherSize,
}

/// An overlay whose contents lie in a store of its own.
pub struct Double {
    name: String,
    id: String,
    store: Arc<Store>,
    _dir: TempDir,
    manner: Mutex<Manner>,
    /// Searches that it was asked.
    pub searches: AtomicUsize,
    /// Contents that it was asked for: the range and the sources to avoid.
    pub fetches: Mutex<Vec<(Range<u64>, Vec<String>)>>,
    pub locates: AtomicUsize,
    /// The journeys of all questions.
    pub journeys: Mutex<Vec<Journey>>,
    pub capabilities: Mutex<Capabilities>,
}

impl Double {
    pub async fn new(name: &str, id: &str) -> Arc<Self> {
        let dir = tempfile::tempdir().unwrap();
        Arc::new(Self {
            name: name.into(),
            id: id.into(),
            store: Store::open(dir.path()).await.unwrap(),
            _dir: dir,
            manner: Mutex::new(Manner::Good),
            searches: AtomicUsize::new(0),
            fetches: Mutex::default(),
            locates: AtomicUsize::new(0),
            journeys: Mutex::default(),
            capabilities: Mutex::new(Capabilities { search: true, fetch: true, publish: true, peers: true }),
        })
    }

    pub fn behave(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    fn manner(&self) -> Manner {
        *self.manner.lock().unwrap()
    }

    /// Has a content of that name and those tags.
    pub async fn put(&self, name: &str, tags: &[&str], bytes: Vec<u8>) -> ContentId {
        put(&self.store, &self.name, name, tags, bytes).await
    }

    /// The verified stream of a content, as a good source would send it.
    pub async fn encoded(&self, id: &ContentId, range: Range<u64>) -> Vec<u8> {
        let mut out = Vec::new();
        self.store.reader(id).await.unwrap().unwrap().encode(range, &mut out).unwrap();
        out
    }

    pub fn asked(&self) -> usize {
        self.searches.load(Relaxed)
    }

    async fn question(&self, journey: &Journey) -> Outcome<()> {
        self.journeys.lock().unwrap().push(journey.clone());
        match self.manner() {
            Manner::Silent => std::future::pending().await,
            Manner::Failing => Err(Fault::unavailable("the overlay is down")),
            _ => Ok(()),
        }
    }

    fn as_told(&self, mut hit: Hit) -> Hit {
        hit.overlay = self.name.clone();
        if self.manner() == Manner::OtherSize {
            hit.size += 1;
        }
        hit
    }
}

/// Publishes a content in a store.
pub async fn put(store: &Store, overlay: &str, name: &str, tags: &[&str], bytes: Vec<u8>) -> ContentId {
    let new = NewContent {
        name: name.into(),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        overlays: vec![overlay.into()],
        ..NewContent::default()
    };
    let stream = stream::iter([Ok(bytes.into())]).boxed();
    store.publish(new, stream).await.unwrap().content_id.clone()
}

#[async_trait]
impl Overlay for Double {
    fn name(&self) -> &str {
        &self.name
    }

    fn id(&self) -> String {
        self.id.clone()
    }

    fn capabilities(&self) -> Capabilities {
        *self.capabilities.lock().unwrap()
    }

    fn status(&self) -> OverlayRecord {
        OverlayRecord {
            name: self.name.clone(),
            kind: OverlayKind::Native,
            state: OverlayState::Up,
            peers: 0,
            bytes_in: 0,
            bytes_out: 0,
            can_search: true,
            can_fetch: true,
            can_publish: true,
            detail: None,
        }
    }

    fn addresses(&self) -> Vec<String> {
        Vec::new()
    }

    async fn search(&self, query: Arc<Query>, journey: &Journey) -> Outcome<BoxStream<'static, Found>> {
        self.searches.fetch_add(1, Relaxed);
        self.question(journey).await?;
        let found = self.store.search(&query).await?;
        let hits = found.iter().map(|(score, content)| self.as_told(content.as_hit(&self.name, *score))).collect();
        Ok(stream::iter([Found::Page(hits)]).boxed())
    }

    async fn locate(&self, id: &ContentId, journey: &Journey) -> Outcome<Located> {
        self.locates.fetch_add(1, Relaxed);
        self.question(journey).await?;
        let content = self.store.get(id).await?.ok_or_else(|| Fault::not_found("nobody has it"))?;
        Ok(Located { hit: self.as_told(content.as_hit(&self.name, 0.0)), providers: 1 })
    }

    async fn fetch(&self, id: &ContentId, range: Range<u64>, avoid: &[String], journey: &Journey) -> Outcome<Fetch> {
        self.fetches.lock().unwrap().push((range.clone(), avoid.to_vec()));
        self.question(journey).await?;
        let reader = self.store.reader(id).await?.ok_or_else(|| Fault::not_found("nobody has it"))?;
        let (size, source) = (reader.size(), format!("source {}", avoid.len()));
        let pieces = reader.pieces(range.start..range.end.min(size));
        let broken = || stream::iter([Err(Fault::unavailable("it broke off"))]);
        let (size, pieces) = match self.manner() {
            Manner::Breaking(bytes) if avoid.len() < 2 => {
                let end = range.start + bytes;
                let some = pieces
                    .take_while(move |piece| std::future::ready(piece.as_ref().is_ok_and(|piece| piece.offset < end)));
                (size, some.chain(broken()).boxed())
            }
            Manner::Stalling(false) if !avoid.is_empty() => return Err(Fault::not_found("nobody else has it")),
            Manner::Stalling(_) if avoid.is_empty() => (size, pieces.take(1).chain(stream::pending()).boxed()),
            Manner::Disordered => (size, pieces.skip(1).boxed()),
            Manner::Unproved => {
                let bare = pieces.map(|piece| piece.map(|piece| Piece { parents: Vec::new(), ..piece }));
                (size, bare.boxed())
            }
            Manner::OtherSize if !avoid.is_empty() => (size + 1, pieces.boxed()),
            Manner::OtherSize => (size, pieces.take(1).chain(broken()).boxed()),
            _ => (size, pieces),
        };
        Ok(Fetch { size, source, pieces })
    }

    async fn publish(&self, _: &[ContentId]) -> Outcome<()> {
        Ok(())
    }

    async fn withdraw(&self, _: &ContentId) -> Outcome<()> {
        Ok(())
    }

    async fn peers(&self) -> Vec<Peer> {
        Vec::new()
    }

    async fn connect(&self, _: &str) -> Outcome<Peer> {
        Err(Fault::unsupported("a double has no peers"))
    }

    async fn disconnect(&self, _: &str) -> Outcome<bool> {
        Ok(false)
    }

    async fn block(&self, _: &str, _: bool) -> Outcome<()> {
        Ok(())
    }

    async fn stop(&self) {}
}

/// A gateway between the overlays red and blue.
pub struct Scene {
    pub red: Arc<Double>,
    pub blue: Arc<Double>,
    pub store: Arc<Store>,
    pub bridges: Arc<Bridges>,
    _overlays: Arc<Overlays>,
    pub configured: Vec<Settings>,
    pub cache_bytes: u64,
    dir: Arc<TempDir>,
}

/// With one bridge between red and blue, as the change leaves it.
pub async fn scene(change: impl FnOnce(&mut Settings)) -> Scene {
    let mut settings = Settings::between("red", "blue");
    change(&mut settings);
    scene_with(vec![settings], 1 << 30).await
}

pub async fn scene_with(configured: Vec<Settings>, cache_bytes: u64) -> Scene {
    let (red, blue) = (Double::new("red", "native:red").await, Double::new("blue", "native:blue").await);
    start(red, blue, Arc::new(tempfile::tempdir().unwrap()), configured, cache_bytes).await
}

/// With these overlays as red and blue.
pub async fn scene_of(red: Arc<Double>, blue: Arc<Double>) -> Scene {
    let configured = vec![Settings::between("red", "blue")];
    start(red, blue, Arc::new(tempfile::tempdir().unwrap()), configured, 0).await
}

async fn start(
    red: Arc<Double>,
    blue: Arc<Double>,
    dir: Arc<TempDir>,
    configured: Vec<Settings>,
    cache_bytes: u64,
) -> Scene {
    let store = Store::open(dir.path()).await.unwrap();
    let second = Duration::from_secs(1);
    let patience = Patience { search: second, begin: 4 * second, stall: second, next: 4 * second };
    let policy = Policy { folder: dir.path().join("bridges"), cache_bytes, patience };
    let bridges = Bridges::restore(store.clone(), "12D3KooWGateway", configured.clone(), policy).await.unwrap();
    let overlays = Arc::new(Overlays::new("12D3KooWGateway", store.clone(), vec![red.clone(), blue.clone()]));
    bridges.join(&overlays);
    Scene { red, blue, store, bridges, _overlays: overlays, configured, cache_bytes, dir }
}

impl Scene {
    /// Ends the gateway in order and starts it again.
    pub async fn restart(self) -> Self {
        let configured = self.configured.clone();
        self.restart_with(configured).await
    }

    pub async fn restart_with(self, configured: Vec<Settings>) -> Self {
        self.bridges.stop().await;
        self.store.close().await;
        start(self.red, self.blue, self.dir, configured, self.cache_bytes).await
    }

    /// What the gateway offers to the peers of red.
    pub fn offer(&self) -> BridgeOffer {
        BridgeOffer::new(self.bridges.clone(), "red")
    }

    /// The id of the only bridge.
    pub fn bridge(&self) -> crate::model::Bridge {
        self.bridges.list().remove(0)
    }

    /// What a peer of red finds, and whether anything is missing.
    pub async fn finds(&self, query: &str) -> (Vec<Hit>, bool) {
        self.finds_on(query, &asked_in_red()).await
    }

    pub async fn finds_on(&self, query: &str, journey: &Journey) -> (Vec<Hit>, bool) {
        let query = Arc::new(Query::parse(query, 20).unwrap());
        let mut found = self.offer().search(query, journey).await.unwrap();
        let (mut hits, mut missing) = (Vec::new(), false);
        while let Some(next) = found.next().await {
            match next {
                Found::Page(page) => hits.extend(page),
                Found::Missing => missing = true,
            }
        }
        (hits, missing)
    }

    pub async fn brings(&self, id: &ContentId, range: Range<u64>) -> Outcome<Option<Fetch>> {
        self.offer().bring(id, range, &asked_in_red()).await
    }
}

/// A new question of a peer of red.
pub fn asked_in_red() -> Journey {
    Journey::begin("12D3KooWPeerOfRed").asked_in(["native:red".to_owned()])
}

/// The stream that a native overlay makes of a fetch, and the fault that ended it.
pub async fn stream_of(fetch: Fetch) -> (Vec<u8>, Option<Fault>) {
    let (mut bytes, mut pieces, mut place) = (Vec::new(), fetch.pieces, None);
    while let Some(piece) = pieces.next().await {
        match piece {
            Ok(Piece { offset, data, parents }) => {
                assert_eq!(*place.get_or_insert(offset), offset, "pieces come in order and without gaps");
                place = Some(offset + data.len() as u64);
                parents.iter().for_each(|parent| bytes.extend_from_slice(parent.pair.as_flattened()));
                bytes.extend_from_slice(&data);
            }
            Err(fault) => return (bytes, Some(fault)),
        }
    }
    (bytes, None)
}

/// Bytes that differ from place to place.
pub fn content(size: u64) -> Vec<u8> {
    (0..size).map(|at| (at / 3 % 251) as u8).collect()
}

/// Looks until the condition holds; fails when it takes too long.
pub async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let poll = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), poll).await.expect(what);
}
