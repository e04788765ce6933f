//! What nobody comes back for: uploads without a commit are given up, and committed ones forgotten.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use super::Uploads;
use crate::model::Time;

/// Committed uploads that are remembered; the one begun longest ago is forgotten first.
const MAX_REMEMBERED: usize = 10_000;
/// The shortest and the longest time between two looks.
const LOOK: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(60));

impl Uploads {
    /// Looks from time to time, as long as somebody holds the uploads.
    pub(super) fn start_expiry(self: &Arc<Self>) {
        let (uploads, period) = (Arc::downgrade(self), (self.policy.expire / 8).clamp(LOOK.0, LOOK.1));
        tokio::spawn(look_again(uploads, period));
    }

    /// Ends what was last worked on so long ago that it has expired by `now`.
    pub(super) async fn expire(&self, now: Time) {
        let limit = i64::try_from(self.policy.expire.as_millis()).unwrap_or(i64::MAX);
        let has_expired = |since: Time| now.as_millis().saturating_sub(since.as_millis()) >= limit;
        let under_way: Vec<_> = self.kept().under_way.values().cloned().collect();
        for entry in under_way {
            // Whoever is ending it now has not gone away.
            let Ok(_turn) = entry.ending.try_lock() else { continue };
            let upload = &entry.upload;
            if upload.idle_since().is_some_and(has_expired) {
                tracing::info!(upload = upload.id(), received = upload.received(), "an abandoned upload has expired");
                if let Err(fault) = self.give_up(upload).await {
                    tracing::warn!(upload = upload.id(), "an upload could not be given up: {fault}");
                }
            }
        }
        let old: Vec<_> = {
            let kept = self.kept();
            let old = kept.committed.values().filter(|upload| has_expired(upload.committed));
            old.map(|upload| upload.id.clone()).collect()
        };
        self.forget(&old).await;
    }

    /// Forgets the oldest committed uploads beyond those that are remembered.
    pub(super) async fn forget_surplus(&self) {
        let old: Vec<_> = {
            let kept = self.kept();
            let surplus = kept.committed.len().saturating_sub(MAX_REMEMBERED);
            kept.committed.keys().take(surplus).cloned().collect()
        };
        self.forget(&old).await;
    }

    async fn forget(&self, ids: &[String]) {
        for id in ids {
            match self.store.forget_upload(id).await {
                Ok(()) => drop(self.kept().committed.remove(id)),
                Err(fault) => tracing::warn!(upload = id, "a committed upload could not be forgotten: {fault}"),
            }
        }
    }
}

async fn look_again(uploads: Weak<Uploads>, period: Duration) {
    loop {
        tokio::time::sleep(period).await;
        let Some(uploads) = uploads.upgrade() else { return };
        uploads.expire(Time::now()).await;
    }
}
