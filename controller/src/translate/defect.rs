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

/// The first one of a route that lies outside its rules.
pub(crate) fn of_route(key: &Key, meta: &Meta) -> Option<Fault> {
    let defect = meta.defects.iter().find(|defect| !defect.field.starts_with("spec.rules["))?;
    Some(fault(Kind::HTTPRoute, key, defect, Reason::UnsupportedValue))
}

/// Those of one rule of a route: it answers 500, the other rules stay.
pub(crate) fn of_rule(key: &Key, meta: &Meta, index: usize) -> impl Iterator<Item = Fault> {
    let rule = format!("spec.rules[{index}]");
    let within = move |defect: &&Violation| {
        defect.field.strip_prefix(&rule).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    meta.defects.iter().filter(within).map(|defect| fault(Kind::HTTPRoute, key, defect, Reason::UnsupportedValue))
}

fn fault(kind: Kind, key: &Key, defect: &Violation, reason: Reason) -> Fault {
    let Violation { field, message, remedy } = defect;
    let place = Place::of(kind, key).at(field);
    // Conditions carry the message alone: it has to name the field.
    place.error(format!("{field}: {message}"), remedy).fails(ConditionType::Accepted, reason)
}
