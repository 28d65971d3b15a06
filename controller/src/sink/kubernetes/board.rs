//! What each object is to be told, what it has, and which of them may differ.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::merge::{Writer, merge};
use crate::backoff::Backoff;
use crate::objects::Kind;
use crate::objects::key::{Key, ObjectRef};
use crate::source::kubernetes::Seen;
use crate::status::Statuses;

/// All objects with a status.
#[derive(Default)]
pub(super) struct Board {
    seen: BTreeMap<ObjectRef, Seen>,
    /// Nothing before the first translation.
    wanted: Option<Arc<Statuses>>,
    /// Objects whose status may have to be written.
    marked: BTreeSet<ObjectRef>,
    /// Objects whose status is being written.
    under_way: BTreeSet<ObjectRef>,
    writes: u64,
    conflicts: u64,
    /// Of objects whose last write failed.
    failures: BTreeMap<ObjectRef, Backoff>,
}

/// One status to be written.
pub(super) struct Write {
    pub(super) object: ObjectRef,
    /// The state that the patch was made for.
    pub(super) seen: Seen,
    /// Merge patch of the status.
    pub(super) patch: Value,
}

/// What became of a write.
pub(super) enum Outcome {
    /// It is the object's status now.
    Written(Seen),
    /// Another wrote the object before: this is what it is now.
    Overtaken(Seen),
    /// There is no such object any more.
    Gone,
    /// It is to be tried again.
    Failed,
}

/// What has been done, and what waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// Statuses written.
    pub writes: u64,
    /// Writes that another's write came before.
    pub conflicts: u64,
    /// Objects that are to be looked at.
    pub waiting: usize,
}

impl Board {
    pub(super) fn see(&mut self, object: &ObjectRef, seen: Option<Seen>) {
        let Some(seen) = seen else {
            self.seen.remove(object);
            self.marked.remove(object);
            return;
        };
        let before = self.seen.get(object);
        if before.is_some_and(|before| seen.is_before(before)) {
            return;
        }
        let is_news = before.is_none_or(|before| before.status != seen.status || before.generation != seen.generation);
        if is_news {
            self.marked.insert(object.clone());
        }
        self.seen.insert(object.clone(), seen);
    }

    pub(super) fn want(&mut self, statuses: Arc<Statuses>) {
        match &self.wanted {
            Some(before) => self.marked.extend(statuses.changed_since(before)),
            None => self.marked.extend(self.seen.keys().cloned()),
        }
        self.wanted = Some(statuses);
    }

    /// The next status to be written, if there is one.
    pub(super) fn next(&mut self, now: &str) -> Option<Write> {
        let wanted = self.wanted.as_ref()?;
        while let Some(object) = self.marked.iter().find(|object| !self.under_way.contains(*object)).cloned() {
            self.marked.remove(&object);
            let Some(seen) = self.seen.get(&object) else { continue };
            // Of a newer generation than the translation knew: another translation follows.
            if wanted.generation(&object).is_some_and(|generation| generation < seen.generation) {
                continue;
            }
            let is_ours = |reference: &Value| self.is_ours(wanted, reference, &object.key);
            let writer = Writer { controller: &wanted.controller_name, now, is_ours: &is_ours };
            if let Some(patch) = merge(&seen.status, wanted.of(&object), &writer) {
                self.under_way.insert(object.clone());
                return Some(Write { object, seen: seen.clone(), patch });
            }
        }
        None
    }

    /// Whether a Gateway is ours, or nobody's since it is gone.
    fn is_ours(&self, wanted: &Statuses, reference: &Value, from: &Key) -> bool {
        let text = |field: &str| reference[field].as_str();
        let key = Key::new(text("namespace").unwrap_or(&from.namespace), text("name").unwrap_or_default());
        let gateway = ObjectRef { kind: Kind::Gateway.name(), key };
        wanted.gateways.contains_key(&gateway.key) || !self.seen.contains_key(&gateway)
    }

    /// What became of a write.
    pub(super) fn done(&mut self, object: &ObjectRef, outcome: Outcome) {
        self.under_way.remove(object);
        if !matches!(outcome, Outcome::Failed) {
            self.failures.remove(object);
        }
        match outcome {
            Outcome::Written(state) => {
                self.writes += 1;
                self.see(object, Some(state));
            }
            Outcome::Overtaken(state) => {
                self.conflicts += 1;
                self.see(object, Some(state));
                self.marked.insert(object.clone());
            }
            Outcome::Gone => self.see(object, None),
            Outcome::Failed => drop(self.marked.insert(object.clone())),
        }
    }

    pub(super) fn count(&self) -> Count {
        Count { writes: self.writes, conflicts: self.conflicts, waiting: self.marked.len() + self.under_way.len() }
    }

    /// How long an object whose write failed is left alone.
    pub(super) fn pause(&mut self, object: &ObjectRef) -> Duration {
        self.failures.entry(object.clone()).or_insert_with(Backoff::at_api_server).pause()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kube::api::ApiResource;
    use serde_json::json;

    use super::*;
    use crate::status::ObjectStatus;
    use crate::status::condition::{Condition, ConditionType, Reason};

    const NOW: &str = "2026-01-01T00:00:00Z";

    fn backend() -> ObjectRef {
        ObjectRef { kind: Kind::Backend.name(), key: Key::new("ns", "b") }
    }

    fn seen(resource_version: u64, generation: i64, status: Value) -> Seen {
        let text = String::new;
        let resource =
            ApiResource { group: text(), version: text(), api_version: text(), kind: text(), plural: text() };
        let resource_version = resource_version.to_string();
        Seen { resource: Arc::new(resource), uid: "u".to_owned(), resource_version, generation, status }
    }

    fn wanted(generation: i64, message: &str) -> Statuses {
        let conditions = vec![Condition::holds(ConditionType::Accepted, Reason::Accepted, message)];
        let backends = [(backend().key, ObjectStatus { generation, conditions })].into();
        Statuses { controller_name: "x.y/z".to_owned(), backends, ..Statuses::default() }
    }

    fn board(message: &str) -> Board {
        let mut board = Board::default();
        board.see(&backend(), Some(seen(1, 1, Value::Null)));
        board.want(wanted(1, message).into());
        board
    }

    /// The status as it is after a write.
    fn written(write: &Write) -> Value {
        json!({ "conditions": write.patch["conditions"] })
    }

    #[test]
    fn nothing_is_written_before_the_first_translation() {
        let mut board = Board::default();
        board.see(&backend(), Some(seen(1, 1, Value::Null)));
        assert!(board.next(NOW).is_none());
    }

    #[test]
    fn a_status_is_written_once_and_its_echo_writes_nothing() {
        let mut board = board("a");
        let write = board.next(NOW).unwrap();
        assert!(board.next(NOW).is_none(), "it is under way");
        let state = seen(2, 1, written(&write));
        board.done(&backend(), Outcome::Written(state.clone()));
        board.see(&backend(), Some(state));
        board.see(&backend(), Some(seen(1, 1, Value::Null)));
        assert!(board.next(NOW).is_none(), "neither echo nor what came before it is news");
        assert_eq!(board.count(), Count { writes: 1, conflicts: 0, waiting: 0 });
    }

    #[test]
    fn the_newest_that_is_wanted_wins() {
        let mut board = board("a");
        let first = board.next(NOW).unwrap();
        for message in ["b", "c"] {
            board.want(wanted(1, message).into());
        }
        board.done(&backend(), Outcome::Written(seen(2, 1, written(&first))));
        let second = board.next(NOW).unwrap();
        assert_eq!(
            (&*second.seen.resource_version, second.patch["conditions"][0]["message"].as_str()),
            ("2", Some("c"))
        );
    }

    #[test]
    fn nothing_is_said_of_a_spec_that_was_not_translated() {
        let mut board = board("a");
        board.see(&backend(), Some(seen(2, 2, Value::Null)));
        assert!(board.next(NOW).is_none());
        board.want(wanted(2, "a").into());
        assert_eq!(board.next(NOW).unwrap().patch["conditions"][0]["observedGeneration"], 2);
    }

    #[test]
    fn what_another_wrote_in_between_is_looked_at() {
        let mut board = board("a");
        drop(board.next(NOW));
        board.done(&backend(), Outcome::Overtaken(seen(5, 1, Value::Null)));
        assert_eq!(board.next(NOW).unwrap().seen.resource_version, "5");
        board.done(&backend(), Outcome::Failed);
        assert!(board.next(NOW).is_some(), "what failed is tried again");
        board.done(&backend(), Outcome::Gone);
        assert!(board.next(NOW).is_none());
    }
}
