//! All routes change again and again while requests go on: none fails, and the last state is in force soon after.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::client::status;
use crate::cluster::AT_ONCE;
use crate::fleet::{self, Fleet};
use crate::load::Load;
use crate::memory;
use crate::objects::{name, spec};
use crate::report::say;
use crate::scale;

/// How long after the last update all of them are in force (the issue's).
const SETTLED: Duration = Duration::from_secs(2);

pub(crate) async fn run() {
    let fleet = Fleet::start("storm").await;
    let processes = [("controller", fleet.controller().pid()), ("replica", memory::replica(&fleet::key(fleet.world)))];
    let before = processes.map(|(_, pid)| memory::of(pid));
    let load = Load::start(fleet.gateway, scale::routes(), scale::load());
    let updates = storm(&fleet).await;
    let ended = Instant::now();
    let last: Vec<usize> = (updates.saturating_sub(AT_ONCE)..updates).collect();
    for update in &last {
        fleet.all_answer(&path(*update), 200).await;
    }
    let took = ended.elapsed();
    say(format_args!("storm: the last {} updates were in force everywhere {took:.1?} after it", last.len()));
    each_route_is_as_it_was_left(&fleet, updates).await;
    load.end().await.is_clean();
    // Time for what was freed to be given back.
    sleep(Duration::from_secs(5)).await;
    for ((what, pid), before) in processes.into_iter().zip(before) {
        let after = memory::of(pid);
        say(format_args!("storm: {what} {before} kB before, {after} kB after ({:.2})", after as f64 / before as f64));
    }
    assert!(took <= SETTLED, "{took:?} from the last update to its being in force");
    fleet.end().await;
}

fn path(update: usize) -> String {
    format!("/storm-{update}")
}

/// Updates as fast as asked for, and as the API server takes them; returns how many.
async fn storm(fleet: &Fleet) -> usize {
    let (since, mut updates, mut running) = (Instant::now(), 0, JoinSet::new());
    let mut ticks = interval(Duration::from_secs(1) / u32::try_from(scale::storm_rate()).unwrap());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    while since.elapsed() < scale::storm() {
        ticks.tick().await;
        if running.len() >= AT_ONCE {
            running.join_next().await.unwrap().unwrap();
        }
        let (cluster, route, path) = (fleet.cluster.clone(), updates % scale::routes(), path(updates));
        running.spawn(async move { cluster.change_route(&name(route), spec(route, Some(&path))).await });
        updates += 1;
    }
    running.join_all().await;
    let rate = updates as f64 / since.elapsed().as_secs_f64();
    say(format_args!("storm: {updates} updates, {rate:.0} in a second ({} asked for)", scale::storm_rate()));
    updates
}

/// The last update of each route is served by each replica, and the one before it is not.
async fn each_route_is_as_it_was_left(fleet: &Fleet, updates: usize) {
    let routes = scale::routes();
    let mut replicas = JoinSet::new();
    for replica in fleet.replicas.clone() {
        replicas.spawn(async move {
            for update in updates.saturating_sub(routes)..updates {
                assert_eq!(status(replica, &path(update)).await, 200, "update {update} at {replica}");
            }
            for update in updates.saturating_sub(2 * routes)..updates.saturating_sub(routes) {
                assert_eq!(status(replica, &path(update)).await, 404, "update {update} at {replica}");
            }
        });
    }
    replicas.join_all().await;
}
