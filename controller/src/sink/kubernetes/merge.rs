//! What has to be written so that a status says what it should, and keeps what others say.
//!
//! Of others are: conditions of types that we do not know, entries of other controllers, every other field. An entry
//! keeps its place, and a condition its `lastTransitionTime` while its status stays. Nothing is written where nothing
//! differs.

use serde_json::{Map, Value, json};

use crate::status::condition::{ConditionStatus, ConditionType, Reason};

/// The lists whose entries belong to controllers, the field that says what an entry is about, and how many there may be
/// (the schemas' `maxItems`).
const SHARED: [(&str, &str, usize); 2] = [("parents", "parentRef", 32), ("ancestors", "ancestorRef", 16)];

/// The merge patch that makes `current` say what is `wanted`, or nothing if it does. An object for which nothing is
/// wanted loses the entries of this controller, and nothing else.
pub(super) fn merge(current: &Value, wanted: Option<Value>, writer: &Writer<'_>) -> Option<Value> {
    let now = writer.now;
    let Some(Value::Object(wanted)) = wanted.or_else(|| emptied(current)) else { return None };
    let is_waiting = wanted.get("conditions").is_some_and(is_waiting);
    let mut patch = Map::new();
    for (field, value) in wanted {
        let before = current.get(&field).unwrap_or(&Value::Null);
        let shared = SHARED.iter().find(|(list, ..)| *list == field);
        let merged = match (field.as_str(), shared) {
            (_, Some((_, reference, most))) => entries(before, value, writer, (reference, *most)),
            ("conditions", None) => conditions(before, value, now),
            ("listeners", None) => listeners(before, value, now),
            // Where it is reached is not known yet: what is said of it stays.
            ("addresses", None) if is_waiting => continue,
            _ => value,
        };
        if merged != *before && !(before.is_null() && is_empty(&merged)) {
            patch.insert(field, merged);
        }
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

/// Who writes, and when.
pub(super) struct Writer<'a> {
    /// The controller's name.
    pub(super) controller: &'a str,
    /// The time, as `lastTransitionTime` has it.
    pub(super) now: &'a str,
    /// Whether the Gateway of a reference is for this controller to tell of. Envoy Gateway's EnvoyProxy has no room for
    /// a controller's name: nothing but the Gateway tells whose an entry is.
    pub(super) is_ours: &'a dyn Fn(&Value) -> bool,
}

impl Writer<'_> {
    fn owns(&self, entry: &Value, reference: &str) -> bool {
        match entry.get("controllerName") {
            Some(name) => name == self.controller,
            None => (self.is_ours)(&entry[reference]),
        }
    }
}

/// No entries, in the shared list that the status has.
fn emptied(current: &Value) -> Option<Value> {
    let (list, ..) = SHARED.iter().find(|(list, ..)| current.get(list).is_some())?;
    Some(json!({ *list: [] }))
}

/// Ours replaced in place, removed or appended; the others as they are.
fn entries(before: &Value, wanted: Value, writer: &Writer<'_>, (reference, most): (&str, usize)) -> Value {
    let mut wanted = list(wanted);
    let mut merged = Vec::new();
    for entry in before.as_array().into_iter().flatten() {
        if !writer.owns(entry, reference) {
            merged.push(entry.clone());
        } else if let Some(index) = wanted.iter().position(|candidate| candidate[reference] == entry[reference]) {
            merged.push(with_conditions(entry, as_stored(entry, wanted.remove(index)), writer.now));
        }
    }
    let room = most.saturating_sub(merged.len());
    merged.extend(wanted.into_iter().take(room).map(|entry| with_conditions(&Value::Null, entry, writer.now)));
    Value::Array(merged)
}

/// Without the controller's name where the API server does not keep it: what it leaves out is no difference.
fn as_stored(before: &Value, mut entry: Value) -> Value {
    if let (None, Some(fields)) = (before.get("controllerName"), entry.as_object_mut()) {
        fields.remove("controllerName");
    }
    entry
}

/// The listeners that the Gateway has, by name.
fn listeners(before: &Value, wanted: Value, now: &str) -> Value {
    let before = before.as_array().map(Vec::as_slice).unwrap_or_default();
    let merged = list(wanted).into_iter().map(|listener| {
        let same = before.iter().find(|candidate| candidate["name"] == listener["name"]);
        with_conditions(same.unwrap_or(&Value::Null), listener, now)
    });
    merged.collect()
}

fn with_conditions(before: &Value, mut entry: Value, now: &str) -> Value {
    let wanted = entry["conditions"].take();
    entry["conditions"] = conditions(&before["conditions"], wanted, now);
    entry
}

/// Ours replaced in place, removed or appended; those of types that we do not know as they are.
fn conditions(before: &Value, wanted: Value, now: &str) -> Value {
    let mut wanted = list(wanted);
    let mut merged = Vec::new();
    for condition in before.as_array().into_iter().flatten() {
        match wanted.iter().position(|candidate| candidate["type"] == condition["type"]) {
            Some(index) => merged.push(successor(condition, wanted.remove(index), now)),
            None if !is_ours(condition) => merged.push(condition.clone()),
            None => {}
        }
    }
    merged.extend(wanted.into_iter().map(|condition| successor(&Value::Null, condition, now)));
    Value::Array(merged)
}

/// What follows a condition of the same type. What is not known yet leaves what was known: a controller that has just
/// started has not heard of the replicas that serve all the while.
fn successor(before: &Value, mut wanted: Value, now: &str) -> Value {
    if is_unknown(&wanted) && is_of_data_plane(before) {
        return before.clone();
    }
    let since = &before["lastTransitionTime"];
    let stays = before["status"] == wanted["status"] && since.is_string();
    wanted["lastTransitionTime"] = if stays { since.clone() } else { json!(now) };
    wanted
}

fn is_ours(condition: &Value) -> bool {
    ConditionType::ALL.iter().any(|kind| condition["type"] == kind.as_str())
}

/// Whether a condition says what only a data plane can have reported.
fn is_of_data_plane(condition: &Value) -> bool {
    let reported = [
        Reason::AddressNotAssigned,
        Reason::AddressNotUsable,
        Reason::NoResources,
        Reason::PortUnavailable,
        Reason::Programmed,
    ];
    reported.iter().any(|reason| condition["reason"] == reason.as_str())
}

fn is_unknown(condition: &Value) -> bool {
    condition["status"] == ConditionStatus::Unknown.as_str()
}

/// Whether it is not known yet that the Gateway is programmed.
fn is_waiting(conditions: &Value) -> bool {
    let mut all = conditions.as_array().into_iter().flatten();
    all.any(|c| c["type"] == ConditionType::Programmed.as_str() && is_unknown(c))
}

fn list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(values) => values,
        _ => Vec::new(),
    }
}

fn is_empty(value: &Value) -> bool {
    value.as_array().is_some_and(Vec::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "sluice.dev/x";
    const THEN: &str = "2025-01-01T00:00:00Z";
    const NOW: &str = "2026-01-01T00:00:00Z";

    fn condition(kind: ConditionType, status: &str, time: Option<&str>) -> Value {
        let mut condition =
            json!({"type": kind.as_str(), "status": status, "reason": "R", "message": "", "observedGeneration": 1});
        time.into_iter().for_each(|time| condition["lastTransitionTime"] = json!(time));
        condition
    }

    fn accepted(status: &str, time: Option<&str>) -> Value {
        condition(ConditionType::Accepted, status, time)
    }

    fn parent(name: &str, controller: &str, conditions: Value) -> Value {
        json!({"parentRef": {"name": name}, "controllerName": controller, "conditions": conditions})
    }

    fn writer() -> Writer<'static> {
        Writer { controller: OURS, now: NOW, is_ours: &|gateway| gateway["name"] != "else" }
    }

    fn check(current: Value, wanted: Option<Value>, expected: Option<Value>) {
        assert_eq!(merge(&current, wanted, &writer()), expected);
    }

    #[test]
    fn times_move_with_the_status_only() {
        let wanted = |status| Some(json!({"conditions": [accepted(status, None)]}));
        let has = |status, time| json!({"conditions": [accepted(status, Some(time))]});
        check(Value::Null, wanted("True"), Some(has("True", NOW)));
        check(has("True", THEN), wanted("True"), None);
        check(has("True", THEN), wanted("False"), Some(has("False", NOW)));
        let mut newer = has("True", THEN);
        newer["conditions"][0]["observedGeneration"] = json!(2);
        let mut asked = wanted("True").unwrap();
        asked["conditions"][0]["observedGeneration"] = json!(2);
        check(has("True", THEN), Some(asked), Some(newer));
    }

    #[test]
    fn conditions_of_others_stay_and_ours_that_are_not_meant_go() {
        let others = json!({"type": "Else", "status": "True", "lastTransitionTime": THEN});
        let partially = condition(ConditionType::PartiallyInvalid, "True", Some(THEN));
        let current = json!({"conditions": [partially, others, accepted("True", Some(THEN))], "else": 1});
        let expected = json!({"conditions": [others, accepted("True", Some(THEN))]});
        check(current, Some(json!({"conditions": [accepted("True", None)]})), Some(expected));
    }

    #[test]
    fn entries_of_other_controllers_stay_where_they_are() {
        let theirs = parent("gw", "example.com/y", json!([{"type": "Accepted", "status": "False"}]));
        let mine = |name, time| parent(name, OURS, json!([accepted("True", time)]));
        let current = json!({"parents": [mine("a", Some(THEN)), theirs, mine("b", Some(THEN))]});
        let wanted = json!({"parents": [mine("b", None), mine("c", None)]});
        let expected = json!({"parents": [theirs, mine("b", Some(THEN)), mine("c", Some(NOW))]});
        check(current.clone(), Some(wanted), Some(expected.clone()));
        check(current, None, Some(json!({"parents": [theirs]})));
        check(expected, Some(json!({"parents": [mine("b", None), mine("c", None)]})), None);
        check(json!({"parents": [theirs]}), None, None);
        check(Value::Null, None, None);
    }

    #[test]
    fn an_entry_that_cannot_name_its_controller_is_known_by_its_gateway() {
        let entry = |name, time| json!({"ancestorRef": {"name": name}, "conditions": [accepted("True", time)]});
        let mut wanted = entry("gw", None);
        wanted["controllerName"] = json!(OURS);
        let stored = json!({"ancestors": [entry("else", Some(THEN)), entry("gw", Some(THEN))]});
        check(stored.clone(), Some(json!({ "ancestors": [wanted] })), None);
        check(stored, None, Some(json!({ "ancestors": [entry("else", Some(THEN))] })));
    }

    #[test]
    fn a_full_list_is_not_overrun() {
        let theirs: Vec<_> = (0..31).map(|n| parent(&n.to_string(), "example.com/y", json!([]))).collect();
        let wanted = json!({"parents": [parent("a", OURS, json!([])), parent("b", OURS, json!([]))]});
        let patch = merge(&json!({ "parents": theirs }), Some(wanted), &writer()).unwrap();
        assert_eq!(patch["parents"].as_array().unwrap().len(), 32);
    }

    #[test]
    fn listeners_follow_the_spec() {
        let listener = |name, time| json!({"name": name, "attachedRoutes": 1, "conditions": [accepted("True", time)]});
        let current = json!({"listeners": [listener("a", Some(THEN)), listener("b", Some(THEN))]});
        let wanted = json!({"listeners": [listener("b", None), listener("c", None)]});
        let expected = json!({"listeners": [listener("b", Some(THEN)), listener("c", Some(NOW))]});
        check(current, Some(wanted), Some(expected));
    }

    #[test]
    fn what_is_not_known_yet_leaves_what_was_known() {
        let programmed = |status, time| {
            let mut programmed = condition(ConditionType::Programmed, status, time);
            programmed["reason"] = json!("NoResources");
            programmed
        };
        let current = json!({"addresses": [{"value": "1.2.3.4"}], "conditions": [programmed("True", Some(THEN))]});
        let wanted = |status| Some(json!({"addresses": [], "conditions": [programmed(status, None)]}));
        check(current.clone(), wanted("Unknown"), None);
        let expected = json!({"addresses": [], "conditions": [programmed("False", Some(NOW))]});
        check(current, wanted("False"), Some(expected));
        let unknown = json!({"conditions": [programmed("Unknown", Some(NOW))]});
        check(Value::Null, wanted("Unknown"), Some(unknown.clone()));
        let mut refused = programmed("False", Some(THEN));
        refused["reason"] = json!("Invalid");
        check(json!({"conditions": [refused]}), wanted("Unknown"), Some(unknown));
    }
}
