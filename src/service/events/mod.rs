//! Events for subscribers: pulled by them, or sent to their callbacks.
//!
//! The journal in the store is the truth and a subscription is a place in it, so that a thousand subscriptions cost a
//! thousand numbers. `push.rs` sends to callbacks, `keeper.rs` writes places behind and ends subscriptions, `sources.rs`
//! tells what other parts of the node only show.

mod keeper;
mod push;
mod sources;
mod subscription;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

pub use crate::store::Listener as Stream;
pub use sources::watch;
pub use subscription::State;

use self::subscription::Subscription;
use crate::{
    model::{CallbackBinding, Event, Fault, FaultKind, Outcome, Time, Topics},
    store::{Listener, Store},
};

/// Subscriptions at one time.
const MAX_SUBSCRIPTIONS: usize = 1_000;
/// Deliveries that are under way at one time.
const MAX_DELIVERIES: usize = 32;

/// Where events are sent, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    /// The address; it may hold credentials, so it is not logged.
    pub url: String,
    /// The binding.
    pub binding: CallbackBinding,
}

/// Sends events to a callback; the bindings and HTTP stand behind it.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Makes sure that this node sends anything to that address.
    ///
    /// # Errors
    /// InvalidRequest that says why not.
    async fn check(&self, callback: &Callback) -> Outcome<()>;

    /// Sends a batch and waits until it was taken, within bounds of its own.
    ///
    /// # Errors
    /// Why it was not taken, as far as that is known.
    async fn notify(&self, callback: &Callback, subscription: &str, events: &[Arc<Event>]) -> Outcome<()>;
}

/// How a callback that fails is tried again.
#[derive(Clone, Debug)]
pub struct Patience {
    /// The pause after the first failure; it doubles with each.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
    /// Tries after the first, before the subscription is parked.
    pub retries: u32,
}

/// What a subscriber was promised.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscribed {
    /// What names the subscription.
    pub id: String,
    /// When it ends.
    pub expires: Time,
}

/// What a pull brings.
#[derive(Debug, Default)]
pub struct Pulled {
    /// The next events.
    pub events: Vec<Arc<Event>>,
    /// Events that were dropped since the last pull, before they were pulled.
    pub missed: u64,
}

/// The subscriptions of this node.
pub struct Events {
    store: Arc<Store>,
    notifier: Arc<dyn Notifier>,
    patience: Patience,
    all: Mutex<BTreeMap<String, Arc<Subscription>>>,
    deliveries: Semaphore,
    /// Nobody waits for events any more.
    closing: CancellationToken,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Events {
    /// The subscriptions as they were kept. To be called before anything happens that may be an event.
    ///
    /// # Errors
    /// Internal when the catalogue cannot be read.
    pub async fn restore(store: Arc<Store>, notifier: Arc<dyn Notifier>, patience: Patience) -> Outcome<Arc<Self>> {
        let mut all = BTreeMap::new();
        for row in store.subscriptions().await? {
            let id = row.id.clone();
            match Subscription::of(row, store.journal()) {
                Ok(subscription) => drop(all.insert(id, Arc::new(subscription))),
                // Written by a later version of the program; it may come back.
                Err(fault) => tracing::warn!(subscription = id, "the subscription is left alone: {fault}"),
            }
        }
        let events = Arc::new(Self {
            store,
            notifier,
            patience,
            all: Mutex::new(all),
            deliveries: Semaphore::new(MAX_DELIVERIES),
            closing: CancellationToken::new(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        for subscription in events.all().values() {
            events.deliver(subscription);
        }
        events.tasks.spawn(keeper::run(events.clone()));
        Ok(events)
    }

    /// Begins a subscription to what happens from now on.
    ///
    /// # Errors
    /// InvalidRequest for patterns that mean no topic or a callback that this node does not send to, LimitExceeded when
    /// there are too many subscriptions.
    pub async fn subscribe(
        self: &Arc<Self>,
        patterns: Vec<String>,
        callback: Option<Callback>,
        lasts: Duration,
    ) -> Outcome<Subscribed> {
        let topics = Topics::parse(&patterns)?;
        if let Some(callback) = &callback {
            self.notifier.check(callback).await?;
        }
        self.has_room()?;
        let id = Uuid::now_v7().simple().to_string();
        let subscription = Arc::new(Subscription::new(id, patterns, topics, callback, lasts, self.store.journal()));
        // Kept before it is answered; whoever is told of it finds it after a crash.
        self.store.save_subscription(&subscription.row()).await?;
        let mut all = self.all();
        all.insert(subscription.id.clone(), subscription.clone());
        drop(all);
        self.deliver(&subscription);
        Ok(subscription.promise())
    }

    /// The events that follow those of the last pull; waits for the first one when there is none.
    ///
    /// # Errors
    /// NotFound for a subscription that there is not or no longer, Conflict for one with a callback.
    pub async fn pull(&self, id: &str, limit: usize, patience: Duration) -> Outcome<Pulled> {
        let subscription = self.find(id)?;
        if let Some(callback) = &subscription.callback {
            return Err(subscription.is_pushed(callback));
        }
        let deadline = Instant::now() + patience;
        let mut news = self.store.journal().news();
        // Two pulls of one subscription take turns, so that each event goes to one of them.
        let Ok(_turn) = timeout_at(deadline, subscription.turn.lock()).await else { return Ok(Pulled::default()) };
        loop {
            news.borrow_and_update();
            let listener = &subscription.listener;
            let page = self.store.events(listener.topics(), listener.cursor(), limit).await?;
            listener.advance(page.upto);
            let missed = listener.take_missed();
            if !page.events.is_empty() || missed > 0 {
                return Ok(Pulled { events: page.events, missed });
            }
            tokio::select! {
                () = subscription.ended.cancelled() => return Err(unknown(id)),
                () = self.closing.cancelled() => return Ok(Pulled::default()),
                changed = timeout_at(deadline, news.changed()) => match changed {
                    Ok(Ok(())) => {}
                    // The time is up, or the node stops: the page is what there is.
                    _ => return Ok(Pulled::default()),
                },
            }
        }
    }

    /// Lets a subscription last for so long from now on, and tries its callback again.
    ///
    /// # Errors
    /// NotFound for a subscription that there is not or no longer.
    pub async fn renew(&self, id: &str, lasts: Duration) -> Outcome<Subscribed> {
        let subscription = self.find(id)?;
        subscription.extend(lasts);
        self.store.save_subscription(&subscription.row()).await?;
        subscription.renewed.notify_one();
        Ok(subscription.promise())
    }

    /// Ends a subscription; false when there was none.
    ///
    /// # Errors
    /// Internal when the catalogue cannot be written.
    pub async fn unsubscribe(&self, id: &str) -> Outcome<bool> {
        if self.find(id).is_err() {
            return Ok(false);
        }
        self.store.delete_subscriptions(&[id.to_owned()]).await?;
        let ended = self.all().remove(id);
        if let Some(subscription) = &ended {
            subscription.ended.cancel();
        }
        Ok(ended.is_some())
    }

    /// Listens without a subscription, after a number where one is named; says whether everything after it is still
    /// there. For streams, which end with their connection.
    pub fn listen(&self, topics: Topics, after: Option<u64>) -> (Listener, bool) {
        let journal = self.store.journal();
        let is_whole = after.is_none_or(|after| journal.is_whole(topics, after));
        let last = *journal.news().borrow();
        (journal.listen(topics, after.map(|after| after.min(last))), is_whole)
    }

    /// The next events of a listener; waits for the first one, for so long. None when the node ends.
    ///
    /// # Errors
    /// Internal when the catalogue cannot be read.
    pub async fn next(&self, listener: &Listener, limit: usize, patience: Duration) -> Outcome<Option<Pulled>> {
        let deadline = Instant::now() + patience;
        let mut news = self.store.journal().news();
        loop {
            news.borrow_and_update();
            let page = self.store.events(listener.topics(), listener.cursor(), limit).await?;
            listener.advance(page.upto);
            let missed = listener.take_missed();
            if !page.events.is_empty() || missed > 0 {
                return Ok(Some(Pulled { events: page.events, missed }));
            }
            tokio::select! {
                () = self.closing.cancelled() => return Ok(None),
                changed = timeout_at(deadline, news.changed()) => {
                    if !matches!(changed, Ok(Ok(()))) {
                        return Ok(Some(Pulled::default()));
                    }
                }
            }
        }
    }

    /// Ends all waiting for events, so that those who wait do not hold up the end of the node.
    pub fn end_waits(&self) {
        self.closing.cancel();
    }

    /// How many subscriptions are in each state.
    pub fn count(&self) -> Vec<(State, usize)> {
        let states: Vec<_> = self.all().values().map(|subscription| subscription.state()).collect();
        State::ALL.iter().map(|state| (*state, states.iter().filter(|other| *other == state).count())).collect()
    }

    /// Ends all waiting and sending, and keeps how far subscribers were told.
    pub async fn stop(&self) {
        self.end_waits();
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn deliver(self: &Arc<Self>, subscription: &Arc<Subscription>) {
        if let Some(callback) = subscription.callback.clone() {
            self.tasks.spawn(push::run(self.clone(), subscription.clone(), callback));
        }
    }

    fn find(&self, id: &str) -> Outcome<Arc<Subscription>> {
        let known = self.all().get(id).filter(|subscription| !subscription.is_over()).cloned();
        known.ok_or_else(|| unknown(id))
    }

    fn has_room(&self) -> Outcome<()> {
        if self.all().len() >= MAX_SUBSCRIPTIONS {
            let message = format!("there are {MAX_SUBSCRIPTIONS} subscriptions; end some with event.unsubscribe");
            return Err(Fault::new(FaultKind::LimitExceeded, message));
        }
        Ok(())
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Subscription>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unknown(id: &str) -> Fault {
    let shown: String = id.chars().take(64).collect();
    Fault::not_found(format!("there is no subscription {shown:?}; it may have expired, so subscribe again"))
}

#[cfg(test)]
mod tests;
