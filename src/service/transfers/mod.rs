//! Transfers: a queue of contents on their way to this node.
//!
//! What a caller asked for is written before it is answered, and what was verified is kept, so that a transfer goes on
//! where it was after a restart or a kill. `run.rs` moves the bytes of one transfer; this file decides which run.

mod run;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, task::JoinHandle, time::sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    model::{ContentId, Fault, FaultKind, Outcome, Time, Topic, Transfer, TransferState},
    overlay::Overlays,
    store::{Store, TransferRow},
};

/// How often the progress of a transfer is told, at most.
const TELL: Duration = Duration::from_secs(1);
/// Transfers that are kept, ended ones included.
const MAX_KEPT: usize = 100_000;

/// What a caller wants here.
pub struct Wanted {
    /// The content.
    pub content_id: ContentId,
    /// The name to keep it under; as its sources call it when absent.
    pub name: Option<String>,
    /// Higher goes first.
    pub priority: i32,
    /// The overlays to take it from; all when empty.
    pub overlays: Vec<String>,
}

/// How transfers are run.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Transfers that run at one time.
    pub concurrent: usize,
    /// Whether what was transferred is shared on.
    pub share: bool,
}

/// The transfers of this node.
pub struct Transfers {
    store: Arc<Store>,
    overlays: Arc<Overlays>,
    policy: Policy,
    jobs: Mutex<BTreeMap<String, Arc<Job>>>,
}

/// One transfer: its record, which everybody watches, and the task that moves its bytes.
struct Job {
    overlays: Vec<String>,
    record: watch::Sender<Transfer>,
    running: Mutex<Option<Running>>,
}

struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Job {
    fn new(record: Transfer, overlays: Vec<String>) -> Arc<Self> {
        Arc::new(Self { overlays, record: watch::Sender::new(record), running: Mutex::new(None) })
    }

    fn record(&self) -> Transfer {
        self.record.borrow().clone()
    }

    fn row(&self) -> TransferRow {
        TransferRow { transfer: self.record(), overlays: self.overlays.clone() }
    }

    /// Stops the task and waits until what it had verified is kept.
    async fn stop(&self) {
        let running = lock(&self.running).take();
        if let Some(running) = running {
            running.stop.cancel();
            if let Err(error) = running.task.await {
                tracing::error!("a transfer's task ended badly: {error}");
            }
        }
    }
}

impl Transfers {
    /// The transfers as they were kept; those that had not ended go on.
    pub async fn restore(store: Arc<Store>, overlays: Arc<Overlays>, policy: Policy) -> Outcome<Arc<Self>> {
        let mut jobs = BTreeMap::new();
        for TransferRow { mut transfer, overlays } in store.transfers().await? {
            if transfer.state == TransferState::Active {
                transfer.state = TransferState::Queued;
            }
            transfer.received = match (transfer.state, transfer.size) {
                (TransferState::Complete, Some(size)) => size,
                (_, Some(size)) if !transfer.state.is_settled() || transfer.state == TransferState::Paused => {
                    store.partial(&transfer.content_id, size).await?.received()
                }
                _ => 0,
            };
            jobs.insert(transfer.transfer_id.clone(), Job::new(transfer, overlays));
        }
        let transfers = Arc::new(Self { store, overlays, policy, jobs: Mutex::new(jobs) });
        transfers.schedule();
        Ok(transfers)
    }

    /// Starts a transfer, or answers the one of that content that is under way or complete.
    ///
    /// # Errors
    /// Unavailable or NotFound when nobody has the content.
    pub async fn start(self: &Arc<Self>, wanted: Wanted) -> Outcome<Transfer> {
        if let Some(job) = self.find_for(&wanted.content_id) {
            return Ok(job.record());
        }
        let local = self.store.get(&wanted.content_id).await?;
        let (name, size, state) = match &local {
            Some(content) => (content.name.clone(), content.size, TransferState::Complete),
            None => {
                let located = self.overlays.locate(&wanted.content_id, &wanted.overlays).await?;
                (located.hit.name, located.hit.size, TransferState::Queued)
            }
        };
        let settled = state == TransferState::Complete;
        let now = Time::now();
        let record = Transfer {
            transfer_id: Uuid::now_v7().simple().to_string(),
            content_id: wanted.content_id,
            name: wanted.name.unwrap_or(name),
            size: Some(size),
            received: if settled { size } else { 0 },
            rate: 0,
            sources: 0,
            state,
            error: None,
            started: now,
            finished: settled.then_some(now),
            priority: wanted.priority,
        };
        let job = Job::new(record.clone(), wanted.overlays);
        self.has_room()?;
        let told: &[Topic] = match settled {
            true => &[Topic::TransferStarted, Topic::TransferComplete],
            false => &[Topic::TransferStarted],
        };
        self.store.save_transfer(&job.row(), told).await?;
        lock(&self.jobs).insert(record.transfer_id.clone(), job);
        self.schedule();
        Ok(record)
    }

    /// Where a transfer stands.
    ///
    /// # Errors
    /// NotFound for an unknown id, as in all that follow.
    pub async fn status(&self, id: &str) -> Outcome<Transfer> {
        Ok(self.job(id)?.record())
    }

    /// Waits until a transfer has ended, is paused, or the time is up.
    pub async fn wait(&self, id: &str, patience: Duration) -> Outcome<Transfer> {
        let job = self.job(id)?;
        let mut record = job.record.subscribe();
        // The end of the time is no error: the answer is where the transfer stands.
        let _ = tokio::time::timeout(patience, record.wait_for(|record| record.state.is_settled())).await;
        Ok(job.record())
    }

    /// A page of the transfers, the latest first, and the id after which the next page begins.
    pub fn list(
        &self,
        state: Option<TransferState>,
        after: Option<&str>,
        limit: usize,
    ) -> (Vec<Transfer>, Option<String>) {
        let jobs = lock(&self.jobs);
        let earlier = jobs.iter().rev().filter(|(id, _)| after.is_none_or(|after| id.as_str() < after));
        let wanted =
            earlier.map(|(_, job)| job.record()).filter(|record| state.is_none_or(|state| record.state == state));
        let mut page: Vec<_> = wanted.take(limit + 1).collect();
        let more = page.len() > limit;
        page.truncate(limit);
        let next = page.last().filter(|_| more).map(|record| record.transfer_id.clone());
        (page, next)
    }

    /// Transfers that are under way.
    pub fn active(&self) -> u32 {
        let jobs = lock(&self.jobs);
        let active = jobs.values().filter(|job| job.record.borrow().state == TransferState::Active).count();
        u32::try_from(active).unwrap_or(u32::MAX)
    }

    /// Stops a transfer for now.
    ///
    /// # Errors
    /// Conflict when it has ended.
    pub async fn pause(self: &Arc<Self>, id: &str) -> Outcome<Transfer> {
        self.settle(id, TransferState::Paused, |state| !state.is_settled() || state == TransferState::Paused).await
    }

    /// Lets a transfer go on that is paused or failed.
    ///
    /// # Errors
    /// Conflict when it is complete or cancelled.
    pub async fn resume(self: &Arc<Self>, id: &str) -> Outcome<Transfer> {
        let job = self.job(id)?;
        let state = job.record.borrow().state;
        if matches!(state, TransferState::Complete | TransferState::Cancelled) {
            return Err(conflict(id, state));
        }
        if state.is_settled() {
            job.record.send_modify(|record| {
                record.state = TransferState::Queued;
                record.error = None;
                record.finished = None;
            });
            self.store.save_transfer(&job.row(), &[Topic::TransferStarted]).await?;
            self.schedule();
        }
        Ok(job.record())
    }

    /// Ends a transfer and gives up what it has.
    ///
    /// # Errors
    /// Conflict when it is complete.
    pub async fn cancel(self: &Arc<Self>, id: &str) -> Outcome<Transfer> {
        let record = self.settle(id, TransferState::Cancelled, |state| state != TransferState::Complete).await?;
        if let Some(size) = record.size {
            let partial = self.store.partial(&record.content_id, size).await?;
            tokio::task::spawn_blocking(move || partial.discard()).await.map_err(Fault::internal)??;
        }
        Ok(record)
    }

    /// Forgets a transfer, and unpublishes what it brought when `delete_data` says so; false for an unknown id.
    pub async fn remove(self: &Arc<Self>, id: &str, delete_data: bool) -> Outcome<bool> {
        let Ok(job) = self.job(id) else { return Ok(false) };
        let record = job.record();
        if record.state != TransferState::Complete {
            self.cancel(id).await?;
        } else if delete_data {
            self.store.unpublish(&record.content_id).await?;
        }
        self.store.delete_transfer(id).await?;
        lock(&self.jobs).remove(id);
        Ok(true)
    }

    /// Stops every task and keeps what it has verified; the transfers go on at the next start.
    pub async fn stop(&self) {
        let jobs: Vec<_> = lock(&self.jobs).values().cloned().collect();
        for job in jobs {
            job.stop().await;
        }
    }

    async fn settle(
        self: &Arc<Self>,
        id: &str,
        state: TransferState,
        allowed: impl Fn(TransferState) -> bool,
    ) -> Outcome<Transfer> {
        let job = self.job(id)?;
        job.stop().await;
        let now = job.record.borrow().state;
        if !allowed(now) {
            return Err(conflict(id, now));
        }
        job.record.send_modify(|record| {
            record.state = state;
            record.rate = 0;
            record.sources = 0;
            record.finished = (state == TransferState::Cancelled).then(Time::now);
            if state == TransferState::Cancelled {
                record.received = 0;
            }
        });
        // Asked for once more, nothing has happened.
        let told = if state == now { None } else { ending(state) };
        self.store.save_transfer(&job.row(), told.as_slice()).await?;
        self.schedule();
        Ok(job.record())
    }

    fn job(&self, id: &str) -> Outcome<Arc<Job>> {
        let known = lock(&self.jobs).get(id).cloned();
        known.ok_or_else(|| {
            Fault::not_found(format!("there is no transfer {:?}", id.chars().take(64).collect::<String>()))
        })
    }

    fn find_for(&self, id: &ContentId) -> Option<Arc<Job>> {
        let jobs = lock(&self.jobs);
        let same = |job: &&Arc<Job>| {
            let record = job.record.borrow();
            record.content_id == *id && matches!(record.state, TransferState::Queued | TransferState::Active)
        };
        jobs.values().find(same).cloned()
    }

    fn has_room(&self) -> Outcome<()> {
        if lock(&self.jobs).len() >= MAX_KEPT {
            let message = format!("{MAX_KEPT} transfers are kept; remove ended ones with transfer.remove");
            return Err(Fault::new(FaultKind::LimitExceeded, message));
        }
        Ok(())
    }

    /// Lets the next transfers run: the highest priority first, then the one that waits longest.
    fn schedule(self: &Arc<Self>) {
        let jobs = lock(&self.jobs);
        let in_state = |state| jobs.values().filter(move |job| job.record.borrow().state == state);
        let free = self.policy.concurrent.saturating_sub(in_state(TransferState::Active).count());
        let mut waiting: Vec<_> = in_state(TransferState::Queued).cloned().collect();
        // The map is in the order of the ids, which is that of the starts, and the sort is stable.
        waiting.sort_by_key(|job| std::cmp::Reverse(job.record.borrow().priority));
        for job in waiting.into_iter().take(free) {
            job.record.send_modify(|record| record.state = TransferState::Active);
            let stop = CancellationToken::new();
            let task = tokio::spawn(self.clone().conduct(job.clone(), stop.clone()));
            *lock(&job.running) = Some(Running { stop, task });
        }
    }

    /// Tells how far a transfer is whenever it has come further.
    async fn tell_progress(&self, job: &Job) -> std::convert::Infallible {
        let mut told = job.record.borrow().received;
        loop {
            sleep(TELL).await;
            if self.store.journal().wants(Topic::TransferProgress) {
                let record = job.record();
                if std::mem::replace(&mut told, record.received) != record.received {
                    self.store.journal().tell(Topic::TransferProgress, &record.transfer_id, &record);
                }
            }
        }
    }

    /// Runs one transfer to its end and keeps how it ended.
    async fn conduct(self: Arc<Self>, job: Arc<Job>, stop: CancellationToken) {
        let outcome = tokio::select! {
            outcome = run::run(&self.store, &self.overlays, &self.policy, &job, &stop) => outcome,
            never = self.tell_progress(&job) => match never {},
        };
        let (state, error) = match outcome {
            Ok(Some(())) => (TransferState::Complete, None),
            // Whoever stopped it says what it is now.
            Ok(None) => return,
            Err(fault) => (TransferState::Failed, Some(fault.message)),
        };
        job.record.send_if_modified(|record| {
            record.rate = 0;
            record.sources = 0;
            record.finished = Some(Time::now());
            record.error = error;
            // Kept first and told afterwards: a caller who is told "complete" finds it so after a crash.
            false
        });
        let mut row = job.row();
        row.transfer.state = state;
        if let Err(fault) = self.store.save_transfer(&row, ending(state).as_slice()).await {
            tracing::error!(transfer = row.transfer.transfer_id, "its end could not be kept: {fault}");
        }
        job.record.send_modify(|record| record.state = state);
        self.schedule();
    }
}

/// What is told of a transfer that has come to this state.
fn ending(state: TransferState) -> Option<Topic> {
    match state {
        TransferState::Queued | TransferState::Active => None,
        TransferState::Paused => Some(Topic::TransferPaused),
        TransferState::Complete => Some(Topic::TransferComplete),
        TransferState::Failed => Some(Topic::TransferFailed),
        TransferState::Cancelled => Some(Topic::TransferCancelled),
    }
}

fn conflict(id: &str, state: TransferState) -> Fault {
    Fault::conflict(format!("transfer {id} is {}", state.name()))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
