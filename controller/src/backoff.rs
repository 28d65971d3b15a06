//! Pauses between attempts: doubling, with a limit, and spread so that what failed together is not tried together.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The pauses of one thing that is tried again and again.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    spread: Spread,
    next: Duration,
}

/// How a pause differs from one time to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spread {
    /// It does not: nobody else tries the same.
    None,
    /// Between one half and the whole of it.
    Half,
    /// Anything up to the whole of it ("full jitter"), for many that lost the same thing.
    Full,
}

impl Backoff {
    /// Begins with the shortest pause.
    pub(crate) fn between(first: Duration, longest: Duration, spread: Spread) -> Self {
        Self { first, longest, spread, next: first }
    }

    /// Between attempts at the API server: short enough that all watches are back within five seconds of its return.
    pub(crate) fn at_api_server() -> Self {
        Self::between(Duration::from_millis(100), Duration::from_secs(2), Spread::Half)
    }

    /// It worked: the next pause is the shortest again.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }

    /// The next pause.
    pub(crate) fn pause(&mut self) -> Duration {
        let pause = self.spread.of(self.next);
        self.next = self.longest.min(self.next * 2);
        pause
    }

    /// Waits for the next pause.
    pub(crate) async fn wait(&mut self) {
        tokio::time::sleep(self.pause()).await;
    }
}

impl Spread {
    /// A pause as it is this time.
    pub(crate) fn of(self, pause: Duration) -> Duration {
        let share = || (random() >> 11) as f64 / (1_u64 << 53) as f64;
        match self {
            Self::None => pause,
            Self::Half => pause / 2 + (pause / 2).mul_f64(share()),
            Self::Full => pause.mul_f64(share()),
        }
    }
}

/// A number that differs from call to call and from process to process; for spreading, not for secrets.
pub(crate) fn random() -> u64 {
    // A fresh state of the standard library's hasher is random.
    RandomState::new().hash_one(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(2);

    #[test]
    fn pauses_double_up_to_the_limit() {
        let bounds = [100, 200, 400, 800, 1600, 2000, 2000, 2000, 2000, 2000].map(Duration::from_millis);
        for (spread, least) in [(Spread::None, 1.0), (Spread::Half, 0.5), (Spread::Full, 0.0)] {
            let mut backoff = Backoff::between(FIRST, LONGEST, spread);
            for bound in bounds {
                let pause = backoff.pause();
                assert!((bound.mul_f64(least)..=bound).contains(&pause), "{spread:?}: {pause:?} of {bound:?}");
            }
            backoff.reset();
            assert!(backoff.pause() <= FIRST);
        }
    }

    #[test]
    fn full_jitter_takes_the_whole_of_a_pause() {
        let pauses: Vec<_> = (0..100).map(|_| Spread::Full.of(LONGEST)).collect();
        assert!(pauses.iter().any(|pause| *pause > LONGEST / 3), "{pauses:?}");
        assert!(pauses.windows(2).any(|pair| pair[0] != pair[1]));
    }
}
