//! How long something is waited for, again and again.

use std::pin::Pin;
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// A limit for waits that follow each other. One timer serves them all: it is set once, and moves only when it fires, which
/// it does once in a while where every wait ends in time.
pub(super) struct Patience {
    limit: Duration,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, timer: None }
    }

    /// What the work comes to; `None` when it takes longer than the limit.
    pub(super) async fn wait<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let until = Instant::now() + self.limit;
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.over(until) => None,
        }
    }

    async fn over(&mut self, until: Instant) {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(until)));
        std::future::poll_fn(|cx| {
            loop {
                ready!(timer.as_mut().poll(cx));
                if timer.deadline() >= until {
                    return Poll::Ready(());
                }
                timer.as_mut().reset(until);
            }
        })
        .await;
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
