//! `transfer.*`: bring content here, in the background, across restarts.

use std::{sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{GRACE, Operation};
use crate::{
    model::{Bounded, ContentId, Done, Fault, Outcome, Transfer, TransferState},
    service::{Services, transfers::Wanted},
};

/// Starts to bring a content here and answers at once; follow it with transfer.wait.
///
/// What is complete is local content, shared on unless share.downloads is false. Asked for again, the transfer that is
/// under way is answered. An unfinished transfer goes on by itself after a restart.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Start {
    /// The content.
    pub content_id: ContentId,
    /// The name to keep it under; as its sources call it when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"debian.iso")]
    pub name: Option<String>,
    /// Higher goes first.
    #[serde(default)]
    pub priority: i32,
    /// Only from these overlays; from all when absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["home"])]
    pub overlays: Vec<String>,
}

impl Operation for Start {
    const NAME: &'static str = "transfer.start";
    const HAS_EFFECT: bool = true;
    type Output = Transfer;

    async fn call(self, services: &Arc<Services>) -> Outcome<Transfer> {
        let Self { content_id, name, priority, overlays } = self;
        services.transfers.start(Wanted { content_id, name, priority, overlays }).await
    }
}

macro_rules! on_one_transfer {
    ($($(#[$doc:meta])* $operation:ident, $name:literal, $effect:literal, $method:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $operation {
            /// The transfer, as transfer.start named it.
            #[schemars(example = &"0192f0c1d2e37abc8def0123456789ab")]
            pub transfer_id: String,
        }

        impl Operation for $operation {
            const NAME: &'static str = $name;
            const HAS_EFFECT: bool = $effect;
            type Output = Transfer;

            async fn call(self, services: &Arc<Services>) -> Outcome<Transfer> {
                services.transfers.$method(&self.transfer_id).await
            }
        }
    )*};
}

on_one_transfer! {
    /// Answers where a transfer stands.
    Status, "transfer.status", false, status;
    /// Stops a transfer for now; it keeps what it has.
    Pause, "transfer.pause", true, pause;
    /// Lets a paused or failed transfer go on.
    Resume, "transfer.resume", true, resume;
    /// Ends a transfer and gives up what it has.
    Cancel, "transfer.cancel", true, cancel;
}

/// Lists the transfers, the latest first.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct List {
    /// Only those in this state: queued, active, paused, complete, failed or cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"active")]
    pub state: Option<String>,
    /// Most transfers wanted.
    #[serde(default)]
    pub limit: Bounded<50, 1, 500>,
    /// The `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"0192f0c1d2e37abc8def0123456789ab")]
    pub after: Option<String>,
}

/// A page of transfers.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransferPage {
    /// The transfers.
    #[serde(default)]
    pub transfers: Vec<Transfer>,
    /// What to pass as `after` for the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl Operation for List {
    const NAME: &'static str = "transfer.list";
    const HAS_EFFECT: bool = false;
    type Output = TransferPage;

    async fn call(self, services: &Arc<Services>) -> Outcome<TransferPage> {
        let state = self.state.map(|name| state_of(&name)).transpose()?;
        let (transfers, next) = services.transfers.list(state, self.after.as_deref(), self.limit.count());
        Ok(TransferPage { transfers, next })
    }
}

fn state_of(name: &str) -> Outcome<TransferState> {
    TransferState::named(name).ok_or_else(|| {
        let states = TransferState::ALL.map(TransferState::name).join(", ");
        Fault::invalid(format!("state {name:?} is none of {states}"))
    })
}

/// Waits until a transfer has ended, is paused, or the time is up, and answers where it stands.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Wait {
    /// The transfer, as transfer.start named it.
    #[schemars(example = &"0192f0c1d2e37abc8def0123456789ab")]
    pub transfer_id: String,
    /// Milliseconds to wait.
    #[serde(default)]
    pub wait_ms: Bounded<30000, 0, 60000>,
}

impl Operation for Wait {
    const NAME: &'static str = "transfer.wait";
    const HAS_EFFECT: bool = false;
    type Output = Transfer;

    fn deadline(&self) -> Duration {
        self.wait_ms.millis() + GRACE
    }

    fn waits(&self) -> bool {
        self.wait_ms.get() > 0
    }

    async fn call(self, services: &Arc<Services>) -> Outcome<Transfer> {
        services.transfers.wait(&self.transfer_id, self.wait_ms.millis()).await
    }
}

/// Forgets a transfer, which is cancelled first when it is under way.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Remove {
    /// The transfer, as transfer.start named it.
    #[schemars(example = &"0192f0c1d2e37abc8def0123456789ab")]
    pub transfer_id: String,
    /// Whether the content that it brought is unpublished too.
    #[serde(default)]
    pub delete_data: bool,
}

impl Operation for Remove {
    const NAME: &'static str = "transfer.remove";
    const HAS_EFFECT: bool = true;
    type Output = Done;

    async fn call(self, services: &Arc<Services>) -> Outcome<Done> {
        Ok(Done { done: services.transfers.remove(&self.transfer_id, self.delete_data).await? })
    }
}
