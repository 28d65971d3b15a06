//! Waiting for a moment. The timers of tokio know milliseconds only, as long as fifty requests take.

use std::cell::{Cell, RefCell};
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;

use super::clock::Moment;

/// One timer of the kernel, for all tasks of a thread.
pub(crate) struct Alarm {
    timer: AsyncFd<OwnedFd>,
    waiting: RefCell<BinaryHeap<Reverse<Waiting>>>,
    /// What the timer is set to.
    set: Cell<Option<Moment>>,
}

struct Waiting {
    due: Moment,
    waker: Waker,
}

/// Ends when its moment has come.
pub(crate) struct Until {
    alarm: Rc<Alarm>,
    due: Moment,
    /// Who is told.
    told: Option<Waker>,
}

impl Alarm {
    /// Runs as a task of the thread until its runtime ends.
    pub(crate) fn start() -> io::Result<Rc<Self>> {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        #[expect(deprecated, reason = "its successor is unsafe, for descriptors that close early: an owned one cannot")]
        let timer = AsyncFd::new(timer)?;
        let alarm = Rc::new(Self { timer, waiting: RefCell::default(), set: Cell::new(None) });
        tokio::task::spawn_local(Rc::clone(&alarm).ring());
        Ok(alarm)
    }

    pub(crate) fn until(self: &Rc<Self>, due: Moment) -> Until {
        Until { alarm: Rc::clone(self), due, told: None }
    }

    /// The timer is never read: setting it anew takes its expirations back.
    async fn ring(self: Rc<Self>) {
        while let Ok(mut ready) = self.timer.readable().await {
            ready.clear_ready();
            self.set.set(None);
            self.wake();
        }
    }

    fn wake(&self) {
        let mut waiting = self.waiting.borrow_mut();
        let now = Moment::now();
        while waiting.peek().is_some_and(|Reverse(first)| first.due <= now) {
            if let Some(Reverse(due)) = waiting.pop() {
                due.waker.wake();
            }
        }
        if let Some(Reverse(next)) = waiting.peek() {
            self.set_to(next.due);
        }
    }

    fn add(&self, due: Moment, waker: Waker) {
        self.waiting.borrow_mut().push(Reverse(Waiting { due, waker }));
        if self.set.get().is_none_or(|set| due < set) {
            self.set_to(due);
        }
    }

    fn set_to(&self, due: Moment) {
        let nanos = due.nanos();
        let value = Timespec { tv_sec: (nanos / 1_000_000_000) as _, tv_nsec: (nanos % 1_000_000_000) as _ };
        let once = Itimerspec { it_interval: Timespec::default(), it_value: value };
        // The timer exists and the time is one: nothing is left to fail.
        if timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &once).is_ok() {
            self.set.set(Some(due));
        }
    }
}

impl Future for Until {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if Moment::now() >= self.due {
            return Poll::Ready(());
        }
        if !self.told.as_ref().is_some_and(|told| told.will_wake(context.waker())) {
            self.told = Some(context.waker().clone());
            self.alarm.add(self.due, context.waker().clone());
        }
        Poll::Pending
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        self.due.cmp(&other.due)
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl Eq for Waiting {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::side_by_side::thread::single_threaded;

    #[test]
    fn rings_in_the_order_of_what_is_due() {
        let rung = single_threaded(async {
            let alarm = Alarm::start().unwrap();
            let now = Moment::now();
            let rung = Rc::new(RefCell::new(Vec::new()));
            let mut tasks = tokio::task::JoinSet::new();
            for micros in [900, 300, 600, 0] {
                let (until, rung) = (alarm.until(now + Duration::from_micros(micros)), Rc::clone(&rung));
                tasks.spawn_local(async move {
                    until.await;
                    assert!(Moment::now() >= now + Duration::from_micros(micros));
                    rung.borrow_mut().push(micros);
                });
            }
            tasks.join_all().await;
            rung.take()
        });
        assert_eq!(rung.unwrap(), [0, 300, 600, 900]);
    }
}
