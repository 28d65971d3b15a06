//! From objects to what they mean.

use gungraun::{library_benchmark, library_benchmark_group};
use serde_json::Value;
use sluice_controller::objects::Objects;
use sluice_controller::translate::{Settings, Translation};
use sluice_testkit::fleet;

use crate::world;

#[library_benchmark]
#[bench::of_500(args = (500), setup = fleet::objects)]
fn read(documents: Vec<Value>) -> Objects {
    world::objects(documents)
}

/// A world that is not the first to be translated: what is made once is there.
fn warm(objects: Objects) -> Objects {
    world::snapshot(&objects);
    objects
}

fn walkthrough() -> Objects {
    warm(world::walkthrough())
}

fn fleet(routes: usize) -> Objects {
    warm(world::fleet(routes))
}

#[library_benchmark]
#[bench::walkthrough(setup = walkthrough)]
#[bench::of_500(args = (500), setup = fleet)]
fn translate(objects: Objects) -> (Objects, Translation) {
    let translation = sluice_controller::translate::translate(&objects, &Settings::default());
    (objects, translation)
}

library_benchmark_group!(name = objects, benchmarks = [read, translate]);
