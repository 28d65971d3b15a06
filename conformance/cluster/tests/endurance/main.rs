//! What lasts: a fleet of data planes while the API server is away, the controller dies, and everything changes at once.
//! Runs inside a bed. Each test is short by default; `scale.rs` says how to make it long and large.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod backend;
mod client;
mod cluster;
mod etcd;
mod fleet;
mod load;
mod memory;
mod objects;
mod outage;
mod propagation;
mod report;
mod restart;
mod scale;
mod storm;

use tokio::sync::Mutex;

/// One API server, whose absence all would feel: one test at a time.
static CLUSTER: Mutex<()> = Mutex::const_new(());

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_fails_while_the_api_server_or_the_controller_is_away() {
    let _alone = CLUSTER.lock().await;
    outage::run().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_short_list_after_a_restart_is_no_deletion() {
    let _alone = CLUSTER.lock().await;
    restart::run().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_change_reaches_all_replicas() {
    let _alone = CLUSTER.lock().await;
    propagation::run().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn after_a_storm_of_changes_the_last_state_is_in_force() {
    let _alone = CLUSTER.lock().await;
    storm::run().await;
}
