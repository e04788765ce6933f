//! What one direction of a bridge may still let through: queries by the second, bytes by the day.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use crate::{model::Time, store::BridgeDay as Day};

const MILLIS_PER_DAY: i64 = 24 * 3600 * 1000;

/// Queries a second. What is not used is saved for one second, so that a burst of that many passes.
pub struct Rate {
    per_second: f64,
    /// How many may pass at once, and when that was counted.
    saved: Mutex<(f64, Instant)>,
}

impl Rate {
    /// So many a second.
    pub fn new(per_second: u32) -> Self {
        let per_second = f64::from(per_second);
        Self { per_second, saved: Mutex::new((per_second, Instant::now())) }
    }

    /// Whether one may pass now; `take` says that it does.
    pub fn admits(&self, now: Instant, take: bool) -> bool {
        let mut saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        let earned = now.saturating_duration_since(saved.1).as_secs_f64() * self.per_second;
        *saved = ((saved.0 + earned).min(self.per_second), now.max(saved.1));
        let admits = saved.0 >= 1.0;
        if admits && take {
            saved.0 -= 1.0;
        }
        admits
    }
}

/// Counts the bytes of the present day. They are counted without a limit as well, so that one that is set later holds
/// for the day that has begun.
#[derive(Default)]
pub struct Daily(Mutex<Day>);

impl Daily {
    /// Goes on from what was kept.
    pub fn of(day: Day) -> Self {
        Self(Mutex::new(day))
    }

    /// The day that was counted last.
    pub fn day(&self) -> Day {
        *self.lock()
    }

    /// Bytes that may still cross today.
    pub fn left(&self, limit: Option<u64>, now: Time) -> u64 {
        limit.map_or(u64::MAX, |limit| limit.saturating_sub(self.today(now).bytes))
    }

    /// Counts bytes, if so many may still cross today.
    pub fn take(&self, bytes: u64, limit: Option<u64>, now: Time) -> bool {
        let mut day = self.today(now);
        let total = day.bytes.saturating_add(bytes);
        let fits = limit.is_none_or(|limit| total <= limit);
        if fits {
            day.bytes = total;
        }
        fits
    }

    fn today(&self, now: Time) -> MutexGuard<'_, Day> {
        let number = now.as_millis().div_euclid(MILLIS_PER_DAY);
        let mut day = self.lock();
        if day.number != number {
            *day = Day { number, bytes: 0 };
        }
        day
    }

    fn lock(&self) -> MutexGuard<'_, Day> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_rate_lets_a_second_s_worth_pass_at_once_and_no_more() {
        let (rate, start) = (Rate::new(2), Instant::now());
        let pass = |millis: u64| rate.admits(start + Duration::from_millis(millis), true);
        assert_eq!([pass(0), pass(0), pass(0)], [true, true, false]);
        assert_eq!([pass(400), pass(500), pass(600)], [false, true, false]);
        assert!(rate.admits(start + Duration::from_secs(60), false), "looking takes nothing");
        assert_eq!(
            [pass(60_000), pass(60_000), pass(60_000)],
            [true, true, false],
            "a minute saves no more than a second"
        );
    }

    #[test]
    fn a_day_has_its_bytes_and_the_next_one_has_them_again() {
        let daily = Daily::default();
        let at = |millis| Time::from_millis(millis);
        assert!(daily.take(60, Some(100), at(0)));
        assert!(!daily.take(41, Some(100), at(1)), "what does not fit is not counted");
        assert_eq!(daily.left(Some(100), at(1)), 40);
        assert!(daily.take(40, Some(100), at(MILLIS_PER_DAY - 1)));
        assert_eq!(daily.left(Some(100), at(MILLIS_PER_DAY - 1)), 0);
        assert!(daily.take(100, Some(100), at(MILLIS_PER_DAY)));
        assert_eq!(daily.day(), Day { number: 1, bytes: 100 });
        assert!(daily.take(u64::MAX, None, at(MILLIS_PER_DAY)) && daily.left(None, at(0)) == u64::MAX);
    }
}
