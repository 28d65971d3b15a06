//! How long something is waited for, again and again.

use std::future::poll_fn;
use std::time::Duration;

use tokio::time::Instant;

use crate::timer::Timer;

/// A limit for waits that follow each other. One timer serves them all: it is set once, and moves only when it fires, which
/// it does once in a while where every wait ends in time.
pub(super) struct Patience {
    limit: Duration,
    timer: Timer,
}

impl Patience {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, timer: Timer::default() }
    }

    /// What the work comes to; `None` when it takes longer than the limit.
    pub(super) async fn wait<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let until = Instant::now() + self.limit;
        tokio::select! {
            biased;
            done = work => Some(done),
            () = poll_fn(|cx| self.timer.poll_until(until, cx)) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_wait_has_the_whole_limit() {
        let mut patience = Patience::new(Duration::from_secs(5));
        for seconds in [4, 1, 4, 4] {
            assert_eq!(patience.wait(sleep(Duration::from_secs(seconds))).await, Some(()));
        }
        let before = Instant::now();
        assert_eq!(patience.wait(std::future::pending::<()>()).await, None);
        assert_eq!(before.elapsed(), Duration::from_secs(5));
        assert_eq!(patience.wait(async { 1 }).await, Some(1));
    }
}
