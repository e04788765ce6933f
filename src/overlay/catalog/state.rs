//! Asking the catalogue, and how it fares: every call goes through here, so that one that does not answer is left alone
//! until a probe finds it again, and nobody waits for it.

use std::{sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};

use super::{
    Catalogue,
    messages::{Page, READ, SEARCH, Search},
};
use crate::{
    model::{Fault, FaultKind, Outcome},
    overlay::remote::{Cause, Failure, Method, Terms},
};

/// How long a catalogue that is asked only to see whether it is there may take.
const PROBE_TIME: Duration = Duration::from_secs(10);
/// What is searched for then; the answer does not matter.
const PROBE: Search<'static> = Search { query: "peergate", limit: 1 };

impl Catalogue {
    /// Calls the catalogue. `judge` holds the answer against what was asked for, and says what is wrong with it.
    ///
    /// # Errors
    /// Unavailable when it does not answer, or not what was asked for, or is left alone because it did not; NotFound when
    /// it says that there is no such entry.
    pub(super) async fn ask<I: Serialize, O: DeserializeOwned, T>(
        &self,
        method: &Method,
        input: &I,
        within: Duration,
        judge: impl FnOnce(O) -> Result<T, String>,
    ) -> Outcome<T> {
        self.health.admit()?;
        let answer = self.remote.call(method, input, &Terms::within(within)).await;
        let judged = answer.and_then(|answer| judge(answer).map_err(|lie| self.lie(method, &lie)));
        self.health.note(judged).map_err(|failure| missing(method, failure))
    }

    /// What an answer comes to that is not what was asked for.
    fn lie(&self, method: &Method, lie: &str) -> Failure {
        Failure::unusable(self.remote.place(), format!("{}: {lie}", method.name))
    }

    /// Looks from time to time whether the catalogue is there.
    pub(super) async fn watch(self: Arc<Self>) {
        let probe = || async {
            let answer = self.remote.call::<_, Page>(&SEARCH, &PROBE, &Terms::within(PROBE_TIME)).await;
            match answer {
                Ok(_) => Ok(None),
                // It is there, and does not like the question.
                Err(failure) if matches!(failure.cause, Cause::Fault(_)) => Ok(Some(failure.fault.message)),
                Err(failure) => Err(failure.fault),
            }
        };
        self.health.watch(probe).await;
    }
}

/// What a caller is told of a failure. Few legacy systems have a fault of their own for an entry that is not there; where
/// bytes are asked for by an entry's id, a fault that blames the question says just that.
fn missing(method: &Method, failure: Failure) -> Fault {
    let blames = matches!(failure.cause, Cause::Fault(FaultKind::InvalidRequest | FaultKind::NotFound));
    if method.name == READ.name && blames {
        return Fault::not_found(failure.fault.message);
    }
    failure.into()
}
