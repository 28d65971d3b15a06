//! One broken object among a thousand good routes: it says so, and nothing else is different by a byte.
//!
//! Objects come as an API server hands them over, also such as a schema would refuse: an older one lets them pass.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod case;
mod cases;
mod model;
mod world;

use std::collections::BTreeSet;

use case::Case;
use model::{Model, Read};
use world::World;

#[test]
fn the_good_world_is_good() {
    let model = Model::of(&Read::of(&world::good()));
    assert_eq!(model.told, []);
    let rules = model.pieces.keys().filter(|name| name.starts_with("rule ") && name.contains("/bystander-"));
    assert_eq!(rules.count(), world::BYSTANDERS);
    let bad =
        model.pieces.iter().find(|(_, piece)| piece.contains("Unresolved") || piece.contains("\"False\",\"type\":\"A"));
    assert_eq!(bad, None);
}

#[test]
fn what_is_broken_says_so_and_hurts_no_neighbour() {
    let good = world::good();
    let read = Read::of(&good);
    let base = Model::of(&read);
    let cases = cases::all();
    let names: BTreeSet<_> = cases.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), cases.len(), "two cases have one name");
    assert!(cases.len() >= 40);
    let judged = |cases: &[Case]| -> Vec<String> {
        cases.iter().filter_map(|case| judge(case, &base, &broken(case, &good, &read))).collect()
    };
    // Each half on a thread of its own.
    let (first, second) = cases.split_at(cases.len() / 2);
    let failures = std::thread::scope(|scope| {
        let second = scope.spawn(|| judged(second));
        [judged(first), second.join().unwrap()].concat()
    });
    assert!(failures.is_empty(), "{} of {} cases:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

fn broken(case: &Case, good: &World, read: &Read) -> Model {
    let mut read = read.clone();
    case.changed(good).into_iter().for_each(|((kind, key), value)| read.take(kind, &key, value));
    Model::of(&read)
}

/// What is not as the case has it.
fn judge(case: &Case, base: &Model, broken: &Model) -> Option<String> {
    let mut wrong = Vec::new();
    let (object, field, words) = case.told;
    if !broken.told.iter().any(|told| told.object == object && told.field == field && told.message.contains(words)) {
        wrong.push(format!("nothing tells of {object} {field} {words:?}: {:#?}", broken.told));
    }
    if let Some((object, reason)) = case.reason
        && !broken.has_reason(object, reason)
    {
        wrong.push(format!("{object} has no reason {reason}: {:?}", broken.pieces.get(&format!("status {object}"))));
    }
    let differs = base.difference(broken);
    let expected: BTreeSet<_> = case.differs.iter().map(|piece| (*piece).to_owned()).collect();
    if differs != expected {
        wrong.push(format!("these differ: {differs:#?}\nand not: {expected:#?}"));
    }
    if base.order_without(&differs) != broken.order_without(&differs) {
        wrong.push("the order of the other rules is another".to_owned());
    }
    // What the broken object is of use to may be told of, for it is among those that the cases break.
    let concerned = |other: &str| other == object || other.contains("victim");
    if let Some(stray) = broken.told.iter().find(|told| !concerned(&told.object)) {
        wrong.push(format!("an object is told of that has nothing to do with it: {stray:?}"));
    }
    (!wrong.is_empty()).then(|| format!("== {}\n{}", case.name, wrong.join("\n")))
}
