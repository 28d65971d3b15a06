//! One thread for all that a role does: it is bound to one core, and nothing of it has to be locked.

use std::io;

use tokio::runtime::{Builder, LocalOptions};

/// Runs a future and the tasks that it starts in this thread.
pub fn single_threaded<F: Future>(future: F) -> io::Result<F::Output> {
    Ok(Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?.block_on(future))
}
