//! `event.*`: what happens at the node, for callers who would otherwise have to ask again and again.
//!
//! A subscription is pulled by its subscriber or sent to a callback. `GET /events` gives the same events without one.

use std::{sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{GRACE, Operation};
use crate::{
    model::{Bounded, CallbackBinding, Done, Event, Fault, Outcome, Time},
    service::{
        Services,
        events::{Callback, Subscribed},
    },
};

/// The seconds that a subscription lasts: an hour, and at most a week.
type Ttl = Bounded<3600, 1, 604800>;

fn lasts(ttl: Ttl) -> Duration {
    Duration::from_secs(ttl.get().into())
}

/// Subscribes to what happens at the node from now on, and answers at once. It survives a restart, and ends when it is
/// not renewed in time.
///
/// Without a callback, follow it with event.pull. With one, the node sends notify.events there: in order, one batch at a
/// time, at least once, tried again with growing pauses while the callback fails, and parked after the last try until
/// event.renew. What tells a lasting fact (content, transfer and message topics, but for transfer.progress) is not lost
/// in a crash of the node; the others are of the moment.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Subscribe {
    /// What to be told: * for everything, patterns such as transfer.*, or topics: content.published, content.updated,
    /// content.withdrawn, transfer.started, transfer.progress, transfer.paused, transfer.complete, transfer.failed,
    /// transfer.cancelled, search.hit, search.complete (of started searches), peer.connected, peer.disconnected,
    /// message.received, bridge.crossed, bridge.refused, overlay.state, library.progress.
    #[schemars(example = ["transfer.*", "content.published"])]
    pub topics: Vec<String>,
    /// Where to send events, as a URL; nowhere when absent. Loopback and private addresses need
    /// events.callback_networks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"http://127.0.0.1:8080/peergate")]
    pub callback_url: Option<String>,
    /// How to send them; xmlrpc when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_binding: Option<CallbackBinding>,
    /// Seconds after which the subscription ends, unless it is renewed.
    #[serde(default)]
    pub ttl_seconds: Ttl,
}

/// A subscription.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// What names the subscription.
    pub subscription_id: String,
    /// When it ends, unless it is renewed.
    pub expires: Time,
}

impl From<Subscribed> for Subscription {
    fn from(subscribed: Subscribed) -> Self {
        Self { subscription_id: subscribed.id, expires: subscribed.expires }
    }
}

impl Operation for Subscribe {
    const NAME: &'static str = "event.subscribe";
    const HAS_EFFECT: bool = true;
    type Output = Subscription;

    async fn call(self, services: &Arc<Services>) -> Outcome<Subscription> {
        let callback = match (self.callback_url, self.callback_binding) {
            (Some(url), binding) => Some(Callback { url, binding: binding.unwrap_or(CallbackBinding::Xmlrpc) }),
            (None, None) => None,
            (None, Some(_)) => return Err(Fault::invalid("callbackBinding says how, but callbackUrl is missing")),
        };
        Ok(services.events.subscribe(self.topics, callback, lasts(self.ttl_seconds)).await?.into())
    }
}

/// Answers the events that follow those of the last pull, and waits for the first one when there is none.
///
/// Each event is answered once. After a crash of the node, what was answered in the last second may come again, with the
/// same sequence. An answer that got lost on its way is not repeated; its events can still be had from GET /events with
/// the last sequence that arrived as Last-Event-ID.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pull {
    /// The subscription, as event.subscribe named it.
    #[schemars(example = &"0192f0c1d2e37abc8def0123456789ab")]
    pub subscription_id: String,
    /// Most events wanted.
    #[serde(default)]
    pub limit: Bounded<100, 1, 500>,
    /// Milliseconds to wait for an event when there is none.
    #[serde(default)]
    pub wait_ms: Bounded<0, 0, 60000>,
}

/// Events in the order in which they happened.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct EventPage {
    /// The events.
    #[serde(default)]
    pub events: Vec<Arc<Event>>,
    /// How many events were dropped since the last pull, because there were too many before they were pulled.
    pub missed: u64,
}

impl Operation for Pull {
    const NAME: &'static str = "event.pull";
    const HAS_EFFECT: bool = true;
    type Output = EventPage;

    fn deadline(&self) -> Duration {
        self.wait_ms.millis() + GRACE
    }

    fn waits(&self) -> bool {
        self.wait_ms.get() > 0
    }

    async fn call(self, services: &Arc<Services>) -> Outcome<EventPage> {
        let pulled = services.events.pull(&self.subscription_id, self.limit.count(), self.wait_ms.millis()).await?;
        Ok(EventPage { events: pulled.events, missed: pulled.missed })
    }
}

/// Lets a subscription last longer, counted from now, and tries a callback again that was parked.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Renew {
    /// The subscription, as event.subscribe named it.
    #[schemars(example = &"0192f0c1d2e37abc8def0123456789ab")]
    pub subscription_id: String,
    /// Seconds after which the subscription ends, unless it is renewed again.
    #[serde(default)]
    pub ttl_seconds: Ttl,
}

impl Operation for Renew {
    const NAME: &'static str = "event.renew";
    const HAS_EFFECT: bool = true;
    type Output = Subscription;

    async fn call(self, services: &Arc<Services>) -> Outcome<Subscription> {
        Ok(services.events.renew(&self.subscription_id, lasts(self.ttl_seconds)).await?.into())
    }
}

/// Ends a subscription.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Unsubscribe {
    /// The subscription, as event.subscribe named it.
    #[schemars(example = &"0192f0c1d2e37abc8def0123456789ab")]
    pub subscription_id: String,
}

impl Operation for Unsubscribe {
    const NAME: &'static str = "event.unsubscribe";
    const HAS_EFFECT: bool = true;
    type Output = Done;

    async fn call(self, services: &Arc<Services>) -> Outcome<Done> {
        Ok(Done { done: services.events.unsubscribe(&self.subscription_id).await? })
    }
}
