//! Edits of a proxy's configuration while requests run, and how soon an answer shows each of them.

use std::io;
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout_at};

use super::ask::Asker;
use super::case::Case;
use super::job::{EDITED, PREFIX};
use super::sample::Edits;
use super::site::{Site, first, seen};
use super::work::Seen;

/// From one edit to the next.
const EVERY: Duration = Duration::from_millis(150);
/// An edit that takes longer than its turn has this long.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two questions: what an edit's time is known to.
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(1);

/// How long so many edits take.
pub(crate) fn length(edits: usize) -> Duration {
    EVERY * u32::try_from(edits).unwrap_or(u32::MAX)
}

/// Edits again and again, until so many are made or their time is over.
pub(crate) async fn edit(site: &mut Site, case: &Case, edits: usize) -> io::Result<Edits> {
    let path = first(&case.path(site.proxy));
    let begun = Instant::now();
    let mut result = Edits::default();
    for (number, prefix) in [EDITED, PREFIX].into_iter().cycle().take(edits).enumerate() {
        if begun.elapsed() >= length(edits) {
            break;
        }
        let due = begun + length(number);
        sleep(due.saturating_duration_since(Instant::now())).await;
        let edited = Instant::now();
        site.edit(prefix)?;
        match timeout_at((edited + PATIENCE).into(), until_seen(site, &path, &seen(prefix))).await {
            Ok(()) => result.first_new_ms.push(edited.elapsed().as_secs_f64() * 1e3),
            Err(_) => result.unseen += 1,
        }
    }
    Ok(result)
}

/// A connection that a proxy ends at its reload is opened anew.
async fn until_seen(site: &Site, path: &str, expected: &Seen) {
    loop {
        let Ok(mut asker) = Asker::connect(site.address).await else {
            sleep(BETWEEN_QUESTIONS).await;
            continue;
        };
        while let Ok(seen) = asker.ask(path).await {
            if seen == *expected {
                return;
            }
            sleep(BETWEEN_QUESTIONS).await;
        }
    }
}
