//! Waiting for something to become so in a cluster, where nobody tells when it has.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Far above what anything takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// Looks again and again until there is something to see; returns it.
///
/// # Errors
/// There is nothing for two minutes; says what was waited for, and what `look` said last.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Result<T, String>) -> Result<T, String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match look().await {
            Ok(value) => return Ok(value),
            Err(instead) if Instant::now() > deadline => return Err(format!("waited for {what}; instead: {instead}")),
            Err(_) => sleep(PAUSE).await,
        }
    }
}
