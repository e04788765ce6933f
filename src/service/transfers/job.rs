//! One transfer in memory.

use std::sync::{Arc, Mutex};

use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::lock;
use crate::{model::Transfer, store::TransferRow};

/// One transfer: its record, which everybody watches, and the task that moves its bytes.
pub(super) struct Job {
    pub overlays: Vec<String>,
    pub record: watch::Sender<Transfer>,
    pub running: Mutex<Option<Running>>,
}

pub(super) struct Running {
    pub stop: CancellationToken,
    pub task: JoinHandle<()>,
}

impl Job {
    pub fn new(record: Transfer, overlays: Vec<String>) -> Arc<Self> {
        Arc::new(Self { overlays, record: watch::Sender::new(record), running: Mutex::new(None) })
    }

    pub fn record(&self) -> Transfer {
        self.record.borrow().clone()
    }

    pub fn row(&self) -> TransferRow {
        TransferRow { transfer: self.record(), overlays: self.overlays.clone() }
    }

    /// Stops the task and waits until what it had verified is kept.
    pub async fn stop(&self) {
        let running = lock(&self.running).take();
        if let Some(running) = running {
            running.stop.cancel();
            if let Err(error) = running.task.await {
                tracing::error!("a transfer's task ended badly: {error}");
            }
        }
    }
}
