//! Strangers at the door: how many may stand there, and for how long.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit};

/// A connection's place among those that have not shown a token yet. Clones are the same gate.
#[derive(Clone)]
pub(super) struct Gate(Arc<Inner>);

struct Inner {
    permit: Mutex<Option<OwnedSemaphorePermit>>,
    opened: Notify,
}

impl Gate {
    /// Takes a place.
    pub(super) fn new(permit: OwnedSemaphorePermit) -> Self {
        Self(Arc::new(Inner { permit: Mutex::new(Some(permit)), opened: Notify::new() }))
    }

    /// The caller is known: its place is free for the next.
    pub(super) fn open(&self) {
        drop(self.0.permit.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.0.opened.notify_one();
    }

    /// Resolves when the gate has not been opened for so long, and never once it is.
    pub(super) async fn stays_shut(&self, limit: Duration) {
        if tokio::time::timeout(limit, self.0.opened.notified()).await.is_ok() {
            std::future::pending::<()>().await;
        }
    }
}
