//! A snapshot on its way to a replica: taken apart, and put together there, whole and after an edit of one route.

use gungraun::{library_benchmark, library_benchmark_group};
use sluice_gateway::snapshot::Snapshot;
use sluice_gateway::wire::{self, Assembly, Change, ResourceSet};
use sluice_testkit::fleet;

use crate::world;

const ROUTES: usize = 500;

/// A snapshot and its resources, and the snapshot after it, in which one route is another.
pub(crate) struct Edit {
    before: Snapshot,
    resources: ResourceSet,
    after: Snapshot,
}

fn served() -> Snapshot {
    world::snapshot(&world::fleet(ROUTES))
}

#[library_benchmark]
#[bench::of_500(setup = served)]
fn encode(snapshot: Snapshot) -> (Snapshot, ResourceSet) {
    let resources = wire::encode(&snapshot);
    (snapshot, resources)
}

fn edit() -> Edit {
    let mut objects = world::fleet(ROUTES);
    let before = world::snapshot(&objects);
    world::insert(&mut objects, fleet::route(ROUTES / 2, "/edited"));
    Edit { resources: wire::encode(&before), before, after: world::snapshot(&objects) }
}

#[library_benchmark]
#[bench::one_of_500(setup = edit)]
fn encode_after(edit: Edit) -> (Edit, ResourceSet) {
    let resources = wire::encode_after(&edit.after, (&edit.before, &edit.resources));
    (edit, resources)
}

/// A replica that has nothing, and all there is.
fn joined() -> (Assembly, Change) {
    let upserts = wire::encode(&served()).iter().map(|resource| (**resource).clone()).collect();
    (Assembly::default(), Change { upserts, removals: Vec::new() })
}

/// A replica that has everything, and the edit.
fn following() -> (Assembly, Change) {
    let (mut assembly, whole) = joined();
    assembly.apply(whole).unwrap();
    let edit = edit();
    let resources = wire::encode_after(&edit.after, (&edit.before, &edit.resources));
    let known = |name: &str| edit.resources.get(name).map(|resource| &resource.hash);
    let changed = resources.iter().filter(|resource| known(&resource.name) != Some(&resource.hash));
    let upserts: Vec<_> = changed.map(|resource| (**resource).clone()).collect();
    assert_eq!(upserts.len(), 1, "the route and nothing else");
    (assembly, Change { upserts, removals: Vec::new() })
}

#[library_benchmark]
#[bench::of_500(setup = joined)]
#[bench::one_of_500(setup = following)]
fn apply((mut assembly, change): (Assembly, Change)) -> (Assembly, Snapshot) {
    let snapshot = assembly.apply(change).unwrap();
    (assembly, snapshot)
}

library_benchmark_group!(name = resources, benchmarks = [encode, encode_after, apply]);
