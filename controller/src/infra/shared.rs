//! What the watches of generated objects and those who apply them have in common.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use super::board::Board;
use super::observed::Observed;

/// The board, and who is told when something is new on it.
pub(super) struct Shared {
    board: Mutex<Board>,
    pub(super) work: Notify,
    observed: watch::Sender<Observed>,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self { board: Mutex::default(), work: Notify::new(), observed: watch::Sender::default() }
    }

    pub(super) fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something is new: there may be something to do, and something else to be observed.
    pub(super) fn news(&self) {
        let mut board = self.board();
        let observed = board.observed();
        self.observed.send_if_modified(|before| {
            let differs = before != observed;
            if differs {
                before.clone_from(observed);
            }
            differs
        });
        drop(board);
        self.work.notify_one();
    }

    pub(super) fn observed(&self) -> watch::Receiver<Observed> {
        self.observed.subscribe()
    }
}
