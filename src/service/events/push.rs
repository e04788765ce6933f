//! Sends the events of one subscription to its callback: in order, one batch at a time, each at least once.
//!
//! The place in the journal moves on only when a batch was taken. A batch that was taken but whose answer got lost, or
//! whose new place a crash took back, comes again with the same numbers.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use super::{
    Callback, Events, Patience,
    subscription::{State, Subscription},
};
use crate::model::{Event, Outcome};

/// Characters of what a callback said that are kept.
const MAX_SHOWN: usize = 300;
/// Events in one batch.
const BATCH: usize = 100;

/// Runs until the subscription has ended or the node stops.
pub(super) async fn run(events: Arc<Events>, subscription: Arc<Subscription>, callback: Callback) {
    tokio::select! {
        () = events.stop.cancelled() => {}
        () = subscription.ended.cancelled() => {}
        () = deliver(&events, &subscription, &callback) => {}
    }
}

async fn deliver(events: &Events, subscription: &Subscription, callback: &Callback) {
    let mut news = events.store.journal().news();
    let listener = &subscription.listener;
    loop {
        news.borrow_and_update();
        match events.store.events(listener.topics(), listener.cursor(), BATCH).await {
            Ok(page) if page.events.is_empty() => {
                listener.advance(page.upto);
                if news.changed().await.is_err() {
                    return;
                }
            }
            Ok(page) => {
                let missed = listener.take_missed();
                if missed > 0 {
                    tracing::warn!(
                        subscription = subscription.id,
                        "{missed} events were dropped before they were sent"
                    );
                }
                until_taken(events, subscription, callback, &page.events).await;
                listener.advance(page.upto);
            }
            Err(fault) => {
                tracing::warn!(subscription = subscription.id, "events could not be read: {fault}");
                sleep(events.patience.longest).await;
            }
        }
    }
}

/// Sends a batch until it is taken. What was tried too often waits for the subscription's renewal.
async fn until_taken(events: &Events, subscription: &Subscription, callback: &Callback, batch: &[Arc<Event>]) {
    let id = &subscription.id;
    let mut failures = 0;
    while let Err(fault) = send(events, subscription, callback, batch).await {
        let said = shown(&fault.message);
        failures += 1;
        metrics::counter!("peergate_event_deliveries_total", "outcome" => "failed").increment(1);
        if failures > events.patience.retries {
            tracing::warn!(
                subscription = id,
                "the callback failed {failures} times and is tried again when the subscription is renewed: {said}"
            );
            subscription.set_state(State::Parked, said);
            subscription.renewed.notified().await;
            failures = 0;
            continue;
        }
        if failures == 1 {
            tracing::warn!(subscription = id, "the callback failed and is tried again: {said}");
        }
        subscription.set_state(State::Retrying, said);
        tokio::select! {
            () = sleep(pause(&events.patience, failures)) => {}
            () = subscription.renewed.notified() => {}
        }
    }
    metrics::counter!("peergate_event_deliveries_total", "outcome" => "taken").increment(1);
    subscription.set_state(State::Pushed, String::new());
}

async fn send(events: &Events, subscription: &Subscription, callback: &Callback, batch: &[Arc<Event>]) -> Outcome<()> {
    // The semaphore is never closed.
    let _place = events.deliveries.acquire().await;
    events.notifier.notify(callback, &subscription.id, batch).await
}

/// What a callback said, as it can be logged and told: it may say anything, and as much as it likes.
fn shown(said: &str) -> String {
    said.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(MAX_SHOWN).collect()
}

/// The pause after so many failures: doubled with each, and up to a quarter longer or shorter, so that callbacks which
/// failed together are not all tried together.
fn pause(patience: &Patience, failures: u32) -> Duration {
    let doubled = patience.first.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
    let random = uuid::Uuid::now_v7().as_bytes()[15];
    doubled.min(patience.longest).mul_f64(0.75 + f64::from(random) / 510.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let patience = Patience { first: Duration::from_millis(100), longest: Duration::from_secs(1), retries: 3 };
        for (failures, millis) in [(1, 100), (2, 200), (4, 800), (5, 1000), (33, 1000), (u32::MAX, 1000)] {
            let pause = pause(&patience, failures).as_millis();
            assert!((millis * 3 / 4..=millis * 5 / 4).contains(&pause), "{failures}: {pause}");
        }
    }
}
