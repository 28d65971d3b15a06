//! Objects for which the last attempt failed: why, and when to try again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::found::Id;
use crate::backoff::{Backoff, Spread};

/// Pause after a first failure; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Short enough for someone who watches a mistake being mended.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// All of them.
#[derive(Default)]
pub(super) struct Failures(BTreeMap<Id, Failure>);

struct Failure {
    message: String,
    /// What could not be applied, if that was it.
    manifest: Option<Value>,
    backoff: Backoff,
    not_before: Instant,
}

impl Failures {
    /// One more failure.
    pub(super) fn add(&mut self, id: Id, (message, manifest): (String, Option<Value>), now: Instant) {
        let first = || Backoff::between(FIRST_PAUSE, LONGEST_PAUSE, Spread::None);
        let mut backoff = self.0.remove(&id).map_or_else(first, |failure| failure.backoff);
        let not_before = now + backoff.pause();
        self.0.insert(id, Failure { message, manifest, backoff, not_before });
    }

    /// It worked.
    pub(super) fn forget(&mut self, id: &Id) {
        self.0.remove(id);
    }

    /// Keeps those that are still to be minded, told by the object and the manifest that failed.
    pub(super) fn retain(&mut self, minded: impl Fn(&Id, Option<&Value>) -> bool) {
        self.0.retain(|id, failure| minded(id, failure.manifest.as_ref()));
    }

    /// When an object may be tried again, if it failed.
    pub(super) fn not_before(&self, id: &Id) -> Option<Instant> {
        self.0.get(id).map(|failure| failure.not_before)
    }

    /// Why the last attempt failed.
    pub(super) fn message(&self, id: &Id) -> Option<String> {
        self.0.get(id).map(|failure| failure.message.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infra::manifest::ManifestKind;
    use crate::objects::key::Key;

    #[test]
    fn pauses_double_up_to_the_limit() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        let id = Id { kind: ManifestKind::Service, key: Key::new("ai", "a") };
        let pauses = (0..20).map(|_| {
            failures.add(id.clone(), (String::new(), None), now);
            failures.not_before(&id).unwrap() - now
        });
        let pauses: Vec<_> = pauses.collect();
        assert_eq!(pauses[..3], [200, 400, 800].map(Duration::from_millis));
        assert_eq!(pauses[19], LONGEST_PAUSE);
    }
}
