//! A client that leaves releases the upstream at most 50 ms later, in 100 of 100 runs, over either version (the
//! issue's fifth "must show"). A program of its own: beside other tests the clock would measure them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sluice_testkit::client::http::Http;
use sluice_testkit::client::sse::Events;
use sluice_testkit::provider::Provider;
use sluice_testkit::provider::answer::Answer;
use sluice_testkit::provider::journal::Ended;
use sluice_testkit::sluice::Launch;
use sluice_testkit::steps::{Step, chunk};
use sluice_testkit::world::{self, Rule};

const RUNS: usize = 100;
const LIMIT: Duration = Duration::from_millis(50);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_upstream_is_released_at_once() {
    let streaming = Provider::plain(Answer::event_stream(vec![Step::Event(chunk(0)), Step::Hang])).await;
    let thinking = Provider::plain(Answer::silence()).await;
    let dir = tempfile::tempdir().unwrap();
    let rules = [Rule::forward("/stream", "streaming"), Rule::forward("/think", "thinking")];
    let documents = [
        world::gateway("gw", 8080),
        world::backend("streaming", streaming.address()),
        world::backend("thinking", thinking.address()),
        world::http_route("route", "gw", &rules),
    ];
    world::replace(&dir.path().join("world.yaml"), &world::documents(&documents));
    let sluice = Launch::run(&[dir.path()], &[8080]).start().await;
    let address = sluice.listener("http");
    for http2 in [false, true] {
        let mut waits = Vec::new();
        for _ in 0..RUNS {
            waits.push(leave_a_stream(address, http2, &streaming).await);
        }
        println!("{}", verdict("streams", http2, waits));
        let mut waits = Vec::new();
        for _ in 0..RUNS {
            waits.push(leave_before_the_answer(address, http2, &thinking).await);
        }
        println!("{}", verdict("requests without an answer yet", http2, waits));
    }
}

/// What was measured, in a sentence; fails when one of the waits was too long.
fn verdict(what: &str, http2: bool, mut waits: Vec<Duration>) -> String {
    waits.sort_unstable();
    let version = if http2 { "HTTP/2" } else { "HTTP/1.1" };
    let slow = waits.iter().filter(|wait| **wait > LIMIT).count();
    assert_eq!(slow, 0, "{what}, {version}: {slow} of {RUNS} took longer than {LIMIT:?}: {waits:?}");
    format!("{what}, {version}: released after {:.1?}, at most {:.1?}", waits[RUNS / 2], waits[RUNS - 1])
}

async fn connect(address: SocketAddr, http2: bool) -> Http {
    if http2 { Http::h2c(address).await } else { Http::http1(address).await }
}

async fn leave_a_stream(address: SocketAddr, http2: bool, provider: &Provider) -> Duration {
    let index = provider.requests().len();
    let mut client = connect(address, http2).await;
    let mut events = Events::of(client.post("/stream", "{\"stream\":true}").await);
    events.next().await.unwrap();
    let left = Instant::now();
    drop((client, events));
    released(provider, index, left).await
}

async fn leave_before_the_answer(address: SocketAddr, http2: bool, provider: &Provider) -> Duration {
    let index = provider.requests().len();
    let mut client = connect(address, http2).await;
    let asking = tokio::spawn(async move { client.post("/think", "{}").await.status });
    provider.journal().wait_count(index + 1).await;
    let left = Instant::now();
    asking.abort();
    released(provider, index, left).await
}

async fn released(provider: &Provider, index: usize, left: Instant) -> Duration {
    let (how, at) = provider.journal().wait_end(index).await;
    assert_eq!(how, Ended::Gone);
    at.saturating_duration_since(left)
}
