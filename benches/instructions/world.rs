//! The worlds that are counted on, and what they mean.

use serde_json::Value;
use sluice_controller::objects::{Kind, Objects};
use sluice_controller::source::file::{Environment, FileSource};
use sluice_controller::translate::{Settings, translate};
use sluice_gateway::snapshot::Snapshot;
use sluice_testkit::{fleet, world};

/// The variable that the walk-through's Secret is filled in with.
pub(crate) const KEY: &str = "PROVIDER_API_KEY";

/// The walk-through's own objects.
pub(crate) fn walkthrough() -> Objects {
    let world = FileSource::new(vec![world::walkthrough()], Environment::of_process()).read();
    assert!(world.diagnostics.is_empty(), "{:?}", world.diagnostics);
    world.objects
}

/// A Gateway with so many routes.
pub(crate) fn fleet(routes: usize) -> Objects {
    objects(fleet::objects(routes))
}

/// Reads documents.
pub(crate) fn objects(documents: Vec<Value>) -> Objects {
    let mut objects = Objects::default();
    documents.into_iter().for_each(|document| insert(&mut objects, document));
    objects
}

/// Reads one more.
pub(crate) fn insert(objects: &mut Objects, document: Value) {
    let text = |field: &str| document[field].as_str().unwrap();
    let kind = Kind::of(text("apiVersion"), text("kind")).unwrap();
    objects.insert(kind, document).unwrap();
}

/// What the one Gateway of a world serves.
pub(crate) fn snapshot(objects: &Objects) -> Snapshot {
    translate(objects, &Settings::default()).snapshots.into_values().next().unwrap()
}
