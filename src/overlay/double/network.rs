//! An overlay in memory: honest, or failing, slow or lying as a whole.

use std::{
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use tokio::time::timeout;

use super::{Article, Shelf};
use crate::{
    model::{
        ContentId, Fault, Hit, Journey, Outcome, Overlay as OverlayRecord, OverlayKind, OverlayState, Peer, Query,
    },
    overlay::{Capabilities, Fetch, Found, Located, Overlay},
};

/// How long an honest double waits for its far side.
const PATIENCE: Duration = Duration::from_millis(500);

/// How an overlay is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Temper {
    /// Does what an overlay has to do.
    Honest,
    /// Refuses everything and says that it is down.
    Failing,
    /// Begins everything and ends nothing, until the gate of its shelf opens. An overlay must not do this, so whoever
    /// waits for it needs a deadline of its own.
    Slow,
    /// Answers at once and wrongly: more hits than were asked for, of other sizes and overlays, and bytes whose last one is
    /// another.
    Lying,
}

/// An overlay whose network is a shelf.
#[derive(Debug)]
pub struct Double {
    name: String,
    shelf: Arc<Shelf>,
    temper: Mutex<Temper>,
    bytes_in: AtomicU64,
}

impl Double {
    /// An overlay of that name; its id is `native:` and the name.
    pub fn new(name: &str, temper: Temper, articles: impl IntoIterator<Item = Article>) -> Arc<Self> {
        Arc::new(Self {
            name: name.to_owned(),
            shelf: Arc::new(Shelf::of(articles)),
            temper: Mutex::new(temper),
            bytes_in: AtomicU64::new(0),
        })
    }

    /// What lies in it.
    pub fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// How it is from now on.
    pub fn be(&self, temper: Temper) {
        *self.temper.lock().unwrap() = temper;
    }

    fn temper(&self) -> Temper {
        *self.temper.lock().unwrap()
    }

    /// Its temper, once it may answer at all.
    async fn ready(&self) -> Outcome<Temper> {
        let temper = self.temper();
        match temper {
            Temper::Failing => return Err(Fault::unavailable(format!("overlay {} is down", self.name))),
            Temper::Slow => self.shelf.gate().pass().await,
            Temper::Honest | Temper::Lying => {}
        }
        Ok(temper)
    }

    fn article(&self, id: &ContentId) -> Outcome<Arc<Article>> {
        let nobody = || Fault::not_found(format!("nobody in overlay {} has content {id}", self.name));
        self.shelf.get(id).ok_or_else(nobody)
    }

    fn own(&self, hit: Hit) -> Hit {
        Hit { overlay: self.name.clone(), providers: 1, ..hit }
    }

    fn lie(&self, hit: Hit) -> Hit {
        Hit { overlay: "elsewhere".to_owned(), size: hit.size + 1, providers: 1_000_000, ..hit }
    }
}

#[async_trait]
impl Overlay for Double {
    fn name(&self) -> &str {
        &self.name
    }

    fn id(&self) -> String {
        format!("native:{}", self.name)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { search: true, fetch: true, publish: true, peers: false }
    }

    fn status(&self) -> OverlayRecord {
        let down = self.temper() == Temper::Failing;
        OverlayRecord {
            name: self.name.clone(),
            kind: OverlayKind::Native,
            state: if down { OverlayState::Down } else { OverlayState::Up },
            peers: 0,
            bytes_in: self.bytes_in.load(Relaxed),
            bytes_out: 0,
            can_search: true,
            can_fetch: true,
            can_publish: true,
            detail: down.then(|| "it was told to fail".to_owned()),
        }
    }

    fn addresses(&self) -> Vec<String> {
        Vec::new()
    }

    async fn search(&self, query: Arc<Query>, journey: &Journey) -> Outcome<BoxStream<'static, Found>> {
        let temper = self.temper();
        self.shelf.note(Some(&query), journey);
        let mut found = match temper {
            Temper::Failing => return Err(Fault::unavailable(format!("overlay {} is down", self.name))),
            Temper::Slow => self.shelf.found(&query, true),
            Temper::Lying => {
                let hits = self.shelf.hits(&Query { limit: usize::MAX, ..(*query).clone() });
                let hits = hits.into_iter().map(|hit| self.lie(hit)).cycle().take(query.limit * 3).collect();
                return Ok(stream::iter([Found::Page(hits)]).boxed());
            }
            Temper::Honest => self.shelf.found(&query, false),
        };
        let patience = if temper == Temper::Slow { Duration::MAX } else { PATIENCE };
        let page = async move { timeout(patience, found.next()).await.ok().flatten().unwrap_or(Found::Missing) };
        let name = self.name.clone();
        let own = move |found| match found {
            Found::Page(hits) => {
                Found::Page(hits.into_iter().map(|hit| Hit { overlay: name.clone(), ..hit }).collect())
            }
            Found::Missing => Found::Missing,
        };
        Ok(stream::once(page).map(own).boxed())
    }

    async fn locate(&self, id: &ContentId, journey: &Journey) -> Outcome<Located> {
        self.shelf.note(None, journey);
        let temper = self.ready().await?;
        let hit = self.article(id)?.hit.clone();
        let hit = if temper == Temper::Lying { self.lie(hit) } else { self.own(hit) };
        Ok(Located { providers: hit.providers, hit })
    }

    async fn fetch(&self, id: &ContentId, range: Range<u64>, avoid: &[String], journey: &Journey) -> Outcome<Fetch> {
        self.shelf.note(None, journey);
        let temper = self.ready().await?;
        let source = format!("double {}", self.name);
        if avoid.contains(&source) {
            return Err(Fault::not_found(format!("nobody else in overlay {} has content {id}", self.name)));
        }
        let mut article = self.article(id)?;
        if temper == Temper::Lying {
            article = Arc::new((*article).clone().sent(super::Manner::Forged));
        }
        let count = article.groups(range.clone());
        self.bytes_in.fetch_add(count.end - count.start, Relaxed);
        Ok(self.shelf.fetch(&article, range, &source))
    }

    async fn publish(&self, _: &[ContentId]) -> Outcome<()> {
        self.ready().await.map(drop)
    }

    async fn withdraw(&self, _: &ContentId) -> Outcome<()> {
        self.ready().await.map(drop)
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
        Err(Fault::unsupported("a double has no peers"))
    }

    async fn stop(&self) {
        self.be(Temper::Failing);
    }
}
