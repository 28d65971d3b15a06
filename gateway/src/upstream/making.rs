//! Connections that are being made and may be shared: requests that come meanwhile wait for them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// How long a request waits for another's connection before it makes its own: more than most handshakes take, and little
/// beside the time that one to an address that does not answer takes.
const PATIENCE: Duration = Duration::from_millis(250);

/// At most one connection of each kind.
#[derive(Debug, Default)]
pub(super) struct Making {
    running: Mutex<HashMap<u64, watch::Receiver<Made>>>,
}

/// What came of making a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    /// It is not known yet.
    Unknown,
    /// It can be shared.
    Shared,
    /// It failed, or is for one request at a time.
    Alone,
}

/// What a request that needs a connection does.
pub(super) enum Turn<'m> {
    /// It makes one.
    Make(Maker<'m>),
    /// It waits for another's.
    Wait(watch::Receiver<Made>),
}

/// Says what came of it; dropped without a word, one of those that wait takes its place.
pub(super) struct Maker<'m> {
    making: &'m Making,
    key: u64,
    tell: watch::Sender<Made>,
}

impl Making {
    /// Whose turn it is. `key` stands for all that connections may differ in.
    pub(super) fn turn(&self, key: u64) -> Turn<'_> {
        match self.running().entry(key) {
            Entry::Occupied(running) => Turn::Wait(running.get().clone()),
            Entry::Vacant(vacant) => {
                let (tell, made) = watch::channel(Made::Unknown);
                vacant.insert(made);
                Turn::Make(Maker { making: self, key, tell })
            }
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<u64, watch::Receiver<Made>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Maker<'_> {
    /// Says what came of it.
    pub(super) fn tell(self, made: Made) {
        self.tell.send_replace(made);
    }
}

impl Drop for Maker<'_> {
    fn drop(&mut self) {
        self.making.running().remove(&self.key);
    }
}

/// Waits until another's connection is made, for a while. [`Made::Unknown`] where the other has gone.
pub(super) async fn wait(mut made: watch::Receiver<Made>) -> Made {
    match tokio::time::timeout(PATIENCE, made.wait_for(|made| *made != Made::Unknown)).await {
        Ok(Ok(made)) => *made,
        Ok(Err(_)) => Made::Unknown,
        Err(_) => Made::Alone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One that makes, and one that waits.
    fn two(making: &Making) -> (Maker<'_>, watch::Receiver<Made>) {
        let Turn::Make(maker) = making.turn(1) else { panic!("nobody makes one") };
        let Turn::Wait(made) = making.turn(1) else { panic!("two make one") };
        (maker, made)
    }

    #[tokio::test]
    async fn what_came_of_it_is_told() {
        let making = Making::default();
        for told in [Made::Shared, Made::Alone] {
            let (maker, made) = two(&making);
            assert!(matches!(making.turn(2), Turn::Make(_)), "of another kind");
            maker.tell(told);
            assert_eq!(wait(made).await, told);
        }
        let (maker, made) = two(&making);
        drop(maker);
        assert_eq!(wait(made).await, Made::Unknown);
        assert!(matches!(making.turn(1), Turn::Make(_)), "another takes its place");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_long() {
        let making = Making::default();
        let (_maker, made) = two(&making);
        let start = tokio::time::Instant::now();
        assert_eq!((wait(made).await, start.elapsed().as_millis()), (Made::Alone, PATIENCE.as_millis()));
    }
}
