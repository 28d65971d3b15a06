//! How long to wait before the next attempt.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
/// A controller that comes back has all its replicas within this, and the time of a connection.
const MOST: Duration = Duration::from_secs(3);

/// Attempts that failed one after the other.
#[derive(Debug, Default)]
pub(super) struct Backoff(u32);

impl Backoff {
    /// Any time up to a limit that doubles with each failure ("full jitter"), so that replicas that lost the same
    /// controller do not come back together.
    pub(super) fn next(&mut self) -> Duration {
        let limit = FIRST.saturating_mul(1 << self.0.min(16)).min(MOST);
        self.0 = self.0.saturating_add(1);
        let share = (random() >> 11) as f64 / (1_u64 << 53) as f64;
        limit.mul_f64(share)
    }

    /// An attempt went well.
    pub(super) fn reset(&mut self) {
        self.0 = 0;
    }
}

/// A number that differs from call to call and from process to process; for spreading, not for secrets.
pub(super) fn random() -> u64 {
    RandomState::new().hash_one(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit_and_differ() {
        let mut backoff = Backoff::default();
        assert!(backoff.next() <= FIRST);
        let waits: Vec<_> = (0..100).map(|_| backoff.next()).collect();
        assert!(waits.iter().all(|wait| *wait <= MOST));
        assert!(waits.iter().any(|wait| *wait > Duration::from_secs(1)), "{waits:?}");
        assert!(waits.windows(2).any(|pair| pair[0] != pair[1]));
        backoff.reset();
        assert!(backoff.next() <= FIRST);
    }
}
