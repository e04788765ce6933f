//! What waits until a test lets it go on.

use std::sync::Arc;

use tokio::{runtime::Handle, sync::watch};

/// Closed until it is opened, and open from then on.
#[derive(Clone, Debug)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Gate {
    /// Lets everybody through.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// Waits until it is open.
    pub async fn pass(&self) {
        // The sender is held here, so the wait ends with the gate's opening only.
        let _ = self.0.subscribe().wait_for(|open| *open).await;
    }

    /// The same, on a thread of the blocking pool.
    pub fn pass_blocking(&self) {
        Handle::current().block_on(self.pass());
    }
}
