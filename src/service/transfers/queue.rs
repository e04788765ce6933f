//! Which transfers run, and what becomes of one that has run.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{
    Transfers,
    job::{Job, Running},
    lock, run,
};
use crate::model::{Time, Topic, TransferState};

/// How often the progress of a transfer is told, at most.
const TELL: Duration = Duration::from_secs(1);

impl Transfers {
    /// Lets the next transfers run: the highest priority first, then the one that waits longest.
    pub(super) fn schedule(self: &Arc<Self>) {
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
pub(super) fn ending(state: TransferState) -> Option<Topic> {
    match state {
        TransferState::Queued | TransferState::Active => None,
        TransferState::Paused => Some(Topic::TransferPaused),
        TransferState::Complete => Some(Topic::TransferComplete),
        TransferState::Failed => Some(Topic::TransferFailed),
        TransferState::Cancelled => Some(Topic::TransferCancelled),
    }
}
