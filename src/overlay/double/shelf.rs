//! What somebody has, in memory: searched as an index would, offered to peers, and told what to do badly.

use std::{
    io,
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{
            AtomicBool, AtomicUsize,
            Ordering::{Relaxed, SeqCst},
        },
    },
    time::Duration,
};

use async_trait::async_trait;
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use tokio::time::timeout;

use super::{Article, Gate, Manner};
use crate::{
    model::{ContentId, Fault, Hit, Journey, Outcome, Piece, Query, Term},
    overlay::{Fetch, Found, Offer, Source},
};

/// How long a fetch from here waits at the gate before it is given up, as every overlay has to.
const STALL: Duration = Duration::from_millis(300);

/// Contents, and who asked for them.
#[derive(Debug, Default)]
pub struct Shelf {
    articles: Mutex<Vec<Arc<Article>>>,
    /// The questions that came in, and their ways.
    asked: Mutex<Vec<(Option<Query>, Journey)>>,
    mute: AtomicBool,
    busy: Arc<AtomicUsize>,
    gate: Gate,
}

/// Counts as long as something is under way.
#[derive(Debug)]
pub struct Busy(Arc<AtomicUsize>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

impl Shelf {
    /// These contents, best first.
    pub fn of(articles: impl IntoIterator<Item = Article>) -> Self {
        let shelf = Self::default();
        articles.into_iter().for_each(|article| drop(shelf.put(article)));
        shelf
    }

    /// Adds a content, behind the others, in place of one with the same id.
    pub fn put(&self, article: Article) -> ContentId {
        let id = article.id().clone();
        let mut articles = self.articles.lock().unwrap();
        articles.retain(|other| *other.id() != id);
        articles.push(Arc::new(Article { gate: self.gate.clone(), ..article }));
        id
    }

    /// The content of that id.
    pub fn get(&self, id: &ContentId) -> Option<Arc<Article>> {
        self.articles.lock().unwrap().iter().find(|article| article.id() == id).cloned()
    }

    /// Answers no search from now on, as long as the gate is closed.
    pub fn be_mute(&self) {
        self.mute.store(true, Relaxed);
    }

    /// What the mute and the stalled wait at.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// The way of the last question.
    pub fn last_asked(&self) -> Option<(Option<Query>, Journey)> {
        self.asked.lock().unwrap().last().cloned()
    }

    /// Questions that came in.
    pub fn count_asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// Searches and bodies that are under way.
    pub fn busy(&self) -> usize {
        self.busy.load(SeqCst)
    }

    /// Whether it was told to be mute.
    pub fn is_mute(&self) -> bool {
        self.mute.load(Relaxed)
    }

    /// Counts something as under way until it is dropped.
    pub fn begin(&self) -> Busy {
        self.busy.fetch_add(1, SeqCst);
        Busy(self.busy.clone())
    }

    pub(super) fn note(&self, query: Option<&Query>, journey: &Journey) {
        self.asked.lock().unwrap().push((query.cloned(), journey.clone()));
    }

    /// The best hits for a query.
    pub fn hits(&self, query: &Query) -> Vec<Hit> {
        let articles = self.articles.lock().unwrap();
        let fits = |article: &&Arc<Article>| {
            let hit = &article.hit;
            query.admits(&hit.media_type, &hit.tags, hit.size) && query.terms.iter().all(|term| matches(term, hit))
        };
        articles.iter().filter(fits).take(query.limit).map(|article| article.hit.clone()).collect()
    }

    /// Hits as a search brings them; those of the mute and the slow once the gate is open.
    pub(super) fn found(&self, query: &Query, slow: bool) -> BoxStream<'static, Found> {
        let (page, busy) = (Found::Page(self.hits(query)), self.begin());
        let gate = (slow || self.is_mute()).then(|| self.gate.clone());
        let found = stream::once(async move {
            let _busy = busy;
            if let Some(gate) = gate {
                gate.pass().await;
            }
            page
        });
        found.boxed()
    }

    /// A range of a content as a fetch brings it.
    pub(super) fn fetch(&self, article: &Arc<Article>, range: Range<u64>, source: &str) -> Fetch {
        let (article, busy) = (article.clone(), self.begin());
        let (size, gate) = (article.data.len() as u64, self.gate.clone());
        let pieces = article.pieces(range).into_iter();
        let pieces = stream::unfold((pieces, Some(busy)), move |(mut pieces, busy)| {
            let (manner, gate) = (article.manner, gate.clone());
            async move {
                busy.as_ref()?;
                let piece = pieces.next()?;
                match kept_back(manner, &piece, &gate).await {
                    Some(fault) => Some((Err(fault), (pieces, None))),
                    None => Some((Ok(piece), (pieces, busy))),
                }
            }
        });
        Fetch { size, source: source.to_owned(), pieces: pieces.boxed() }
    }
}

/// Why a piece does not come.
async fn kept_back(manner: Manner, piece: &Piece, gate: &Gate) -> Option<Fault> {
    let end = piece.offset + piece.data.len() as u64;
    match manner {
        Manner::Stalled(after) if end > after => {
            let _ = timeout(STALL, gate.pass()).await;
            Some(Fault::unavailable(format!("the source has sent nothing for {STALL:?}")))
        }
        Manner::Broken(after) | Manner::Partial(after) if end > after => {
            Some(Fault::unavailable("the source broke off"))
        }
        Manner::Changed => Some(Fault::unavailable("the source no longer has the content")),
        _ => None,
    }
}

/// Whether a term fits a record, as an index of words sees it.
fn matches(term: &Term, hit: &Hit) -> bool {
    let texts = [&[hit.name.clone(), hit.description.clone().unwrap_or_default()], &hit.tags[..]].concat();
    let text = texts.join(" \u{0} ").to_lowercase();
    let mut words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    match term {
        Term::Word(word) => words.any(|other| other == word.to_lowercase()),
        Term::Prefix(prefix) => words.any(|other| other.starts_with(&prefix.to_lowercase())),
        Term::Phrase(phrase) => text.contains(&phrase.to_lowercase()),
        Term::Without(phrase) => !text.contains(&phrase.to_lowercase()),
    }
}

#[async_trait]
impl Offer for Shelf {
    async fn search(&self, query: Arc<Query>, journey: &Journey) -> Outcome<BoxStream<'static, Found>> {
        self.note(Some(&query), journey);
        Ok(self.found(&query, false))
    }

    async fn describe(&self, id: &ContentId, journey: &Journey) -> Outcome<Option<Hit>> {
        self.note(None, journey);
        Ok(self.get(id).map(|article| article.hit.clone()))
    }

    async fn open(&self, id: &ContentId) -> Outcome<Option<Arc<dyn Source>>> {
        // An id of another network proves nothing, so its bytes are brought.
        let article = self.get(id).filter(|_| id.hash().is_some());
        Ok(article.map(|article| Arc::new(Opened { article, busy: self.busy.clone() }) as _))
    }

    async fn bring(&self, id: &ContentId, range: Range<u64>, journey: &Journey) -> Outcome<Option<Fetch>> {
        self.note(None, journey);
        Ok(self.get(id).map(|article| self.fetch(&article, range, "further away")))
    }
}

/// An article that counts as busy while it is sent.
struct Opened {
    article: Arc<Article>,
    busy: Arc<AtomicUsize>,
}

impl Source for Opened {
    fn size(&self) -> u64 {
        self.article.size()
    }

    fn available(&self, range: Range<u64>) -> Range<u64> {
        self.article.available(range)
    }

    fn encode(&self, range: Range<u64>, out: &mut dyn io::Write) -> io::Result<()> {
        self.busy.fetch_add(1, SeqCst);
        let _busy = Busy(self.busy.clone());
        self.article.encode(range, out)
    }
}
