//! A controller that starts and is given too short a list, while replicas serve what the one before has told them.

use std::time::Duration;

use kube::Client;
use sluice_cluster::fault::{Fault, FaultProxy};
use sluice_testkit::wait::eventually;
use tokio::time::{Instant, sleep};

use crate::client::status;
use crate::fleet::{Fleet, LIMIT};
use crate::load::Load;
use crate::objects::{name, path, spec};
use crate::report::say;
use crate::scale;

/// From the end of a fault until an edit is in force (the issue's).
const RESYNC: Duration = Duration::from_secs(5);
/// What lists lack, and how many items they keep.
const SHORT: [(&str, usize); 5] =
    [("httproutes", 0), ("httproutes", 7), ("gateways", 0), ("gatewayclasses", 0), ("backends", 0)];

pub(crate) async fn run() {
    let mut fleet = Fleet::start("restart").await;
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    let load = Load::start(fleet.gateway, scale::routes() - SHORT.len(), scale::load());
    for (round, (resource, keep)) in SHORT.into_iter().enumerate() {
        let proxy = FaultProxy::start(Client::try_default().await.unwrap()).await.unwrap();
        std::fs::write(&kubeconfig, proxy.kubeconfig()).unwrap();
        proxy.inject(Fault::ShortLists { resource, keep });
        // What is deleted in earnest while nobody looks, and is in no list either.
        let deleted = scale::routes() - 1 - round;
        fleet.kill_controller().await;
        fleet.cluster.delete_route(&name(deleted)).await;
        fleet.start_controller_behind(&kubeconfig).await;
        nothing_is_lost(&fleet, &proxy).await;
        proxy.clear();
        proxy.expire_watches();
        follows(&fleet, round, deleted).await;
        say(format_args!("restart: lists of {resource} that end after {keep}: nothing was lost"));
    }
    load.end().await.is_clean();
    fleet.end().await;
}

/// The replicas have met the controller that knows too little, and serve what they did. One that knows nothing of their
/// Gateway does not let them in.
async fn nothing_is_lost(fleet: &Fleet, proxy: &FaultProxy) {
    let replicas = fleet.replicas.len() as u64;
    let met = async || {
        let (connected, refused) = ("sluice_stream_replicas", "sluice_stream_refused_total");
        fleet.metric(connected).await == replicas || fleet.metric(refused).await >= replicas
    };
    eventually("all replicas to be back", LIMIT, met).await;
    assert!(proxy.hits() > 0, "no list was too short");
    // Longer than it takes to tell a replica what is wrong.
    sleep(Duration::from_secs(2)).await;
    for replica in &fleet.replicas {
        for route in [0, scale::routes() / 2] {
            assert_eq!(status(*replica, &path(route)).await, 200, "{} at {replica}", path(route));
        }
    }
}

/// Once lists are whole, an edit is in force soon, and so is the deletion.
async fn follows(fleet: &Fleet, round: usize, deleted: usize) {
    let (since, edited) = (Instant::now(), format!("/restart-{round}"));
    fleet.cluster.change_route(&name(0), spec(0, Some(&edited))).await;
    fleet.all_answer(&edited, 200).await;
    fleet.all_answer(&path(deleted), 404).await;
    assert!(since.elapsed() <= RESYNC, "{:?} from whole lists to the edit in force", since.elapsed());
}
