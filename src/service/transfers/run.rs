//! Moves the bytes of one transfer: from whichever source delivers, verified, into the store, until none is missing.

use std::{sync::Arc, time::Duration};

use futures::StreamExt;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{Job, Policy, whole::whole_groups};
use crate::{
    model::{Fault, FaultKind, Outcome, Piece, Transfer},
    overlay::{Fetch, Overlays},
    store::{NewContent, Partial, Store},
};

/// Pieces that are written with one call: 1 MiB of native content.
const PIECES_PER_WRITE: usize = 64;
/// How many new bytes are made safe at once; a kill costs at most so many, or what came since the last rate was taken.
const SYNC_BYTES: u64 = 32 << 20;
/// How often a record's rate is taken, and what came is made safe.
const RATE_WINDOW: Duration = Duration::from_millis(500);
/// The pause after the first failure of all sources; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause between attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long a transfer goes on without a single new byte.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Runs until the content is complete and kept (`Some`), or until it is stopped (`None`).
///
/// # Errors
/// What no other source and no later attempt can mend, or the last fault after an hour without a byte.
pub(super) async fn run(
    store: &Arc<Store>,
    overlays: &Overlays,
    policy: &Policy,
    job: &Job,
    stop: &CancellationToken,
) -> Outcome<Option<()>> {
    // A kill between keeping the content and keeping the transfer's end leaves nothing to fetch.
    if is_kept(store, &job.record()).await? {
        let size = job.record().size.unwrap_or_default();
        job.record.send_modify(|record| record.received = size);
        return Ok(Some(()));
    }
    let mut attempt = Attempt { store, overlays, job, stop, shares: policy.share, failed: Vec::new() };
    let mut pause = FIRST_PAUSE;
    let mut last_progress = Instant::now();
    let partial = loop {
        let before = job.record.borrow().received;
        let fault = match attempt.take_from_one_source().await {
            Ok(Some(partial)) => break partial,
            Ok(None) if stop.is_cancelled() => return Ok(None),
            Ok(None) => continue,
            Err(fault) => fault,
        };
        if !can_pass(&fault) || last_progress.elapsed() > PATIENCE {
            return Err(fault);
        }
        if job.record.borrow().received > before {
            (pause, last_progress) = (FIRST_PAUSE, Instant::now());
        }
        tracing::debug!(content = %job.record.borrow().content_id, "{fault}");
        job.record.send_modify(|record| record.error = Some(fault.message));
        if attempt.failed.is_empty() || matches!(fault.kind, FaultKind::NotFound | FaultKind::Unavailable) {
            tokio::select! {
                () = stop.cancelled() => return Ok(None),
                () = sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
            }
            // After a pause every source gets another chance; one that lied is remembered by its overlay.
            attempt.failed.clear();
        }
    };
    let record = job.record();
    let overlays = if policy.share { overlays.publishing(&job.overlays).unwrap_or_default() } else { Vec::new() };
    let new = NewContent { name: record.name, overlays, ..NewContent::default() };
    partial.complete(new).await?;
    Ok(Some(()))
}

/// Whether the content is here. What a kill left of a foreign one that became native is removed.
async fn is_kept(store: &Arc<Store>, record: &Transfer) -> Outcome<bool> {
    let id = &record.content_id;
    let Some(alias) = store.alias(id).await? else { return Ok(store.get(id).await?.is_some()) };
    let is_kept = alias.size == record.size.unwrap_or(alias.size) && store.get(&alias.native()).await?.is_some();
    if is_kept {
        let partial = store.partial(id, alias.size).await?;
        tokio::task::spawn_blocking(move || partial.discard()).await.map_err(Fault::internal)??;
    }
    Ok(is_kept)
}

/// Whether another source or a later attempt may do better.
fn can_pass(fault: &Fault) -> bool {
    matches!(fault.kind, FaultKind::NotFound | FaultKind::Unavailable | FaultKind::Timeout | FaultKind::LimitExceeded)
}

struct Attempt<'a> {
    store: &'a Arc<Store>,
    overlays: &'a Overlays,
    job: &'a Job,
    stop: &'a CancellationToken,
    /// Whether peers are served from what is here already.
    shares: bool,
    /// Sources that failed since the last pause.
    failed: Vec<String>,
}

impl Attempt<'_> {
    /// Takes what is missing from one source: the partial content when nothing is missing any more.
    async fn take_from_one_source(&mut self) -> Outcome<Option<Arc<Partial>>> {
        let record = self.job.record();
        let (journey, overlays) = (self.overlays.begin(), &self.job.overlays);
        let is_foreign = record.content_id.hash().is_none();
        // What is here of a foreign content goes on only while the other side shows the same.
        let modified = match is_foreign {
            true => self.overlays.locate(&record.content_id, overlays, &journey).await?.hit.modified,
            false => None,
        };
        let missing = match record.size {
            Some(size) => {
                let partial = self.store.partial_as_of(&record.content_id, size, modified).await?;
                match partial.missing(0..size).into_iter().next() {
                    Some(range) => range,
                    // Even an empty content is asked for once, so that its size is proved and not only claimed.
                    None if size > 0 => return Ok(Some(partial)),
                    None => 0..1,
                }
            }
            None => 0..u64::MAX,
        };
        let asked = self.overlays.fetch(&record.content_id, missing.clone(), overlays, &self.failed, &journey);
        let fetch = tokio::select! {
            () = self.stop.cancelled() => return Ok(None),
            fetch = asked => fetch?,
        };
        let fetch = if is_foreign { whole_groups(fetch) } else { fetch };
        let source = fetch.source.clone();
        let size = fetch.size;
        let partial = self.store.partial_as_of(&record.content_id, size, modified).await;
        let partial = partial.inspect_err(|_| self.failed.push(source.clone()))?;
        if self.shares {
            partial.share_in(&self.overlays.publishing(&self.job.overlays).unwrap_or_default());
        }
        if record.size != Some(size) {
            self.job.record.send_modify(|record| record.size = Some(size));
            self.store.save_transfer(&self.job.row(), &[]).await?;
        }
        self.job.record.send_modify(|record| (record.sources, record.error) = (1, None));
        let taken = self.take(fetch, &partial).await;
        self.job.record.send_modify(|record| (record.sources, record.rate) = (0, 0));
        taken.inspect_err(|_| self.failed.push(source))?;
        Ok((!self.stop.is_cancelled() && partial.missing(0..size).is_empty()).then_some(partial))
    }

    /// Writes the pieces of one source as they come, and makes them safe in the background.
    async fn take(&self, fetch: Fetch, partial: &Arc<Partial>) -> Outcome<()> {
        let mut pieces = fetch.pieces.ready_chunks(PIECES_PER_WRITE);
        let mut rate = Rate::start(partial.received());
        let mut safe = Safe { partial: partial.clone(), at: partial.received(), under_way: None };
        let mut writing: Option<JoinHandle<Outcome<()>>> = None;
        let end = loop {
            let next = tokio::select! {
                () = self.stop.cancelled() => break Ok(()),
                next = pieces.next() => next,
                // While a source is silent, what it has sent is told and made safe all the same.
                () = sleep(RATE_WINDOW) => Some(Vec::new()),
            };
            let Some(batch) = next else { break Ok(()) };
            let (good, fault) = split(batch);
            // One batch is written while the next one arrives; the order of writes is that of arrival.
            if let Err(fault) = joined(writing.take()).await {
                break Err(fault);
            }
            if !good.is_empty() {
                let target = partial.clone();
                writing = Some(tokio::task::spawn_blocking(move || Ok(target.write(&good)?)));
            }
            let received = partial.received();
            // A caller is told only of bytes that a crash would not take back.
            let due = rate.take(received, |rate| {
                self.job.record.send_modify(|record| (record.received, record.rate) = (partial.kept(), rate));
            });
            if let Err(fault) = safe.advance(received, due).await {
                break Err(fault);
            }
            if let Some(fault) = fault {
                break Err(fault);
            }
        };
        let written = joined(writing).await;
        let synced = safe.finish().await;
        self.job.record.send_modify(|record| record.received = partial.kept());
        end.and(written).and(synced)
    }
}

/// The pieces before the first fault, and that fault.
fn split(batch: Vec<Outcome<Piece>>) -> (Vec<Piece>, Option<Fault>) {
    let mut good = Vec::with_capacity(batch.len());
    for piece in batch {
        match piece {
            Ok(piece) => good.push(piece),
            Err(fault) => return (good, Some(fault)),
        }
    }
    (good, None)
}

async fn joined(task: Option<JoinHandle<Outcome<()>>>) -> Outcome<()> {
    match task {
        Some(task) => task.await.map_err(Fault::internal)?,
        None => Ok(()),
    }
}

/// Makes what was written safe from time to time, one sync at a time, while writing goes on.
struct Safe {
    partial: Arc<Partial>,
    at: u64,
    under_way: Option<JoinHandle<Outcome<()>>>,
}

impl Safe {
    async fn advance(&mut self, received: u64, due: bool) -> Outcome<()> {
        if !due && received.saturating_sub(self.at) < SYNC_BYTES {
            return Ok(());
        }
        if self.under_way.as_ref().is_some_and(|task| !task.is_finished()) {
            return Ok(());
        }
        joined(self.under_way.take()).await?;
        self.at = received;
        let partial = self.partial.clone();
        self.under_way = Some(tokio::task::spawn_blocking(move || Ok(partial.sync()?)));
        Ok(())
    }

    async fn finish(self) -> Outcome<()> {
        joined(self.under_way).await?;
        joined(Some(tokio::task::spawn_blocking(move || Ok(self.partial.sync()?)))).await
    }
}

/// Bytes a second, taken over a window.
struct Rate {
    since: Instant,
    from: u64,
}

impl Rate {
    fn start(received: u64) -> Self {
        Self { since: Instant::now(), from: received }
    }

    /// Tells the rate when the window is over, and whether it was.
    fn take(&mut self, received: u64, tell: impl FnOnce(u64)) -> bool {
        let elapsed = self.since.elapsed();
        let over = elapsed >= RATE_WINDOW;
        if over {
            let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
            tell(received.saturating_sub(self.from).saturating_mul(1000) / millis);
            (self.since, self.from) = (Instant::now(), received);
        }
        over
    }
}
