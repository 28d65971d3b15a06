//! What has changed and is not taken yet: of each object the newest state only, so that a storm needs no more room
//! than the objects themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::intake::Reading;
use crate::objects::Kind;
use crate::objects::key::Key;

/// What became of one object.
#[derive(Debug)]
pub enum Change {
    /// It is there, and says this.
    Is(Box<Reading>),
    /// It is gone.
    Gone,
}

/// What is taken at once.
#[derive(Debug, Default)]
pub struct Batch {
    /// The newest state of each object that changed.
    pub changes: BTreeMap<(Kind, Key), Change>,
    /// Kinds that have been read whole for the first time, or are not served.
    pub complete: BTreeSet<Kind>,
}

/// The inbox.
#[derive(Debug, Default)]
pub struct Inbox {
    batch: Mutex<Batch>,
    arrived: Notify,
}

impl Inbox {
    /// Waits until something is there, and takes it all.
    pub async fn take(&self) -> Batch {
        loop {
            let arrived = self.arrived.notified();
            let batch = std::mem::take(&mut *self.batch());
            if !batch.changes.is_empty() || !batch.complete.is_empty() {
                return batch;
            }
            arrived.await;
        }
    }

    /// How many objects wait.
    pub fn len(&self) -> usize {
        self.batch().changes.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn put(&self, kind: Kind, key: Key, change: Change) {
        self.batch().changes.insert((kind, key), change);
        self.arrived.notify_one();
    }

    /// A kind has been read whole, or is not served.
    pub(super) fn complete(&self, kind: Kind) {
        self.batch().complete.insert(kind);
        self.arrived.notify_one();
    }

    fn batch(&self) -> MutexGuard<'_, Batch> {
        self.batch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_burst_is_folded_and_the_newest_wins() {
        let inbox = Inbox::default();
        for _ in 0..1000 {
            inbox.put(Kind::HTTPRoute, Key::new("ns", "a"), Change::Is(Box::default()));
            inbox.put(Kind::HTTPRoute, Key::new("ns", "b"), Change::Is(Box::default()));
        }
        inbox.put(Kind::HTTPRoute, Key::new("ns", "a"), Change::Gone);
        let Batch { changes, complete } = inbox.take().await;
        assert!(inbox.is_empty() && complete.is_empty());
        let gone: Vec<_> = changes.iter().map(|((_, key), c)| (&*key.name, matches!(c, Change::Gone))).collect();
        assert_eq!(gone, [("a", true), ("b", false)]);
    }

    #[tokio::test]
    async fn completeness_wakes_the_taker() {
        let inbox = std::sync::Arc::new(Inbox::default());
        let taker = tokio::spawn({
            let inbox = std::sync::Arc::clone(&inbox);
            async move { inbox.take().await.complete.len() }
        });
        inbox.complete(Kind::Gateway);
        assert_eq!(taker.await.unwrap(), 1);
    }
}
