//! Waiting for conditions, with a limit that turns a hang into a failure that says what was waited for.

use std::future::Future;
use std::time::Duration;

/// Longest wait for anything that a test expects to happen. Far above what it takes, far below a CI's patience.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for `future`, at most [`PATIENCE`].
///
/// # Panics
/// The wait is over and nothing came; says `what` was waited for.
#[track_caller]
pub fn within<F: Future>(what: &str, future: F) -> impl Future<Output = F::Output> {
    let place = std::panic::Location::caller();
    async move {
        match tokio::time::timeout(PATIENCE, future).await {
            Ok(output) => output,
            Err(_) => panic!("{place}: waited {PATIENCE:?} for {what}"),
        }
    }
}
