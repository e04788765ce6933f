//! Looks after the subscriptions: ends those whose time is up, writes behind how far the others have been told, and
//! keeps the journal within its bounds.

use std::{sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

use super::Events;
use crate::model::Outcome;

/// How often it looks. What was told within is told again after a crash.
const EVERY: Duration = Duration::from_secs(1);

/// Runs until the node stops, and then keeps what is not kept yet.
pub(super) async fn run(events: Arc<Events>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let is_last = tokio::select! {
            () = events.stop.cancelled() => true,
            _ = ticks.tick() => false,
        };
        if let Err(fault) = tend(&events).await {
            tracing::warn!("subscriptions could not be kept: {fault}");
        }
        if is_last {
            return;
        }
    }
}

async fn tend(events: &Events) -> Outcome<()> {
    let all: Vec<_> = events.all().values().cloned().collect();
    let (over, rest): (Vec<_>, Vec<_>) = all.into_iter().partition(|subscription| subscription.is_over());
    if !over.is_empty() {
        let ids: Vec<_> = over.iter().map(|subscription| subscription.id.clone()).collect();
        events.store.delete_subscriptions(&ids).await?;
        for subscription in over {
            subscription.ended.cancel();
            events.all().remove(&subscription.id);
            tracing::info!(subscription = subscription.id, "the subscription has expired");
        }
    }
    let places: Vec<_> = rest.iter().filter_map(|subscription| subscription.unkept()).collect();
    if !places.is_empty() {
        events.store.save_cursors(&places).await?;
        for (id, cursor, missed) in places {
            if let Some(subscription) = events.all().get(&id) {
                subscription.keep(cursor, missed);
            }
        }
    }
    events.store.tend_journal().await
}
