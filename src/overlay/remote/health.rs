//! Whether a remote system works: learnt from every call, and from probes while it does not.
//!
//! A system that is down is not asked, so that whoever waits for several overlays waits for those that answer. One probe at
//! a time finds out when it is back; a question that was refused meanwhile has the next one come sooner.

use std::{
    future::Future,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep_until, timeout},
};

use super::Failure;
use crate::model::{Fault, Outcome, OverlayState};

/// Calls in a row that may fail before the system counts as down without having been probed.
const MAX_FAILURES: u32 = 3;
/// The pause between two probes of a system that works.
const REFRESH: Duration = Duration::from_secs(60);
/// The first pause between two probes of one that does not; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The least time between two probes, however many questions are refused.
const LEAST_PAUSE: Duration = Duration::from_millis(500);

/// What is known of a remote system.
pub struct Health {
    /// How messages about it begin.
    place: String,
    known: Mutex<Known>,
    /// Somebody wants to know whether it works.
    asked: Notify,
    /// Whether a probe has ended.
    settled: watch::Sender<bool>,
}

struct Known {
    state: OverlayState,
    detail: Option<String>,
    /// What the last probe found lacking in a system that works.
    remark: Option<String>,
    failures: u32,
}

impl Known {
    /// It works, but for what the remark says.
    fn working(remark: Option<String>) -> Self {
        let state = if remark.is_some() { OverlayState::Degraded } else { OverlayState::Up };
        Self { state, detail: remark.clone(), remark, failures: 0 }
    }
}

impl Health {
    /// Nothing is known yet of the system whose messages begin so.
    pub fn new(place: &str) -> Self {
        let known = Known { state: OverlayState::Starting, detail: None, remark: None, failures: 0 };
        Self {
            place: place.to_owned(),
            known: Mutex::new(known),
            asked: Notify::new(),
            settled: watch::Sender::new(false),
        }
    }

    /// Its state, and what a person should know of it.
    pub fn state(&self) -> (OverlayState, Option<String>) {
        let known = self.known();
        (known.state, known.detail.clone())
    }

    /// Waits until the first probe has ended, at most so long.
    pub async fn settle(&self, patience: Duration) {
        let mut settled = self.settled.subscribe();
        let _ = timeout(patience, settled.wait_for(|settled| *settled)).await;
    }

    /// Whether a question may be asked.
    ///
    /// # Errors
    /// Unavailable, at once, while the system is down.
    pub fn admit(&self) -> Outcome<()> {
        let known = self.known();
        if known.state != OverlayState::Down {
            return Ok(());
        }
        let why = known.detail.clone().unwrap_or_default();
        drop(known);
        self.asked.notify_one();
        Err(Fault::unavailable(format!("{} is down and not asked until a probe succeeds: {why}", self.place)))
    }

    /// Takes in how a call went, and hands it on.
    pub fn note<T>(&self, outcome: Result<T, Failure>) -> Result<T, Failure> {
        match &outcome {
            Ok(_) => self.works(),
            Err(failure) if failure.is_answer() => self.works(),
            Err(failure) => self.failed(&failure.fault),
        }
        outcome
    }

    /// Nothing is asked from now on. Whoever calls this has ended the probes.
    pub fn stop(&self) {
        let mut known = self.known();
        known.state = OverlayState::Down;
        known.detail = Some("it was stopped".to_owned());
    }

    fn works(&self) {
        let mut known = self.known();
        // What a probe refused is not taken back by a question that was under way.
        if known.state != OverlayState::Down {
            *known = Known::working(known.remark.take());
        }
    }

    /// A failure counts, and has the system probed now.
    fn failed(&self, fault: &Fault) {
        let mut known = self.known();
        known.failures += 1;
        if known.state != OverlayState::Down {
            let is_down = known.failures >= MAX_FAILURES;
            known.state = if is_down { OverlayState::Down } else { OverlayState::Degraded };
            known.detail = Some(fault.message.clone());
        }
        drop(known);
        self.asked.notify_one();
    }

    /// Probes the system for as long as it is polled: at once, now and then while it works, with growing pauses while it does
    /// not, and sooner when somebody asks. A probe answers what is to be known of a system that works, if anything.
    pub async fn watch<F: Future<Output = Outcome<Option<String>>>>(&self, probe: impl Fn() -> F) {
        let mut pause = FIRST_PAUSE;
        loop {
            let began = Instant::now();
            let outcome = probe().await;
            let works = outcome.is_ok();
            self.probed(outcome);
            self.settled.send_replace(true);
            pause = if works { FIRST_PAUSE } else { pause };
            let due = began + if works { REFRESH } else { pause };
            tokio::select! {
                () = sleep_until(due) => {}
                () = async {
                    self.asked.notified().await;
                    sleep_until(began + LEAST_PAUSE).await;
                } => {}
            }
            if !works {
                pause = longer(pause);
            }
        }
    }

    fn probed(&self, outcome: Outcome<Option<String>>) {
        let mut known = self.known();
        let before = known.state;
        *known = match outcome {
            Ok(remark) => Known::working(remark),
            Err(fault) => {
                Known { state: OverlayState::Down, detail: Some(fault.message), remark: None, failures: known.failures }
            }
        };
        if known.state != before {
            let (state, detail) = (known.state, known.detail.as_deref().unwrap_or_default());
            tracing::info!("{}: {state:?} {detail}", self.place);
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn longer(pause: Duration) -> Duration {
    (pause * 2).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    };

    use super::*;
    use crate::model::FaultKind;

    fn health() -> Health {
        Health::new("overlay far: http://h/")
    }

    fn dead() -> Failure {
        Failure::unreachable("overlay far: http://h/", "connection refused")
    }

    fn not_found() -> Failure {
        Failure::answered("overlay far: http://h/", "content.describe", Fault::not_found("nobody has it"))
    }

    #[test]
    fn failures_degrade_it_and_several_in_a_row_close_it() {
        let health = health();
        assert_eq!(health.state(), (OverlayState::Starting, None));
        health.note(Ok(())).unwrap();
        assert_eq!(health.state().0, OverlayState::Up);
        for count in 1..=MAX_FAILURES {
            assert!(health.admit().is_ok(), "{count}");
            let _ = health.note::<()>(Err(dead()));
        }
        let refused = health.admit().unwrap_err();
        assert_eq!(refused.kind, FaultKind::Unavailable);
        assert!(refused.message.contains("connection refused"), "{refused}");
        health.note(Ok(())).unwrap();
        assert_eq!(health.state().0, OverlayState::Down, "only a probe opens it again");
    }

    #[test]
    fn an_answer_that_says_no_is_an_answer() {
        let health = health();
        let _ = health.note::<()>(Err(dead()));
        assert_eq!(health.state().0, OverlayState::Degraded);
        let _ = health.note::<()>(Err(not_found()));
        assert_eq!(health.state(), (OverlayState::Up, None));
    }

    #[test]
    fn what_a_probe_found_lacking_is_not_forgotten_by_a_success() {
        let health = health();
        health.probed(Ok(Some("it is old".to_owned())));
        health.note(Ok(())).unwrap();
        assert_eq!(health.state(), (OverlayState::Degraded, Some("it is old".to_owned())));
        let _ = health.note::<()>(Err(dead()));
        health.note(Ok(())).unwrap();
        assert_eq!(health.state().1.as_deref(), Some("it is old"));
        health.probed(Ok(None));
        assert_eq!(health.state(), (OverlayState::Up, None));
    }

    #[tokio::test]
    async fn a_question_that_is_refused_has_a_system_found_that_is_back() {
        let (health, works, probes) = (Arc::new(health()), Arc::new(AtomicBool::new(false)), AtomicUsize::new(0));
        let (probed, up) = (health.clone(), works.clone());
        let watch = tokio::spawn(async move {
            let probe = || {
                probes.fetch_add(1, Relaxed);
                std::future::ready(if up.load(Relaxed) { Ok(None) } else { Err(dead().fault) })
            };
            probed.watch(probe).await;
        });
        let until = async |state: OverlayState| {
            while health.state().0 != state {
                let _ = health.admit();
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let limit = Duration::from_secs(10);
        tokio::time::timeout(limit, until(OverlayState::Down)).await.expect("it is down");
        works.store(true, Relaxed);
        tokio::time::timeout(limit, until(OverlayState::Up)).await.expect("it is up");
        assert!(health.admit().is_ok());
        watch.abort();
    }

    #[test]
    fn pauses_grow_while_it_does_not_work() {
        let pauses: Vec<_> = std::iter::successors(Some(FIRST_PAUSE), |pause| Some(longer(*pause))).take(8).collect();
        assert_eq!(pauses.iter().map(Duration::as_secs).collect::<Vec<_>>(), [1, 2, 4, 8, 16, 32, 60, 60]);
    }
}
