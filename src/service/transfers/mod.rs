//! Transfers: a queue of contents on their way to this node.
//!
//! What a caller asked for is written before it is answered, and what was verified is kept, so that a transfer goes on
//! where it was after a restart or a kill. `job.rs` is one transfer, `queue.rs` decides which of them run, `run.rs` moves
//! the bytes of one, and `steer.rs` is what callers do to one.

mod job;
mod queue;
mod run;
mod steer;
#[cfg(test)]
mod tests;
mod whole;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use uuid::Uuid;

use self::job::Job;
use super::foreign::content_here;
use crate::{
    model::{ContentId, Fault, FaultKind, Outcome, Time, Topic, Transfer, TransferState},
    overlay::Overlays,
    store::{Store, TransferRow},
};

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
        let journey = self.overlays.begin();
        let local = content_here(&self.store, &self.overlays, &wanted.content_id, &journey).await?;
        let (name, size, state) = match &local {
            Some(content) => (content.name.clone(), content.size, TransferState::Complete),
            None => {
                let located = self.overlays.locate(&wanted.content_id, &wanted.overlays, &journey).await?;
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

    /// Stops every task and keeps what it has verified; the transfers go on at the next start.
    pub async fn stop(&self) {
        let jobs: Vec<_> = lock(&self.jobs).values().cloned().collect();
        for job in jobs {
            job.stop().await;
        }
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
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
