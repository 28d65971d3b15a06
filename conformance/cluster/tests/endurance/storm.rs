//! All routes change again and again while requests go on: none fails, and the last state is in force soon after.

use std::time::Duration;

use sluice_cluster::bed::Bed;
use sluice_testkit::wait::eventually;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::client::status;
use crate::cluster::AT_ONCE;
use crate::etcd::Etcd;
use crate::fleet::{self, Fleet, LIMIT};
use crate::load::Load;
use crate::memory;
use crate::objects::{self, spec};
use crate::report::say;
use crate::scale;

/// How long after the last update all of them are in force (the issue's), from when the API server itself has it: a
/// storm on two cores keeps that busy.
const SETTLED: Duration = Duration::from_secs(2);
/// Memory some time after the storm, of that before (the issue's).
const MEMORY: f64 = 1.1;
/// Kilobytes that a small process may grow by all the same: a few pages here and there are a tenth of it.
const PAGES: u64 = 4096;
/// What the paths of its updates begin with.
const STORM: &str = "storm";

pub(crate) async fn run() {
    let fleet = Fleet::of("storm", scale::routes(), scale::storm_replicas()).await;
    every_route_is_known(&fleet).await;
    let load = Load::start(fleet.gateway, scale::routes(), scale::load());
    let etcd = Etcd::of(fleet.world);
    a_little_of_it(&fleet, &etcd).await;
    let processes = [("controller", fleet.controller().pid()), ("replica", memory::replica(&fleet::key(fleet.world)))];
    let before = processes.map(|(_, pid)| memory::of(pid));
    let done = Done::by(&fleet).await;
    // It watches routes too, to collect those without an owner, and its watch costs the API server as much as one of ours.
    let controller_manager = Bed::from_env().unwrap().controller_manager();
    controller_manager.stop().await.unwrap();
    let updates = storm(&fleet, &etcd, STORM, scale::storm()).await;
    let ended = Instant::now();
    let cluster = fleet.cluster.clone();
    eventually("the API server to know", LIMIT, async || cluster.cached_version().await >= etcd.last_revision()).await;
    say(format_args!("storm: the API server knew of the last update {:.1?} after it", ended.elapsed()));
    let known = Instant::now();
    let last: Vec<usize> = (updates.saturating_sub(AT_ONCE)..updates).collect();
    for update in &last {
        fleet.all_answer(&path(STORM, *update), 200).await;
    }
    let (took, whole) = (known.elapsed(), ended.elapsed());
    say(format_args!(
        "storm: the last {} updates were in force everywhere {took:.1?} after that, {whole:.1?} in all",
        last.len()
    ));
    done.tell(&fleet).await;
    each_route_is_as_it_was_left(&fleet, updates).await;
    for ((what, pid), before) in processes.into_iter().zip(before) {
        // What was freed is given back little by little.
        let most = (before as f64 * MEMORY).max((before + PAGES) as f64);
        let is_back = async || memory::of(pid) as f64 <= most;
        eventually(&format!("the memory of the {what} to be what it was, {before} kB"), LIMIT, is_back).await;
        let (after, since) = (memory::of(pid), ended.elapsed());
        let ratio = after as f64 / before as f64;
        say(format_args!("storm: {what} {before} kB before, {after} kB {since:.0?} after ({ratio:.2})"));
    }
    load.end().await.is_clean();
    controller_manager.start().await.unwrap();
    assert!(took <= SETTLED, "{took:?} from the API server's knowing the last update to its being in force");
    fleet.end().await;
}

/// What a controller has done.
struct Done([u64; 3]);

impl Done {
    async fn by(fleet: &Fleet) -> Self {
        let [translations, updates, writes] =
            ["sluice_translation_seconds_count", "sluice_stream_updates_total", "sluice_status_writes_total"];
        Self([fleet.metric(translations).await, fleet.metric(updates).await, fleet.metric(writes).await])
    }

    /// What it has done since.
    async fn tell(self, fleet: &Fleet) {
        let (Self(before), Self(now)) = (self, Self::by(fleet).await);
        let [translations, updates, writes] = std::array::from_fn(|i| now[i] - before[i]);
        say(format_args!(
            "storm: {translations} translations, {updates} updates of replicas, {writes} statuses written"
        ));
    }
}

/// What is compared is a fleet at work, not one that has just started: it has had changes before.
async fn a_little_of_it(fleet: &Fleet, etcd: &Etcd) {
    let updates = storm(fleet, etcd, "before", scale::storm() / 10).await;
    fleet.all_answer(&path("before", updates - 1), 200).await;
}

fn path(storm: &str, update: usize) -> String {
    format!("/{storm}-{update}")
}

/// Updates as fast as asked for, and as they are taken; returns how many.
async fn storm(fleet: &Fleet, etcd: &Etcd, name: &str, length: Duration) -> usize {
    let (since, mut updates, mut running) = (Instant::now(), 0, JoinSet::new());
    let mut ticks = interval(Duration::from_secs(1) / u32::try_from(scale::storm_rate()).unwrap());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    while since.elapsed() < length {
        ticks.tick().await;
        if running.len() >= AT_ONCE {
            running.join_next().await.unwrap().unwrap();
        }
        let (etcd, route, path) = (etcd.clone(), updates % fleet.routes, path(name, updates));
        running.spawn(async move { etcd.change_route(&objects::name(route), &spec(route, Some(&path))).await });
        updates += 1;
    }
    running.join_all().await;
    let rate = updates as f64 / since.elapsed().as_secs_f64();
    say(format_args!("{name}: {updates} updates, {rate:.0} in a second ({} asked for)", scale::storm_rate()));
    updates
}

/// Each replica has answered for each route, and counts it from then on: what that takes is not the storm's.
async fn every_route_is_known(fleet: &Fleet) {
    let mut replicas = JoinSet::new();
    for replica in fleet.replicas.clone() {
        let routes = fleet.routes;
        replicas.spawn(async move {
            for route in 0..routes {
                assert_eq!(status(replica, &objects::path(route)).await, 200, "route {route} at {replica}");
            }
        });
    }
    replicas.join_all().await;
}

/// The last update of each route is served by each replica, and the one before it is not.
async fn each_route_is_as_it_was_left(fleet: &Fleet, updates: usize) {
    let routes = scale::routes();
    let mut replicas = JoinSet::new();
    for replica in fleet.replicas.clone() {
        replicas.spawn(async move {
            for update in updates.saturating_sub(routes)..updates {
                assert_eq!(status(replica, &path(STORM, update)).await, 200, "update {update} at {replica}");
            }
            for update in updates.saturating_sub(2 * routes)..updates.saturating_sub(routes) {
                assert_eq!(status(replica, &path(STORM, update)).await, 404, "update {update} at {replica}");
            }
        });
    }
    replicas.join_all().await;
}
