//! Pauses between attempts: doubling, with a limit, and never the same for two controllers.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);

/// Short enough that all watches are back within five seconds of the API server's return.
const LONGEST: Duration = Duration::from_secs(2);

/// The pauses of one thing that is tried again and again.
#[derive(Debug, Clone)]
pub struct Backoff {
    next: Duration,
}

impl Backoff {
    /// Begins with the shortest pause.
    pub fn new() -> Self {
        Self { next: FIRST }
    }

    /// It worked: the next pause is the shortest again.
    pub fn reset(&mut self) {
        self.next = FIRST;
    }

    /// The next pause.
    pub fn pause(&mut self) -> Duration {
        let pause = jittered(self.next);
        self.next = LONGEST.min(self.next * 2);
        pause
    }

    /// Waits for the next pause.
    pub async fn wait(&mut self) {
        tokio::time::sleep(self.pause()).await;
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

/// Between one half and the whole of a pause, so that what failed together is not tried together.
pub(super) fn jittered(pause: Duration) -> Duration {
    // A fresh state of the standard library's hasher is random.
    let random = RandomState::new().hash_one(0) % 1000;
    pause / 2 + pause.mul_f64(random as f64 / 2000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_limit() {
        let mut backoff = Backoff::new();
        let pauses: Vec<_> = (0..10).map(|_| backoff.pause()).collect();
        let bounds = [100, 200, 400, 800, 1600, 2000, 2000, 2000, 2000, 2000].map(Duration::from_millis);
        for (pause, bound) in pauses.iter().zip(bounds) {
            assert!((bound / 2..=bound).contains(pause), "{pause:?} of {bound:?}");
        }
        backoff.reset();
        assert!(backoff.pause() <= FIRST);
    }
}
