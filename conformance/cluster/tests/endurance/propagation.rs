//! How long a change takes from the API server to all replicas, and how many bytes it is.

use std::net::SocketAddr;
use std::time::Duration;

use sluice_testkit::client::http::Http;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::fleet::{Fleet, LIMIT};
use crate::objects::{name, spec};
use crate::report::say;
use crate::scale;

/// Longest message of one change to one replica (the issue's).
const BYTES: u64 = 100_000;

/// Routes of a small Gateway.
const FEW: usize = 10;

/// Few and many routes, one and many replicas.
pub(crate) async fn run() {
    let (many, replicas) = (scale::routes(), scale::replicas());
    let mut fleet = Fleet::of("propagation", FEW, 1).await;
    say(format_args!("| routes | replicas | changes | p50 | p99 | bytes per change and replica |"));
    say(format_args!("|---|---|---|---|---|---|"));
    measure(&fleet).await;
    fleet.scale_to(replicas).await;
    measure(&fleet).await;
    fleet.grow_to(many).await;
    measure(&fleet).await;
    fleet.scale_to(1).await;
    measure(&fleet).await;
    fleet.end().await;
}

async fn measure(fleet: &Fleet) {
    let (changes, replicas) = (scale::changes(), fleet.replicas.len());
    let before = fleet.metric("sluice_stream_sent_bytes_total").await;
    let mut times = Vec::new();
    for change in 0..changes {
        times.push(time(fleet, change).await);
    }
    let sent = fleet.metric("sluice_stream_sent_bytes_total").await - before;
    let bytes = sent / (changes * replicas) as u64;
    times.sort_unstable();
    let (half, most) = (quantile(&times, 50), quantile(&times, 99));
    say(format_args!("| {} | {replicas} | {changes} | {half:.0?} | {most:.0?} | {bytes} |", fleet.routes));
    // The last change is served, and the one that it replaced is not, if it replaced one.
    fleet.all_answer(&path(fleet, changes - 1), 200).await;
    if let Some(replaced) = (changes - 1).checked_sub(fleet.routes) {
        fleet.all_answer(&path(fleet, replaced), 404).await;
    }
    fleet.all_answer("/nobody-said-this", 404).await;
    assert!(bytes > 0 && bytes <= BYTES, "{bytes} bytes of each change for each replica");
}

/// Another one for each size of the fleet.
fn path(fleet: &Fleet, change: usize) -> String {
    format!("/change-{}-{}-{change}", fleet.routes, fleet.replicas.len())
}

/// From the API server's having it to the last replica's serving it.
async fn time(fleet: &Fleet, change: usize) -> Duration {
    let route = change % fleet.routes;
    let path = path(fleet, change);
    let mut waiting = JoinSet::new();
    for replica in &fleet.replicas {
        waiting.spawn(served(*replica, path.clone(), pause(fleet.replicas.len())));
    }
    let since = Instant::now();
    fleet.cluster.change_route(&name(route), spec(route, Some(&path))).await;
    let last = waiting.join_all().await.into_iter().max().unwrap();
    last - since
}

/// When a replica first answers that path.
async fn served(replica: SocketAddr, path: String, pause: Duration) -> Instant {
    let since = Instant::now();
    let mut http = Http::http1(replica).await;
    loop {
        let answer = http.get(&path).await;
        let status = answer.status;
        answer.whole().await;
        match status.as_u16() {
            200 => return Instant::now(),
            404 => assert!(since.elapsed() < LIMIT, "{path} is not served by {replica} after {LIMIT:?}"),
            other => panic!("{path}: {other} of {replica}"),
        }
        if !http.is_open() {
            http = Http::http1(replica).await;
        }
        sleep(pause).await;
    }
}

/// Questions cost what they measure: the more replicas, the less often each is asked.
fn pause(replicas: usize) -> Duration {
    Duration::from_millis(5).max(Duration::from_millis(1) * u32::try_from(replicas).unwrap())
}

fn quantile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1]
}
