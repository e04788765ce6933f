//! Searches: those that a caller waits for, and those that are started, kept and followed page by page.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use lru::LruCache;
use serde::Serialize;
use tokio::{sync::watch, task::AbortHandle, time::Instant};
use uuid::Uuid;

use crate::{
    model::{Fault, Hit, Journey, Outcome, OverlayOutcome, Query, Topic},
    overlay::{Overlays, Search},
    store::Journal,
};

/// Searches that are kept; the one that was asked for longest ago goes first.
const MAX_KEPT: NonZeroUsize = NonZeroUsize::new(1_000).unwrap();
/// How long a search is kept after it was last asked for.
const KEPT_FOR: Duration = Duration::from_secs(600);

/// What is asked, of whom, and for how long.
pub struct Question {
    /// The query.
    pub query: Query,
    /// The overlays to ask; all when empty.
    pub overlays: Vec<String>,
    /// How long answers are waited for.
    pub patience: Duration,
    /// The way that it has come; none when it begins here.
    pub journey: Option<Journey>,
}

/// What a search found in its time.
pub struct Answer {
    /// The hits, best first.
    pub hits: Vec<Arc<Hit>>,
    /// Whether everybody who was asked has answered.
    pub complete: bool,
    /// How long it took.
    pub elapsed: Duration,
    /// What each overlay gave.
    pub outcomes: Vec<OverlayOutcome>,
}

/// A part of a started search, in the order in which the hits came.
pub struct Page {
    /// The hits.
    pub hits: Vec<Arc<Hit>>,
    /// Whether the search has ended and nothing follows these.
    pub complete: bool,
}

/// The searches of this node.
pub struct Searches {
    overlays: Arc<Overlays>,
    journal: Arc<Journal>,
    kept: Mutex<LruCache<String, Kept>>,
    served: AtomicU64,
}

struct Kept {
    progress: watch::Receiver<Progress>,
    task: AbortHandle,
    asked: Instant,
}

/// The hits so far, and whether there will be more.
#[derive(Default)]
struct Progress {
    hits: Vec<Arc<Hit>>,
    ended: bool,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Searches {
    /// Searches in these overlays, and tells what started searches find.
    pub fn new(overlays: Arc<Overlays>, journal: Arc<Journal>) -> Self {
        Self { overlays, journal, kept: Mutex::new(LruCache::new(MAX_KEPT)), served: AtomicU64::new(0) }
    }

    /// Searches that callers asked for since the start.
    pub fn served(&self) -> u64 {
        self.served.load(Relaxed)
    }

    /// Asks, and waits for everybody or for the time to be up.
    ///
    /// # Errors
    /// InvalidRequest for an unknown overlay.
    pub async fn find(&self, question: Question) -> Outcome<Answer> {
        let started = Instant::now();
        let mut search = self.ask(&question).await?;
        while search.advance(started + question.patience).await {}
        let complete = search.is_complete();
        let (hits, outcomes) = search.finish();
        Ok(Answer { hits, complete, elapsed: started.elapsed(), outcomes })
    }

    /// Starts a search and answers what names it.
    ///
    /// # Errors
    /// InvalidRequest for an unknown overlay.
    pub async fn start(&self, question: Question) -> Outcome<String> {
        let search = self.ask(&question).await?;
        let (sender, progress) = watch::channel(Progress::default());
        let deadline = Instant::now() + question.patience;
        let id = Uuid::now_v7().simple().to_string();
        let teller = Teller { journal: self.journal.clone(), id: id.clone(), told: 0 };
        let task = tokio::spawn(follow(search, question.query.limit, deadline, sender, teller)).abort_handle();
        let mut kept = self.kept();
        while kept.peek_lru().is_some_and(|(_, oldest)| oldest.asked.elapsed() > KEPT_FOR) {
            kept.pop_lru();
        }
        kept.put(id.clone(), Kept { progress, task, asked: Instant::now() });
        Ok(id)
    }

    /// The hits from a place on; waits for the first one when there is none yet.
    ///
    /// # Errors
    /// NotFound for a search that was never started, was cancelled or is no longer kept.
    pub async fn results(&self, id: &str, after: usize, limit: usize, patience: Duration) -> Outcome<Page> {
        let mut progress = self.progress(id)?;
        if !patience.is_zero() {
            let news = progress.wait_for(|progress| progress.hits.len() > after || progress.ended);
            // Neither the end of the time nor a cancelled search is an error: the page is what there is.
            let _ = tokio::time::timeout(patience, news).await;
        }
        let progress = progress.borrow();
        let hits: Vec<_> = progress.hits.iter().skip(after).take(limit).cloned().collect();
        Ok(Page { complete: progress.ended && after + hits.len() >= progress.hits.len(), hits })
    }

    /// Ends a search and forgets it; false when there was none.
    pub fn cancel(&self, id: &str) -> bool {
        self.kept().pop(id).is_some()
    }

    async fn ask(&self, question: &Question) -> Outcome<Search> {
        self.served.fetch_add(1, Relaxed);
        let journey = question.journey.clone().unwrap_or_else(|| self.overlays.begin());
        self.overlays.search(Arc::new(question.query.clone()), &question.overlays, &journey).await
    }

    fn progress(&self, id: &str) -> Outcome<watch::Receiver<Progress>> {
        let mut kept = self.kept();
        let search = kept.get_mut(id).filter(|search| search.asked.elapsed() <= KEPT_FOR);
        let search = search.ok_or_else(|| Fault::not_found("no search of that id is kept; start it again"))?;
        search.asked = Instant::now();
        Ok(search.progress.clone())
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, LruCache<String, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands the hits on as they come, up to the limit.
async fn follow(
    mut search: Search,
    limit: usize,
    deadline: Instant,
    progress: watch::Sender<Progress>,
    mut teller: Teller,
) {
    loop {
        let hits: Vec<_> = search.hits().iter().take(limit).cloned().collect();
        teller.hits(&hits);
        progress.send_modify(|progress| progress.hits = hits);
        if !search.advance(deadline).await {
            break;
        }
    }
    progress.send_modify(|progress| progress.ended = true);
    teller.ended(search);
}

/// Tells events of one search, while somebody listens.
struct Teller {
    journal: Arc<Journal>,
    id: String,
    told: usize,
}

impl Teller {
    fn hits(&mut self, hits: &[Arc<Hit>]) {
        for hit in hits.iter().skip(self.told) {
            self.journal.tell(Topic::SearchHit, &self.id, hit);
        }
        self.told = self.told.max(hits.len());
    }

    fn ended(self, search: Search) {
        /// The record of `search.complete`.
        #[derive(Serialize)]
        struct Ended {
            complete: bool,
            hits: usize,
            outcomes: Vec<OverlayOutcome>,
        }
        if self.journal.wants(Topic::SearchComplete) {
            let complete = search.is_complete();
            let (_, outcomes) = search.finish();
            self.journal.tell(Topic::SearchComplete, &self.id, &Ended { complete, hits: self.told, outcomes });
        }
    }
}
