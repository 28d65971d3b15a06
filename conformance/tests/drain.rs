//! SIGTERM: running streams end whole, nothing new begins, and the program leaves with the last of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::time::{Duration, Instant};

use sluice_testkit::client::http::Http;
use sluice_testkit::client::raw::Raw;
use sluice_testkit::client::sse::{Events, StreamEnd};
use sluice_testkit::provider::Provider;
use sluice_testkit::provider::answer::Answer;
use sluice_testkit::sluice::{Launch, Sluice};
use sluice_testkit::steps::{Step, chunk};
use sluice_testkit::wait::within;
use sluice_testkit::world::{self, Rule};
use tempfile::TempDir;
use tokio::net::TcpStream;

/// The numbers.
const STREAMS: usize = 20;
const SECONDS: u32 = 10;

async fn running(answer: Answer, more: &[&str]) -> (Provider, Sluice, TempDir) {
    let provider = Provider::plain(answer).await;
    let dir = tempfile::tempdir().unwrap();
    let documents = [
        world::gateway("gw", 8080),
        world::backend("llm", provider.address()),
        world::http_route("route", "gw", &[Rule::forward("/v1", "llm")]),
    ];
    world::replace(&dir.path().join("world.yaml"), &world::documents(&documents));
    let launch = more.iter().fold(Launch::run(&[dir.path()], &[8080]), |launch, arg| launch.arg(arg));
    let sluice = launch.start().await;
    (provider, sluice, dir)
}

async fn client(sluice: &Sluice, index: usize) -> Http {
    let address = sluice.listener("http");
    if index.is_multiple_of(2) { Http::http1(address).await } else { Http::h2c(address).await }
}

/// Streams that have begun.
async fn begin(sluice: &Sluice, count: usize) -> Vec<(Http, Events)> {
    let mut streams = Vec::new();
    for index in 0..count {
        let mut client = client(sluice, index).await;
        let mut events = Events::of(client.post("/v1/chat/completions", "{\"stream\":true}").await);
        events.next().await.unwrap();
        streams.push((client, events));
    }
    streams
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_run_at_sigterm_end_whole() {
    let events = SECONDS as usize * 20;
    let (_provider, mut sluice, _dir) = running(Answer::sse(events, Duration::from_secs(1) / 20), &[]).await;
    let (address, admin) = (sluice.listener("http"), sluice.admin());
    let mut idle = Raw::connect(address).await;
    let streams = begin(&sluice, STREAMS).await;
    let begun = Instant::now();
    assert_eq!(sluice.page("/ready").await, "ready\n");

    sluice.terminate().await;
    let refused = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    within("the listener to close", refused).await;
    assert!(idle.bytes().await.is_none(), "an idle connection is closed");
    let ready = Raw::once(admin, "GET /ready HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n").await;
    assert_eq!(ready.status(), 503);

    let mut reading = tokio::task::JoinSet::new();
    for (client, stream) in streams {
        reading.spawn(async move {
            let rest = stream.rest().await;
            drop(client);
            rest
        });
    }
    while let Some(rest) = reading.join_next().await {
        let (rest, end) = rest.unwrap();
        assert_eq!((rest.len(), end), (events, StreamEnd::Clean));
    }
    let last = Instant::now();
    assert!(last - begun >= Duration::from_secs(u64::from(SECONDS) - 1), "the streams were to take {SECONDS} s");
    let status = sluice.ended().await;
    assert!(status.success(), "{status}");
    assert!(last.elapsed() < Duration::from_secs(2), "it left {:?} after its last stream", last.elapsed());
    let logged = sluice.access_log().iter().filter(|line| line["path"] == "/v1/chat/completions").count();
    assert_eq!(logged, STREAMS, "each stream has its line in the access log");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_requests_it_leaves_at_once() {
    let (_provider, mut sluice, _dir) = running(Answer::completion("hi"), &[]).await;
    let mut client = client(&sluice, 0).await;
    assert_eq!(client.post("/v1", "{}").await.status, 200);
    let asked = Instant::now();
    sluice.terminate().await;
    assert!(sluice.ended().await.success());
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_it_at_once() {
    let (_provider, mut sluice, _dir) = running(endless(), &[]).await;
    let streams = begin(&sluice, 2).await;
    sluice.terminate().await;
    let address = sluice.listener("http");
    let draining = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    within("the drain to begin", draining).await;
    let asked = Instant::now();
    sluice.terminate().await;
    let status = sluice.ended().await;
    assert!(!status.success(), "streams were cut, and it says so");
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    for (_client, events) in streams {
        assert!(matches!(events.rest().await.1, StreamEnd::Cut(_)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_drain_limit_ends_what_does_not_end() {
    let (_provider, mut sluice, _dir) = running(endless(), &["--drain-timeout", "1s"]).await;
    let streams = begin(&sluice, 2).await;
    let asked = Instant::now();
    sluice.terminate().await;
    sluice.ended().await;
    assert!(asked.elapsed() >= Duration::from_secs(1), "{:?}", asked.elapsed());
    for (_client, events) in streams {
        assert!(matches!(events.rest().await.1, StreamEnd::Cut(_)));
    }
}

fn endless() -> Answer {
    Answer::event_stream(vec![Step::Event(chunk(0)), Step::Hang])
}
