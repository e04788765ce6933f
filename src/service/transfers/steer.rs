//! What callers do to a transfer that is there: stop it for now, let it go on, end it, forget it.

use std::sync::Arc;

use super::{Transfers, lock, queue::ending};
use crate::model::{Fault, Outcome, Time, Topic, Transfer, TransferState};

impl Transfers {
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
            let alias = self.store.alias(&record.content_id).await?;
            let native = alias.map_or(record.content_id, |alias| alias.native());
            self.store.unpublish(&native).await?;
        }
        self.store.delete_transfer(id).await?;
        lock(&self.jobs).remove(id);
        Ok(true)
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
}

fn conflict(id: &str, state: TransferState) -> Fault {
    Fault::conflict(format!("transfer {id} is {}", state.name()))
}
