//! One bridge as it runs: its settings, whether it is paused, and what each of its two directions has let through.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use super::{
    budget::{Daily, Rate},
    counters::{Counted, Counters},
    rules::Settings,
};
use crate::store::BridgeRow;

/// A bridge between two overlays.
pub struct Bridge {
    /// What names it; no other gateway has the same.
    pub id: String,
    /// What it is to do.
    pub settings: Settings,
    /// Whether the configuration holds it.
    pub is_configured: bool,
    /// What it has let through and held back.
    pub counters: Counters,
    paused: AtomicBool,
    /// Nothing crosses any more, since it was removed.
    removed: AtomicBool,
    directions: [Direction; 2],
}

/// What one direction may still let through.
struct Direction {
    rate: Option<Rate>,
    daily: Daily,
}

impl Bridge {
    /// The bridge with what was remembered of it.
    pub fn new(id: String, settings: Settings, is_configured: bool, row: &BridgeRow) -> Self {
        let before = Counted { queries: row.queries, hits: row.hits, bytes: row.bytes, refusals: row.refusals };
        let direction =
            |reverse: usize| Direction { rate: settings.rate.map(Rate::new), daily: Daily::of(row.days[reverse]) };
        let directions = [direction(0), direction(1)];
        let counters = Counters::of(&id, before);
        let (paused, removed) = (row.paused.into(), false.into());
        Self { id, settings, is_configured, counters, paused, removed, directions }
    }

    /// What is to be remembered of it.
    pub fn row(&self) -> BridgeRow {
        let Counted { queries, hits, bytes, refusals } = self.counters.now();
        BridgeRow {
            id: self.id.clone(),
            settings: (!self.is_configured).then(|| serde_json::to_string(&self.settings).unwrap_or_default()),
            paused: self.is_paused(),
            queries,
            hits,
            bytes,
            refusals,
            days: [self.directions[0].daily.day(), self.directions[1].daily.day()],
        }
    }

    /// Whether a caller has paused it.
    pub fn is_paused(&self) -> bool {
        self.paused.load(Relaxed)
    }

    /// Pauses it, or lets it go on.
    pub fn set_paused(&self, paused: bool) {
        self.paused.store(paused, Relaxed);
    }

    /// Ends what is crossing.
    pub fn remove(&self) {
        self.removed.store(true, Relaxed);
    }

    /// Whether anything may cross at all.
    pub fn is_open(&self) -> bool {
        !self.is_paused() && !self.removed.load(Relaxed)
    }

    /// Its directions: the peers of which overlay find and fetch in which.
    pub fn ways(self: &Arc<Self>) -> impl Iterator<Item = Way> {
        let reverse = self.settings.bidirectional.then_some(true);
        [false].into_iter().chain(reverse).map(|reverse| Way { bridge: Arc::clone(self), reverse })
    }
}

/// One direction of a bridge.
#[derive(Clone)]
pub struct Way {
    /// The bridge.
    pub bridge: Arc<Bridge>,
    reverse: bool,
}

impl Way {
    /// The overlay whose peers find and fetch.
    pub fn near(&self) -> &str {
        let Settings { from, to, .. } = &self.bridge.settings;
        if self.reverse { to } else { from }
    }

    /// The overlay in which it lies.
    pub fn far(&self) -> &str {
        let Settings { from, to, .. } = &self.bridge.settings;
        if self.reverse { from } else { to }
    }

    /// The rules.
    pub fn settings(&self) -> &Settings {
        &self.bridge.settings
    }

    /// The hop limit as journeys count it.
    pub fn hop_limit(&self) -> u8 {
        u8::try_from(self.bridge.settings.hop_limit).unwrap_or(u8::MAX)
    }

    /// Its queries a second, where they are limited.
    pub fn rate(&self) -> Option<&Rate> {
        self.direction().rate.as_ref()
    }

    /// Its bytes of today.
    pub fn daily(&self) -> &Daily {
        &self.direction().daily
    }

    fn direction(&self) -> &Direction {
        &self.bridge.directions[usize::from(self.reverse)]
    }
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} -> {}", self.near(), self.far())
    }
}
