//! How fast statuses are written, so that a storm of changes leaves the API server time for others.

use std::time::Duration;

use tokio::time::Instant;

/// Writes that may follow at once after a time of silence.
const BURST: u32 = 100;

/// Writes per second after that.
const PER_SECOND: u32 = 200;

/// A bucket of tokens.
pub(super) struct Pace {
    /// When the bucket would be full.
    full_at: Instant,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self { full_at: now }
    }

    /// When the next write may begin.
    pub(super) fn next(&mut self, now: Instant) -> Instant {
        let each = Duration::from_secs(1) / PER_SECOND;
        self.full_at = self.full_at.max(now) + each;
        let start = self.full_at.checked_sub(each * BURST).unwrap_or(now);
        start.max(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_the_rest_is_spread() {
        let now = Instant::now();
        let mut pace = Pace::new(now);
        let starts: Vec<_> = (0..300).map(|_| pace.next(now).duration_since(now)).collect();
        assert_eq!(starts[99], Duration::ZERO);
        assert_eq!(starts[299], Duration::from_secs(1));
        let later = now + Duration::from_secs(60);
        assert_eq!(pace.next(later), later, "silence fills the bucket");
    }
}
