//! How much later a chunk of a stream arrives because Sluice is between client and provider.
//!
//! Each event carries the time at which the provider sent it; the client looks at the clock when it has it. The same
//! is done without the gateway in the same run, in turns, and the difference is what is reported: the median over the
//! rounds, so that one disturbed round does not count.
//!
//! `cargo bench -p sluice-benches --bench streaming [-- --quick]`

// A measurement that cannot be made ends at once, and its result goes to standard output.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use sluice_benches::{median, quantile};
use sluice_testkit::client::http::Http;
use sluice_testkit::client::sse::{Events, StreamEnd};
use sluice_testkit::provider::Provider;
use sluice_testkit::provider::answer::Answer;
use sluice_testkit::sluice::{Launch, Sluice};
use sluice_testkit::world::{self, Rule};
use tempfile::TempDir;

/// How much is measured.
struct Plan {
    rounds: usize,
    /// Events of each stream.
    events: usize,
}

/// Streams at a time, and the pause between two events of a stream.
const LOADS: [(usize, Duration); 2] = [(1, Duration::from_millis(5)), (50, Duration::from_millis(20))];

/// Microseconds from sending to arrival.
#[derive(Debug, Clone, Copy)]
struct Latency {
    p50: f64,
    p99: f64,
}

/// One load: a pair of latencies for each round.
struct Compared {
    streams: usize,
    direct: Vec<Latency>,
    gateway: Vec<Latency>,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let plan = match std::env::args().any(|arg| arg == "--quick") {
        true => Plan { rounds: 3, events: 60 },
        false => Plan { rounds: 9, events: 400 },
    };
    let mut results = Vec::new();
    for (streams, pause) in LOADS {
        results.push(compare(&plan, streams, pause).await);
    }
    print_table(&results);
    println!("{}", json(&plan, &results));
}

async fn compare(plan: &Plan, streams: usize, pause: Duration) -> Compared {
    let provider = Provider::plain(Answer::sse(plan.events, pause)).await;
    let (sluice, _dir) = start_before(&provider).await;
    let (direct, gateway) = (provider.address(), sluice.listener("http"));
    let mut compared = Compared { streams, direct: Vec::new(), gateway: Vec::new() };
    // The first round warms up and is thrown away.
    for round in 0..=plan.rounds {
        // In turns, each as often the first.
        let (first, second) = if round.is_multiple_of(2) { (direct, gateway) } else { (gateway, direct) };
        for address in [first, second] {
            let latency = measure(address, streams, pause, plan.events).await;
            let list = if address == direct { &mut compared.direct } else { &mut compared.gateway };
            list.push(latency);
        }
    }
    compared.direct.remove(0);
    compared.gateway.remove(0);
    compared
}

async fn start_before(provider: &Provider) -> (Sluice, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let documents = [
        world::gateway("gw", 8080),
        world::backend("llm", provider.address()),
        world::secret("key", "Bearer key"),
        world::credential_filter("inject", "key", true),
        world::http_route(
            "r",
            "gw",
            &[Rule::forward("/v1", "llm").rewrite("llm.test", "/compatible-mode/v1").extension("inject")],
        ),
    ];
    world::replace(&dir.path().join("world.yaml"), &world::documents(&documents));
    let sluice = Launch::run(&[dir.path()], &[8080]).start().await;
    (sluice, dir)
}

/// Runs streams side by side, their events spread over the pause, and returns what their clients saw.
async fn measure(address: SocketAddr, streams: usize, pause: Duration, events: usize) -> Latency {
    let mut clients = tokio::task::JoinSet::new();
    for index in 0..streams {
        let offset = pause * u32::try_from(index).unwrap() / u32::try_from(streams).unwrap();
        clients.spawn(async move {
            tokio::time::sleep(offset).await;
            stream(address, events).await
        });
    }
    let mut all = Vec::new();
    while let Some(latencies) = clients.join_next().await {
        all.extend(latencies.unwrap());
    }
    Latency { p50: quantile(&mut all, 0.5).unwrap(), p99: quantile(&mut all, 0.99).unwrap() }
}

async fn stream(address: SocketAddr, events: usize) -> Vec<f64> {
    let mut client = Http::http1(address).await;
    let (received, end) = Events::of(client.post("/v1/chat/completions", "{\"stream\":true}").await).rest().await;
    assert_eq!((received.len(), end), (events + 1, StreamEnd::Clean), "a stream was not whole");
    // The first event waits for the answer's head; the last is [DONE] and carries no time.
    received[1..].iter().filter_map(|event| event.latency_micros()).map(|micros| micros as f64).collect()
}

impl Compared {
    fn middle(list: &[Latency]) -> Latency {
        let of = |pick: fn(&Latency) -> f64| median(&mut list.iter().map(pick).collect::<Vec<_>>()).unwrap();
        Latency { p50: of(|latency| latency.p50), p99: of(|latency| latency.p99) }
    }

    /// The difference within each round.
    fn added(&self) -> Vec<Latency> {
        let pairs = self.gateway.iter().zip(&self.direct);
        pairs.map(|(with, without)| Latency { p50: with.p50 - without.p50, p99: with.p99 - without.p99 }).collect()
    }

    fn rows(&self) -> [(&'static str, Latency); 3] {
        [
            ("direct", Self::middle(&self.direct)),
            ("gateway", Self::middle(&self.gateway)),
            ("added", Self::middle(&self.added())),
        ]
    }
}

fn print_table(results: &[Compared]) {
    println!("| streams | path | p50 µs | p99 µs |\n|---|---|---|---|");
    for result in results {
        for (path, latency) in result.rows() {
            println!("| {} | {path} | {:.0} | {:.0} |", result.streams, latency.p50, latency.p99);
        }
    }
}

fn json(plan: &Plan, results: &[Compared]) -> Value {
    let latency = |latency: Latency| json!({ "p50_us": latency.p50, "p99_us": latency.p99 });
    let result = |compared: &Compared| {
        let mut value = json!({ "streams": compared.streams });
        for (path, middle) in compared.rows() {
            value[path] = latency(middle);
        }
        value
    };
    let results: Vec<_> = results.iter().map(result).collect();
    json!({ "bench": "streaming", "rounds": plan.rounds, "events_per_stream": plan.events, "results": results })
}
