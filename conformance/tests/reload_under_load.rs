//! 100 rotations of a key and 100 edits of a route under load: no request fails, no stream is cut, and an old key is
//! last used at most a second after its rotation (the fourth "must show").
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sluice_testkit::client::http::Http;
use sluice_testkit::client::sse::{Events, StreamEnd};
use sluice_testkit::provider::Provider;
use sluice_testkit::provider::answer::Answer;
use sluice_testkit::provider::journal::Seen;
use sluice_testkit::sluice::Launch;
use sluice_testkit::wait::within;
use sluice_testkit::world::{self, Rule};
use tokio::sync::watch;

const ROTATIONS: usize = 100;
const STREAMS: usize = 50;
const CLIENTS: usize = 12;
/// Each client asks once in this time: 750 requests per second in all.
const PERIOD: Duration = Duration::from_millis(16);
const DUE_PER_SECOND: usize = 500;

/// Events of one stream, and the pause between two: a stream lives through several edits.
const EVENTS: usize = 40;
const PAUSE: Duration = Duration::from_millis(50);

/// When each key and each mark of the route was first and last seen by the provider.
#[derive(Clone)]
struct Sightings {
    seen: Arc<Mutex<HashMap<String, (Instant, Instant)>>>,
    grown: watch::Sender<()>,
}

impl Sightings {
    fn note(&self, what: &str) {
        let now = Instant::now();
        let mut seen = self.seen.lock().unwrap();
        if let Some(times) = seen.get_mut(what) {
            times.1 = now;
            return;
        }
        seen.insert(what.to_owned(), (now, now));
        drop(seen);
        self.grown.send_replace(());
    }

    async fn wait(&self, what: &str) {
        let mut grown = self.grown.subscribe();
        let seen = async {
            while !self.seen.lock().unwrap().contains_key(what) {
                drop(grown.changed().await);
            }
        };
        within("an edit to be in force", seen).await;
    }

    fn last(&self, what: &str) -> Instant {
        self.seen.lock().unwrap()[what].1
    }
}

/// What the load has found.
#[derive(Default)]
struct Load {
    stop: AtomicBool,
    answered: AtomicUsize,
    streams: AtomicUsize,
    failed: Mutex<Vec<String>>,
}

impl Load {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    fn fail(&self, what: String) {
        self.failed.lock().unwrap().push(what);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edits_under_load_lose_nothing() {
    let sightings = Sightings { seen: Arc::default(), grown: watch::Sender::new(()) };
    let provider = provider(sightings.clone()).await;
    let dir = tempfile::tempdir().unwrap();
    write_world(dir.path(), &provider);
    let sluice = Launch::run(&[dir.path()], &[8080]).arg("--workers").arg("2").start().await;
    let address = sluice.listener("http");

    let load = Arc::new(Load::default());
    let mut clients = tokio::task::JoinSet::new();
    (0..CLIENTS).for_each(|index| drop(clients.spawn(ask(address, index, Arc::clone(&load)))));
    (0..STREAMS).for_each(|index| drop(clients.spawn(stream(address, index, Arc::clone(&load)))));
    let all_streams_run = provider.journal().wait("50 streams", |all| {
        (all.iter().filter(|seen| seen.target == "/v1/stream").count() >= STREAMS).then_some(())
    });
    all_streams_run.await;

    let start = Instant::now();
    let before = load.answered.load(Ordering::SeqCst);
    let edited = edit(dir.path(), &sightings).await;
    let took = start.elapsed();
    let answered = load.answered.load(Ordering::SeqCst) - before;
    load.stop.store(true, Ordering::SeqCst);
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }

    let failed = load.failed.lock().unwrap();
    assert!(failed.is_empty(), "{} failed: {:?}", failed.len(), &failed[..failed.len().min(5)]);
    let latest = edited.iter().map(|(old, at)| sightings.last(old).saturating_duration_since(*at)).max().unwrap();
    assert!(latest <= Duration::from_secs(1), "something old was used {latest:?} after its edit");
    let rate = answered as f64 / took.as_secs_f64();
    let streams = load.streams.load(Ordering::SeqCst);
    println!(
        "{} edits in {took:.1?}: {answered} requests ({rate:.0}/s), {streams} streams whole; old keys and routes last used {latest:.0?} after their edit",
        edited.len()
    );
    assert!(rate >= DUE_PER_SECOND as f64, "only {rate:.0} requests per second were made");
}

/// Makes all edits, each when the one before it is in force. Returns what each replaced, and when.
async fn edit(dir: &Path, sightings: &Sightings) -> Vec<(String, Instant)> {
    let mut edited = Vec::new();
    for index in 1..=ROTATIONS {
        world::replace(&dir.join("secret.yaml"), &world::secret("key", &key(index)));
        edited.push((key(index - 1), Instant::now()));
        sightings.wait(&key(index)).await;
        world::replace(&dir.join("route.yaml"), &route(index));
        edited.push((mark(index - 1), Instant::now()));
        sightings.wait(&mark(index)).await;
    }
    edited
}

async fn provider(sightings: Sightings) -> Provider {
    Provider::scripted(move |seen: &Seen| {
        sightings.note(seen.header("authorization"));
        sightings.note(seen.header("x-mark"));
        match seen.target.as_str() {
            "/v1/stream" => Answer::sse(EVENTS, PAUSE),
            _ => Answer::completion("hi"),
        }
    })
    .await
}

fn write_world(dir: &Path, provider: &Provider) {
    let fixed = [
        world::gateway("gw", 8080),
        world::backend("llm", provider.address()),
        world::credential_filter("inject", "key", true),
    ];
    world::replace(&dir.join("fixed.yaml"), &world::documents(&fixed));
    world::replace(&dir.join("secret.yaml"), &world::secret("key", &key(0)));
    world::replace(&dir.join("route.yaml"), &route(0));
}

fn key(index: usize) -> String {
    format!("Bearer key-{index}")
}

fn mark(index: usize) -> String {
    format!("mark-{index}")
}

fn route(index: usize) -> String {
    let rule = Rule::forward("/v1", "llm").extension("inject").request_header("x-mark", &mark(index));
    world::http_route("route", "gw", &[rule])
}

async fn ask(address: SocketAddr, index: usize, load: Arc<Load>) {
    let mut client = Http::http1(address).await;
    let mut tick = tokio::time::interval(PERIOD);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
    while !load.stopped() {
        tick.tick().await;
        let answer = client.try_send(sluice_testkit::client::http::json("/v1/chat/completions", "{\"model\":\"m\"}"));
        match answer.await {
            Err(error) => return load.fail(format!("client {index}: {error}")),
            Ok(answer) => {
                let status = answer.status;
                let whole = answer.whole().await;
                if status != 200 || whole.cut.is_some() {
                    load.fail(format!("client {index}: {status} {:?} {}", whole.cut, whole.text()));
                }
            }
        }
        load.answered.fetch_add(1, Ordering::SeqCst);
    }
}

/// One stream after the other, half of them over HTTP/2.
async fn stream(address: SocketAddr, index: usize, load: Arc<Load>) {
    let mut client = if index.is_multiple_of(2) { Http::http1(address).await } else { Http::h2c(address).await };
    while !load.stopped() {
        match client.try_send(sluice_testkit::client::http::json("/v1/stream", "{\"stream\":true}")).await {
            Err(error) => return load.fail(format!("stream {index}: {error}")),
            Ok(answer) => {
                let status = answer.status;
                let (events, end) = Events::of(answer).rest().await;
                if status != 200 || events.len() != EVENTS + 1 || end != StreamEnd::Clean {
                    load.fail(format!("stream {index}: {status}, {} events, {end:?}", events.len()));
                }
            }
        }
        load.streams.fetch_add(1, Ordering::SeqCst);
    }
}
