//! Defects: what whoever read an object could not take as it is written (`Meta::defects`).

use crate::objects::admission::Violation;
use crate::objects::key::Key;
use crate::objects::{Kind, Meta};
use crate::status::condition::{ConditionType, Reason};
use crate::translate::fault::{Fault, Place};

/// Those of a whole object. Each keeps it from being accepted.
pub(crate) fn of_object(kind: Kind, key: &Key, meta: &Meta, reason: Reason) -> Vec<Fault> {
    meta.defects.iter().map(|defect| fault(kind, key, defect, reason)).collect()
}

/// The first one of a route that lies outside its rules, or in one that could not be read.
pub(crate) fn of_route(key: &Key, meta: &Meta, rules: usize) -> Option<Fault> {
    let defect = meta.defects.iter().find(|defect| !(0..rules).any(|index| is_within(defect, index)))?;
    Some(fault(Kind::HTTPRoute, key, defect, Reason::UnsupportedValue))
}

/// Those of one rule of a route: it answers 500, the other rules stay.
pub(crate) fn of_rule(key: &Key, meta: &Meta, index: usize) -> impl Iterator<Item = Fault> {
    let defects = meta.defects.iter().filter(move |defect| is_within(defect, index));
    defects.map(|defect| fault(Kind::HTTPRoute, key, defect, Reason::UnsupportedValue))
}

fn is_within(defect: &Violation, rule: usize) -> bool {
    let rest = defect.field.strip_prefix(&format!("spec.rules[{rule}]"));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn fault(kind: Kind, key: &Key, defect: &Violation, reason: Reason) -> Fault {
    let Violation { field, message, remedy } = defect;
    let place = Place::of(kind, key).at(field);
    // Conditions carry the message alone: it has to name the field.
    place.error(format!("{field}: {message}"), remedy).fails(ConditionType::Accepted, reason)
}
