//! What to do about the lease, seen from one controller: pure, with the time as an argument.
//!
//! No clock of another machine is believed: a lease has run out when this controller has seen it unchanged for as long
//! as it lasts.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use tokio::time::Instant;

/// What a lease says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) holder: Option<String>,
    pub(super) resource_version: String,
    pub(super) duration: Duration,
}

/// The next thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Create,
    Take,
    Renew,
    Wait,
}

/// What this controller knows of the lease.
#[derive(Debug, Default)]
pub(super) struct Term {
    /// The record seen last, and when it was seen first.
    seen: Option<(Record, Instant)>,
    /// Until when this controller may write.
    pub(super) held_until: Option<Instant>,
}

impl Record {
    pub(super) fn of(lease: &Lease) -> Self {
        let spec = lease.spec.clone().unwrap_or_default();
        let seconds = spec.lease_duration_seconds.and_then(|s| u64::try_from(s).ok()).unwrap_or_default();
        Self {
            holder: spec.holder_identity.filter(|holder| !holder.is_empty()),
            resource_version: lease.metadata.resource_version.clone().unwrap_or_default(),
            duration: Duration::from_secs(seconds),
        }
    }
}

impl Term {
    /// Decides on what was found now.
    pub(super) fn step(&mut self, found: Option<&Record>, me: &str, now: Instant) -> Step {
        let Some(record) = found else {
            self.lose();
            return Step::Create;
        };
        let since = match &self.seen {
            Some((last, since)) if last == record => *since,
            _ => now,
        };
        self.seen = Some((record.clone(), since));
        match record.holder.as_deref() {
            Some(holder) if holder == me => Step::Renew,
            Some(_) => {
                self.held_until = None;
                if now.duration_since(since) >= record.duration { Step::Take } else { Step::Wait }
            }
            None => {
                self.held_until = None;
                Step::Take
            }
        }
    }

    /// This controller has written itself into the lease.
    pub(super) fn held(&mut self, record: &Record, asked: Instant, lasts: Duration) {
        self.seen = Some((record.clone(), asked));
        self.held_until = Some(asked + lasts);
    }

    pub(super) fn holder(&self) -> Option<&str> {
        self.seen.as_ref()?.0.holder.as_deref()
    }

    fn lose(&mut self) {
        self.seen = None;
        self.held_until = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LASTS: Duration = Duration::from_secs(15);

    fn record(holder: &str, version: u64) -> Record {
        let holder = (!holder.is_empty()).then(|| holder.to_owned());
        Record { holder, resource_version: version.to_string(), duration: LASTS }
    }

    #[test]
    fn what_nobody_has_is_taken() {
        let (mut term, now) = (Term::default(), Instant::now());
        assert_eq!(term.step(None, "me", now), Step::Create);
        assert_eq!(term.step(Some(&record("", 1)), "me", now), Step::Take);
    }

    #[test]
    fn anothers_is_taken_when_it_was_not_renewed_for_as_long_as_it_lasts() {
        let (mut term, start) = (Term::default(), Instant::now());
        let mut step =
            |version, seconds| term.step(Some(&record("other", version)), "me", start + Duration::from_secs(seconds));
        assert_eq!(step(1, 0), Step::Wait);
        assert_eq!(step(1, 14), Step::Wait);
        assert_eq!(step(2, 15), Step::Wait, "it was renewed");
        assert_eq!(step(2, 29), Step::Wait);
        assert_eq!(step(2, 30), Step::Take);
    }

    #[test]
    fn ours_is_renewed_and_lost_when_another_has_it() {
        let (mut term, start) = (Term::default(), Instant::now());
        term.held(&record("me", 1), start, Duration::from_secs(10));
        assert_eq!(term.step(Some(&record("me", 1)), "me", start), Step::Renew);
        assert_eq!((term.held_until, term.holder()), (Some(start + Duration::from_secs(10)), Some("me")));
        assert_eq!(term.step(Some(&record("other", 2)), "me", start), Step::Wait);
        assert_eq!((term.held_until, term.holder()), (None, Some("other")));
    }

    #[test]
    fn one_that_was_deleted_is_lost() {
        let (mut term, start) = (Term::default(), Instant::now());
        term.held(&record("me", 1), start, Duration::from_secs(10));
        assert_eq!((term.step(None, "me", start), term.held_until), (Step::Create, None));
    }
}
