//! Requests that a caller repeats because the answer was lost: what they change is changed once.
//!
//! The caller's own id of the message tells a repetition from a new request. Its first answer is kept in the catalogue
//! before it is sent, as the record and not as bytes of a binding, so that it is written anew for whoever asks again. A
//! request that failed is not kept: it changed nothing, and the next one may fare better.

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::{Mutex as Turn, OwnedMutexGuard, Semaphore};

use crate::{
    model::{Fault, FaultKind, Outcome, Time},
    store::{RetryRow, Store},
};

/// How long an answer is given again.
const WINDOW: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a repetition waits for the first request to end.
const PATIENCE: Duration = Duration::from_secs(30);
/// Requests with an id that are worked on at one time, those whose caller has gone included.
const MAX_RUNNING: usize = 1_024;
/// Turns that may be forgotten about before they are looked through.
const SWEEP_AT: usize = 4 * MAX_RUNNING;

/// What tells a request from others, and a repetition from a reused id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    key: [u8; 32],
    fingerprint: [u8; 32],
}

impl Retry {
    /// Of a caller, an operation, the caller's id of the message and the input. An input that holds a stream is told by
    /// what comes before it.
    pub fn new(caller: &str, operation: &str, id: &str, input: &impl Serialize) -> Self {
        let mut key = blake3::Hasher::new();
        for part in [caller, operation, id] {
            key.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
        }
        let mut fingerprint = blake3::Hasher::new();
        // A hasher takes whatever it is given; only a stream is no JSON.
        let _ = serde_json::to_writer(&mut fingerprint, input);
        Self { key: *key.finalize().as_bytes(), fingerprint: *fingerprint.finalize().as_bytes() }
    }
}

/// The answers to requests that may be repeated.
pub struct Retries {
    store: Arc<Store>,
    places: Arc<Semaphore>,
    /// Whoever holds the turn of a key works on its request.
    turns: Mutex<HashMap<[u8; 32], Weak<Turn<()>>>>,
}

impl Retries {
    /// Kept in this store.
    pub fn new(store: Arc<Store>) -> Arc<Self> {
        Arc::new(Self { store, places: Arc::new(Semaphore::new(MAX_RUNNING)), turns: Mutex::default() })
    }

    /// The first answer to the request, or what `call` answers, which is kept before it is handed out. Once begun the
    /// call runs to its end, even when the caller goes away, so that a repetition finds its answer.
    ///
    /// # Errors
    /// Those of the call. Conflict when the id was used for another request, or when the first one takes too long;
    /// LimitExceeded when too many are worked on.
    pub async fn once<T>(
        self: &Arc<Self>,
        retry: Retry,
        call: impl Future<Output = Outcome<T>> + Send + 'static,
    ) -> Outcome<T>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
    {
        let turn = tokio::time::timeout(PATIENCE, self.turn(retry.key)).await;
        let turn = turn.map_err(|_| Fault::conflict("the first message of that id is still being worked on"))?;
        if let Some(row) = self.store.retry(&retry.key, window_start(Time::now())).await? {
            return if row.fingerprint == retry.fingerprint { read(&row) } else { Err(reused()) };
        }
        let place = self.places.clone().try_acquire_owned().map_err(|_| busy())?;
        let retries = self.clone();
        let work = async move {
            let output = call.await?;
            let answer = serde_json::to_vec(&output).map_err(Fault::internal)?;
            retries.keep(&retry, answer).await?;
            drop((turn, place));
            Ok(output)
        };
        tokio::spawn(work).await.map_err(Fault::internal)?
    }

    async fn keep(&self, retry: &Retry, answer: Vec<u8>) -> Outcome<()> {
        let (row, now) = (RetryRow { fingerprint: retry.fingerprint, answer }, Time::now());
        self.store.save_retry(&retry.key, &row, now, window_start(now)).await
    }

    async fn turn(&self, key: [u8; 32]) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            if turns.len() >= SWEEP_AT {
                turns.retain(|_, turn| turn.strong_count() > 0);
            }
            let turn = turns.get(&key).and_then(Weak::upgrade).unwrap_or_default();
            turns.insert(key, Arc::downgrade(&turn));
            turn
        };
        turn.lock_owned().await
    }
}

fn window_start(now: Time) -> Time {
    let window = i64::try_from(WINDOW.as_millis()).unwrap_or(i64::MAX);
    Time::from_millis(now.as_millis().saturating_sub(window))
}

fn read<T: DeserializeOwned>(row: &RetryRow) -> Outcome<T> {
    serde_json::from_slice(&row.answer).map_err(Fault::internal)
}

fn reused() -> Fault {
    Fault::conflict("a message of that id came before with another content; give each message an id of its own")
}

fn busy() -> Fault {
    Fault::new(FaultKind::LimitExceeded, format!("{MAX_RUNNING} messages that may be repeated are being worked on"))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    use super::*;

    async fn retries() -> (tempfile::TempDir, Arc<Retries>) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        (folder, Retries::new(store))
    }

    /// A call that counts, and answers how often it was made.
    fn call(calls: &Arc<AtomicU32>) -> impl Future<Output = Outcome<u32>> + Send + 'static {
        let calls = calls.clone();
        async move { Ok(calls.fetch_add(1, SeqCst) + 1) }
    }

    fn retry(id: &str, input: &str) -> Retry {
        Retry::new("erp", "message.send", id, &input)
    }

    #[tokio::test]
    async fn a_repetition_gets_the_first_answer() {
        let ((_folder, retries), calls) = (retries().await, Arc::default());
        assert_eq!(retries.once(retry("1", "x"), call(&calls)).await, Ok(1));
        assert_eq!(retries.once(retry("1", "x"), call(&calls)).await, Ok(1));
        assert_eq!(retries.once(retry("2", "x"), call(&calls)).await, Ok(2));
        let other = retries.once(retry("1", "y"), call(&calls)).await.unwrap_err();
        assert_eq!(other.kind, FaultKind::Conflict);
        // The same id of another caller or operation is another message.
        assert_eq!(retries.once(Retry::new("", "message.send", "1", &"x"), call(&calls)).await, Ok(3));
        assert_eq!(retries.once(Retry::new("erp", "peer.update", "1", &"x"), call(&calls)).await, Ok(4));
    }

    #[tokio::test]
    async fn the_answer_outlives_the_node() {
        let (folder, calls) = (tempfile::tempdir().unwrap(), Arc::default());
        for _ in 0..2 {
            let store = Store::open(folder.path()).await.unwrap();
            let retries = Retries::new(store.clone());
            assert_eq!(retries.once(retry("1", "x"), call(&calls)).await, Ok(1));
            store.close().await;
        }
    }

    #[tokio::test]
    async fn what_failed_is_done_again() {
        let ((_folder, retries), calls) = (retries().await, Arc::default());
        let failed = retries.once::<u32>(retry("1", "x"), async { Err(Fault::unavailable("no provider")) }).await;
        assert_eq!(failed.unwrap_err().kind, FaultKind::Unavailable);
        assert_eq!(retries.once(retry("1", "x"), call(&calls)).await, Ok(1));
    }

    #[tokio::test]
    async fn repetitions_wait_for_the_first_and_it_ends_without_its_caller() {
        let ((_folder, retries), calls) = (retries().await, Arc::<AtomicU32>::default());
        let (release, released) = tokio::sync::oneshot::channel::<()>();
        let slow = {
            let calls = calls.clone();
            async move {
                let _ = released.await;
                Ok(calls.fetch_add(1, SeqCst) + 1)
            }
        };
        // The first caller goes away while its call runs.
        let first = tokio::spawn({
            let retries = retries.clone();
            async move { retries.once(retry("1", "x"), slow).await }
        });
        while retries.places.available_permits() == MAX_RUNNING {
            tokio::task::yield_now().await;
        }
        first.abort();
        assert!(first.await.is_err());
        let again = tokio::spawn({
            let (retries, call) = (retries.clone(), call(&calls));
            async move { retries.once(retry("1", "x"), call).await }
        });
        release.send(()).unwrap();
        assert_eq!(again.await.unwrap(), Ok(1));
        assert_eq!(calls.load(SeqCst), 1);
    }

    #[test]
    fn a_stream_is_told_by_what_comes_before_it() {
        use crate::model::Payload;
        let input = |name: &str| {
            let stream = Box::pin(futures::stream::empty());
            (name.to_owned(), Payload::Stream { size: Some(5), stream })
        };
        assert_eq!(Retry::new("", "o", "1", &input("a")), Retry::new("", "o", "1", &input("a")));
        assert_ne!(Retry::new("", "o", "1", &input("a")), Retry::new("", "o", "1", &input("b")));
    }
}
