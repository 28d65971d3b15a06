//! Finding the rule of a request, and making what it is found with.

use std::hint::black_box;
use std::sync::Arc;

use gungraun::{library_benchmark, library_benchmark_group};
use http::{HeaderMap, Method};
use sluice_gateway::matcher::RequestParts;
use sluice_gateway::matcher::host::HostPattern;
use sluice_gateway::route::table::{RouteEntry, RouteTable};
use sluice_gateway::snapshot::Snapshot;
use sluice_testkit::fleet;

use crate::world;

/// Requests in one count, to routes that are spread over all of them: which one it is must not matter.
const LOOKUPS: usize = 100;

/// A snapshot, and the requests that are made to it.
pub(crate) struct Asked {
    snapshot: Snapshot,
    paths: Vec<String>,
    headers: HeaderMap,
}

fn asked(routes: usize) -> Asked {
    let paths = (0..LOOKUPS).map(|nth| format!("/route-{}/v1/chat/completions", nth * routes / LOOKUPS));
    Asked { snapshot: world::snapshot(&world::fleet(routes)), paths: paths.collect(), headers: HeaderMap::new() }
}

#[library_benchmark(setup = asked)]
#[bench::of_10(10)]
#[bench::of_1000(1_000)]
#[bench::of_10000(10_000)]
fn lookup(asked: Asked) -> Asked {
    for path in &asked.paths {
        let request = RequestParts { path, query: None, method: &Method::POST, headers: &asked.headers };
        let found = asked.snapshot.find(fleet::PORT, "models.example.com", &request);
        assert!(black_box(found).is_some_and(|found| found.rule.is_some()));
    }
    asked
}

/// Rules, half of them with a hostname of their own.
fn entries(routes: usize) -> Vec<Arc<RouteEntry>> {
    let snapshot = world::snapshot(&world::fleet(routes));
    let entries = snapshot.listeners()[0].routes.entries().iter().enumerate();
    let entries = entries.map(|(nth, entry)| match nth % 2 {
        0 => Arc::clone(entry),
        _ => {
            let hosts = vec![HostPattern::Exact(format!("model-{nth}.example.com"))];
            Arc::new(RouteEntry { hosts, ..(**entry).clone() })
        }
    });
    entries.collect()
}

#[library_benchmark(setup = entries)]
#[bench::of_1000(1_000)]
fn index(entries: Vec<Arc<RouteEntry>>) -> RouteTable {
    RouteTable::new(entries)
}

library_benchmark_group!(name = routes, benchmarks = [lookup, index]);
