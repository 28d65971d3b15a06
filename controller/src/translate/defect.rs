//! Defects: what whoever read an object could not take as it is written (`Meta::defects`).

use crate::api::HTTPRoute;
use crate::objects::admission::Violation;
use crate::objects::key::Key;
use crate::objects::{Kind, Meta, Object};
use crate::status::condition::{ConditionType, Reason};
use crate::translate::fault::{Fault, Place};

/// Those of a whole object. Each keeps it from being accepted.
pub(crate) fn of_object(kind: Kind, key: &Key, meta: &Meta, reason: Reason) -> Vec<Fault> {
    meta.defects.iter().map(|defect| fault(kind, key, defect, reason)).collect()
}

/// Those of a route that lie outside the rules it has, be it that a rule could not be read at all. Each keeps the route
/// from being accepted.
pub(crate) fn of_route<'a>(key: &'a Key, object: &'a Object<HTTPRoute>) -> impl Iterator<Item = Fault> + 'a {
    let rules = object.spec.rules.len();
    of_rules(key, &object.meta, move |rule| rule.is_none_or(|rule| rule >= rules))
}

/// Those of one rule of a route: it answers 500, the other rules stay.
pub(crate) fn of_rule<'a>(key: &'a Key, meta: &'a Meta, index: usize) -> impl Iterator<Item = Fault> + 'a {
    of_rules(key, meta, move |rule| rule == Some(index))
}

fn of_rules<'a>(
    key: &'a Key,
    meta: &'a Meta,
    wanted: impl Fn(Option<usize>) -> bool + 'a,
) -> impl Iterator<Item = Fault> + 'a {
    let wanted = move |defect: &&Violation| wanted(rule(&defect.field));
    meta.defects.iter().filter(wanted).map(|defect| fault(Kind::HTTPRoute, key, defect, Reason::UnsupportedValue))
}

/// The index of the rule that a field lies within.
fn rule(field: &str) -> Option<usize> {
    field.strip_prefix("spec.rules[")?.split_once(']')?.0.parse().ok()
}

fn fault(kind: Kind, key: &Key, defect: &Violation, reason: Reason) -> Fault {
    let Violation { field, message, remedy } = defect;
    let place = Place::of(kind, key).at(field.clone());
    // Conditions carry the message alone: it has to name the field.
    place.error(format!("{field}: {message}"), remedy).fails(ConditionType::Accepted, reason)
}
