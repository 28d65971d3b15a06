//! All benches, and the entry that gungraun makes of them.

use gungraun::{LibraryBenchmarkConfig, main};

use crate::request::requests;
use crate::route::routes;
use crate::translate::objects;
use crate::usage::exchanges;
use crate::wire::resources;
use crate::world::KEY;

main!(
    // Of the environment, the benches get nothing else.
    config = LibraryBenchmarkConfig::default().env(KEY, "sk-counted"),
    library_benchmark_groups = [routes, requests, objects, resources, exchanges]
);

/// Starts gungraun, or is the process of one bench that it has started: its arguments say which.
pub(crate) fn run() {
    main();
}
