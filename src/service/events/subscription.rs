//! One subscription: what it listens to, how far it has been told, and how its callback does.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Callback, Subscribed};
use crate::{
    model::{CallbackBinding, Fault, Outcome, Time, Topics},
    store::{Journal, Listener, SubscriptionRow},
};

/// How the events of a subscription go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The subscriber pulls them.
    Pulled,
    /// They are sent, and the last ones were taken.
    Pushed,
    /// The callback failed and will be tried again.
    Retrying,
    /// The callback failed so often that it is only tried again when the subscription is renewed.
    Parked,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Pulled, Self::Pushed, Self::Retrying, Self::Parked];

    /// The word in metrics and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pulled => "pulled",
            Self::Pushed => "pushed",
            Self::Retrying => "retrying",
            Self::Parked => "parked",
        }
    }
}

/// One subscription.
pub(super) struct Subscription {
    pub id: String,
    pub callback: Option<Callback>,
    pub listener: Listener,
    /// Held while events are pulled.
    pub turn: tokio::sync::Mutex<()>,
    /// The subscriber has renewed it.
    pub renewed: Notify,
    /// It has ended.
    pub ended: CancellationToken,
    patterns: Vec<String>,
    since: u64,
    expires: AtomicI64,
    /// The state, and what the callback said last.
    state: Mutex<(State, String)>,
    /// Cursor and missed as they are kept on the disk.
    kept: Mutex<(u64, u64)>,
}

impl Subscription {
    /// One that begins now.
    pub fn new(
        id: String,
        patterns: Vec<String>,
        topics: Topics,
        callback: Option<Callback>,
        lasts: Duration,
        journal: &Arc<Journal>,
    ) -> Self {
        let subscription = Self::with(id, patterns, callback, journal.listen(topics, None));
        subscription.extend(lasts);
        subscription
    }

    /// One that was kept.
    pub fn of(row: SubscriptionRow, journal: &Arc<Journal>) -> Outcome<Self> {
        let topics = Topics::parse(&row.topics)?;
        let callback = row.callback.map(|(url, binding)| {
            let binding = CallbackBinding::named(&binding);
            binding.map(|binding| Callback { url, binding }).ok_or_else(|| Fault::invalid("an unknown binding"))
        });
        let listener = journal.listen(topics, Some(row.cursor));
        listener.add_missed(row.missed);
        journal.recorded_since(topics, row.since);
        let mut subscription = Self::with(row.id, row.topics, callback.transpose()?, listener);
        subscription.since = row.since;
        subscription.expires = AtomicI64::new(row.expires.as_millis());
        Ok(subscription)
    }

    fn with(id: String, patterns: Vec<String>, callback: Option<Callback>, listener: Listener) -> Self {
        let state = if callback.is_some() { State::Pushed } else { State::Pulled };
        Self {
            id,
            patterns,
            since: listener.cursor(),
            kept: Mutex::new((listener.cursor(), listener.missed())),
            listener,
            callback,
            turn: tokio::sync::Mutex::default(),
            renewed: Notify::new(),
            ended: CancellationToken::new(),
            expires: AtomicI64::new(0),
            state: Mutex::new((state, String::new())),
        }
    }

    /// Lets it last for so long from now on.
    pub fn extend(&self, lasts: Duration) {
        let lasts = i64::try_from(lasts.as_millis()).unwrap_or(i64::MAX);
        self.expires.store(Time::now().as_millis().saturating_add(lasts), Relaxed);
    }

    /// Whether its time is up.
    pub fn is_over(&self) -> bool {
        self.ended.is_cancelled() || self.expires.load(Relaxed) <= Time::now().as_millis()
    }

    /// What its subscriber is told.
    pub fn promise(&self) -> Subscribed {
        Subscribed { id: self.id.clone(), expires: Time::from_millis(self.expires.load(Relaxed)) }
    }

    /// As it is kept.
    pub fn row(&self) -> SubscriptionRow {
        let callback = self.callback.as_ref();
        SubscriptionRow {
            id: self.id.clone(),
            topics: self.patterns.clone(),
            callback: callback.map(|callback| (callback.url.clone(), callback.binding.name().to_owned())),
            expires: Time::from_millis(self.expires.load(Relaxed)),
            since: self.since,
            cursor: self.listener.cursor(),
            missed: self.listener.missed(),
        }
    }

    /// Its place, where it is not the one on the disk.
    pub fn unkept(&self) -> Option<(String, u64, u64)> {
        let place = (self.listener.cursor(), self.listener.missed());
        let kept = *self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        (place != kept).then(|| (self.id.clone(), place.0, place.1))
    }

    /// Its place is on the disk.
    pub fn keep(&self, cursor: u64, missed: u64) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = (cursor, missed);
    }

    /// How its events go out.
    pub fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    /// How its callback does, and what it said.
    pub fn set_state(&self, state: State, said: String) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = (state, said);
    }

    /// Why its events cannot be pulled, and how its callback does.
    pub fn is_pushed(&self, callback: &Callback) -> Fault {
        let (state, said) = self.state.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let how = match state {
            State::Pulled | State::Pushed => "which takes them".to_owned(),
            State::Retrying => format!("which is tried again; the last failure: {said}"),
            State::Parked => format!("which failed too often; event.renew tries it again; the last failure: {said}"),
        };
        Fault::conflict(format!(
            "the events of subscription {} are sent to its {} callback, {how}",
            self.id,
            callback.binding.name()
        ))
    }
}
