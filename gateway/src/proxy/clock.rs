//! How long a request may still take: until its deadline, and for as long as something happens.

use std::task::{Context, Poll, ready};
use std::time::Duration;

use pingora_error::{Error, ErrorType, Result};
use tokio::time::Instant;

use crate::timer::Timer;

/// The error of a request whose time is up.
pub(super) const TIME_IS_UP: ErrorType = ErrorType::Custom("request timeout");

/// One timer for both limits. Something that happens moves no timer: only when it fires is it asked when the last thing
/// happened, and set anew. Nor does it look at the clock, which is done once when the request waits again.
pub(super) struct Clock {
    deadline: Option<Instant>,
    /// Longest time without anything happening.
    idle: Option<Duration>,
    last: Instant,
    /// Something has happened since.
    ticked: bool,
    timer: Timer,
}

impl Clock {
    /// A clock without limits. The timer may have served others.
    pub(super) fn new(now: Instant, timer: Timer) -> Self {
        Self { deadline: None, idle: None, last: now, ticked: false, timer }
    }

    /// Gives the timer back, for others.
    pub(super) fn into_timer(self) -> Timer {
        self.timer
    }

    /// Sets or moves the limits.
    pub(super) fn set(&mut self, deadline: Option<Instant>, idle: Option<Duration>) {
        (self.deadline, self.idle, self.ticked) = (deadline, idle, true);
    }

    /// Something has happened.
    pub(super) fn tick(&mut self) {
        self.ticked = true;
    }

    /// Does something within the limits.
    ///
    /// # Errors
    /// Time is up, or the work failed.
    pub(super) async fn limit<T>(&mut self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            result = work => {
                self.tick();
                result
            }
            error = self.up() => Err(error),
        }
    }

    async fn up(&mut self) -> Box<Error> {
        std::future::poll_fn(|cx| self.poll_up(cx)).await
    }

    /// Whether time is up, and which; asks to be woken when it is.
    pub(super) fn poll_up(&mut self, cx: &mut Context<'_>) -> Poll<Box<Error>> {
        if std::mem::take(&mut self.ticked) {
            self.last = Instant::now();
        }
        let quiet = self.idle.map(|idle| self.last + idle);
        let Some(first) = [self.deadline, quiet].into_iter().flatten().min() else { return Poll::Pending };
        ready!(self.timer.poll_until(first, cx));
        Poll::Ready(match self.deadline == Some(first) {
            true => Error::explain(TIME_IS_UP, "the request took longer than its route allows").into_down(),
            false => Error::explain(ErrorType::ReadTimedout, "nothing happened for too long").into_up(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn kind(clock: &mut Clock) -> (ErrorType, Duration) {
        let start = Instant::now();
        let error = clock.up().await;
        (error.etype().clone(), start.elapsed())
    }

    fn clock(deadline: Option<u64>, idle: Option<u64>) -> Clock {
        let mut clock = Clock::new(Instant::now(), Timer::default());
        let seconds = Duration::from_secs;
        clock.set(deadline.map(|after| Instant::now() + seconds(after)), idle.map(seconds));
        clock
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_of_both_ends_it() {
        let seconds = Duration::from_secs;
        assert_eq!(kind(&mut clock(Some(5), Some(9))).await, (TIME_IS_UP, seconds(5)));
        assert_eq!(kind(&mut clock(Some(9), Some(5))).await, (ErrorType::ReadTimedout, seconds(5)));
        let never = tokio::time::timeout(seconds(99), clock(None, None).up()).await;
        assert!(never.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn what_happens_moves_the_idle_time_alone() {
        let mut clock = clock(Some(10), Some(4));
        for _ in 0..3 {
            let work = async {
                tokio::time::sleep(Duration::from_secs(3)).await;
                Ok(())
            };
            assert!(clock.limit(work).await.is_ok());
        }
        assert_eq!(kind(&mut clock).await, (TIME_IS_UP, Duration::from_secs(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_earlier_deadline_is_kept() {
        let mut clock = clock(Some(100), None);
        assert!(tokio::time::timeout(Duration::from_secs(1), clock.up()).await.is_err());
        clock.set(Some(Instant::now() + Duration::from_secs(2)), None);
        assert_eq!(kind(&mut clock).await, (TIME_IS_UP, Duration::from_secs(2)));
    }
}
