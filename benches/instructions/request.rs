//! What is done to the head of each request: the edits of its rule, and writing it to the upstream.

use std::hint::black_box;
use std::sync::Arc;

use bytes::BytesMut;
use gungraun::{library_benchmark, library_benchmark_group};
use http::{HeaderName, Method};
use sluice_gateway::filter::edit_request;
use sluice_gateway::head::{self, RequestHead, write_request};
use sluice_gateway::route::{Action, RouteRule};
use sluice_testkit::capture;

use crate::world;

/// Requests in one count.
const REQUESTS: usize = 100;

/// The walk-through's rule, which rewrites prefix and host and injects a key, and the head of an agent's model call.
type Arrived = (Arc<RouteRule>, RequestHead);

fn arrived() -> Arrived {
    let recorded = capture::requests("kagent-0.10.4-stream.llm").remove(0);
    let mut head = head::request(Method::POST, recorded.target.parse().unwrap());
    for (name, value) in recorded.headers {
        head.headers.append(HeaderName::try_from(name).unwrap(), value.parse().unwrap());
    }
    let snapshot = world::snapshot(&world::walkthrough());
    (Arc::clone(&snapshot.listeners()[0].routes.entries()[0].rule), head)
}

/// The copy that goes upstream.
fn edited((rule, head): &Arrived) -> RequestHead {
    let Action::Forward(backends) = &rule.action else { panic!("the walk-through's rule forwards") };
    let mut head = head.clone();
    edit_request(&rule.edits, &mut head).and_then(|()| edit_request(&backends.0[0].edits, &mut head)).unwrap();
    head
}

// With the copy, as the proxy makes it: so that each pass leaves the heap as it found it, and costs the same.
#[library_benchmark]
#[bench::walkthrough(setup = arrived)]
fn edit(arrived: Arrived) -> Arrived {
    for _ in 0..REQUESTS {
        black_box(edited(&arrived));
    }
    arrived
}

fn leaving() -> RequestHead {
    let head = edited(&arrived());
    assert_eq!(head.uri, "/compatible-mode/v1/chat/completions");
    head
}

#[library_benchmark]
#[bench::walkthrough(setup = leaving)]
fn write(head: RequestHead) -> RequestHead {
    for _ in 0..REQUESTS {
        let mut wire = BytesMut::new();
        write_request(&head, &mut wire);
        black_box(wire);
    }
    head
}

library_benchmark_group!(name = requests, benchmarks = [edit, write]);
