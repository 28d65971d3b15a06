//! A timer that is set once and seldom moved.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::time::{Instant, Sleep, sleep_until};

/// Waits until a time that mostly moves on before it is reached. A later one moves nothing: only when the timer fires is it
/// set anew.
#[derive(Default)]
pub(crate) struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    /// Whether the time has come; asks to be woken when it has.
    pub(crate) fn poll_until(&mut self, at: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let timer = self.0.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if timer.deadline() > at {
            timer.as_mut().reset(at);
        }
        loop {
            ready!(timer.as_mut().poll(cx));
            if timer.deadline() >= at {
                return Poll::Ready(());
            }
            timer.as_mut().reset(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    /// Whether the work is done within the limit.
    async fn within(timer: &mut Timer, limit: Duration, work: impl Future<Output = ()>) -> bool {
        let until = Instant::now() + limit;
        tokio::select! {
            biased;
            () = work => true,
            () = poll_fn(|cx| timer.poll_until(until, cx)) => false,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn waits_that_follow_each_other_have_the_whole_limit() {
        let (mut timer, limit) = (Timer::default(), Duration::from_secs(5));
        for seconds in [4, 1, 4, 4] {
            assert!(within(&mut timer, limit, tokio::time::sleep(Duration::from_secs(seconds))).await);
        }
        let before = Instant::now();
        assert!(!within(&mut timer, limit, std::future::pending()).await);
        assert_eq!(before.elapsed(), limit);
        assert!(within(&mut timer, limit, async {}).await);
        assert!(!within(&mut timer, Duration::from_secs(1), std::future::pending()).await, "an earlier time moves it");
    }
}
