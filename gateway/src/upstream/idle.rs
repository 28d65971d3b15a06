//! Connections that speak HTTP/1.1 and wait for their next request.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use hashbrown::DefaultHashBuilder;
use pingora_core::protocols::Stream;
use tokio::io::{AsyncRead, ReadBuf};

use super::sweep::{POOL_IDLE, swept};

/// The pool. The one that was used last is used next, so that those beyond the need grow old.
#[derive(Default)]
pub(super) struct Idle {
    /// By what stands for all that connections may differ in, which is a hash with a secret already.
    stacks: Mutex<HashMap<u64, Vec<Waiting>, DefaultHashBuilder>>,
}

struct Waiting {
    stream: Stream,
    since: Instant,
}

impl Idle {
    /// Starts with none. Must be called on a tokio runtime if old connections are to be closed in time.
    pub(super) fn new() -> Arc<Self> {
        swept(Self::default(), Self::drop_unfit)
    }

    /// Takes a connection that is open still. `key` stands for all that connections may differ in.
    pub(super) fn take(&self, key: u64) -> Option<Stream> {
        loop {
            let mut waiting = self.stacks().get_mut(&key)?.pop()?;
            if waiting.is_fit(Instant::now()) {
                return Some(waiting.stream);
            }
        }
    }

    pub(super) fn put(&self, key: u64, stream: Stream, most: usize) {
        let mut stacks = self.stacks();
        let stack = stacks.entry(key).or_default();
        if stack.len() < most {
            stack.push(Waiting { stream, since: Instant::now() });
        }
    }

    fn stacks(&self) -> MutexGuard<'_, HashMap<u64, Vec<Waiting>, DefaultHashBuilder>> {
        self.stacks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn drop_unfit(&self) {
        let now = Instant::now();
        self.stacks().retain(|_, stack| {
            stack.retain_mut(|waiting| waiting.is_fit(now));
            stack.shrink_to_fit();
            !stack.is_empty()
        });
    }
}

impl Waiting {
    /// An upstream says nothing unasked: what can be read is the end, or makes the next answer another one.
    fn is_fit(&mut self, now: Instant) -> bool {
        let mut byte = [0; 1];
        let mut buffer = ReadBuf::new(&mut byte);
        let mut cx = Context::from_waker(Waker::noop());
        // Without an event since the last read this asks the runtime alone, and not the system.
        let silent = tokio::task::coop::unconstrained(std::future::poll_fn(|cx| {
            Poll::Ready(Pin::new(&mut self.stream).poll_read(cx, &mut buffer).is_pending())
        }));
        let silent = std::pin::pin!(silent).as_mut().poll(&mut cx) == Poll::Ready(true);
        silent && now.duration_since(self.since) < POOL_IDLE
    }
}

impl std::fmt::Debug for Idle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Idle").field("connections", &self.stacks().values().map(Vec::len).sum::<usize>()).finish()
    }
}
