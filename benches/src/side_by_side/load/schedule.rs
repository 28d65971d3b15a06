//! When requests are due if they come at a fixed rate, whatever the answers do.

use std::cell::Cell;
use std::time::Duration;

use crate::side_by_side::clock::Moment;

/// One rate for all connections: whichever is free takes what is due next. If none is free, what is due waits, and its
/// latency has begun.
pub(super) struct Schedule {
    start: Moment,
    per_second: u32,
    taken: Cell<u64>,
}

impl Schedule {
    pub(super) fn new(start: Moment, per_second: u32) -> Self {
        Self { start, per_second: per_second.max(1), taken: Cell::new(0) }
    }

    /// When the next request is due; nobody else sends that one.
    pub(super) fn take(&self) -> Moment {
        let number = self.taken.get();
        self.taken.set(number + 1);
        self.due(number)
    }

    /// How many have been due for longer than this, and nobody has taken them.
    pub(super) fn untaken(&self, now: Moment, longer: Duration) -> u64 {
        let time = now.since(self.start).saturating_sub(longer);
        let all = time.as_secs_f64() * f64::from(self.per_second);
        (all as u64).saturating_sub(self.taken.get())
    }

    /// By its number, so that no rounding adds up.
    fn due(&self, number: u64) -> Moment {
        self.start + Duration::from_nanos(number * 1_000_000_000 / u64::from(self.per_second))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_kept_over_many_requests() {
        let start = Moment::from_nanos(7);
        let schedule = Schedule::new(start, 30_000);
        assert_eq!(schedule.take(), start);
        assert_eq!(schedule.take(), start + Duration::from_nanos(33_333));
        let last = (2..=30_000).map(|_| schedule.take()).last();
        assert_eq!(last, Some(start + Duration::from_secs(1)));
    }

    #[test]
    fn what_nobody_took_is_known() {
        let start = Moment::from_nanos(7);
        let schedule = Schedule::new(start, 100);
        for _ in 0..40 {
            schedule.take();
        }
        let second = Duration::from_secs(1);
        assert_eq!(schedule.untaken(start + second * 2, second), 60);
        assert_eq!(schedule.untaken(start + second, second), 0);
    }
}
