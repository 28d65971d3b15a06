//! Waiting for conditions, with a limit that turns a hang into a failure that says what was waited for.

use std::future::Future;
use std::time::Duration;

/// Longest wait for anything that a test expects to happen. Far above what it takes, far below a CI's patience.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// How often a condition is looked at.
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(50);

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

/// Asks again and again whether `condition` holds, at most `limit`: for what happens in other processes, which cannot be
/// awaited.
///
/// # Panics
/// The limit is over and it never held; says `what` was waited for.
#[track_caller]
pub fn eventually<C: AsyncFnMut() -> bool>(what: &str, limit: Duration, mut condition: C) -> impl Future<Output = ()> {
    let place = std::panic::Location::caller();
    async move {
        let since = tokio::time::Instant::now();
        while !condition().await {
            assert!(since.elapsed() < limit, "{place}: waited {limit:?} for {what}");
            tokio::time::sleep(BETWEEN_QUESTIONS).await;
        }
    }
}
