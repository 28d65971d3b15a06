//! The walk-through as its readers do it: the definitions, `helm install` (or the plain manifests), each file applied
//! in the document's order; a real API server, and pods that are processes. The Gateway gets a Service's address, the
//! conditions are those of the reference, a streamed chat goes through, a real agent too, and in the end nothing is left.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod agent;
mod cluster;
mod outside;
mod steps;

use std::collections::BTreeSet;

use sluice_cluster::command::kubectl;
use sluice_cluster::installation::{self, Way};
use sluice_cluster::inventory::{self, Inventory};
use sluice_cluster::until::until;
use tokio::sync::Mutex;

use outside::Outside;

/// One cluster: one test at a time.
static CLUSTER: Mutex<()> = Mutex::const_new(());

#[tokio::test(flavor = "multi_thread")]
async fn with_helm() {
    let _alone = CLUSTER.lock().await;
    let outside = Outside::start().await;
    let before = prepare().await;
    Way::Helm.install(&[]).await.unwrap();
    let gateway = steps::follow(&outside).await;
    agent::converse(gateway, outside).await;
    steps::keep_the_key().await;
    steps::take_back().await;
    Way::Helm.uninstall().await.unwrap();
    kubectl(&["delete", "namespace", installation::NAMESPACE, steps::NAMESPACE]).await.unwrap();
    nothing_left(&before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_plain_manifests() {
    let _alone = CLUSTER.lock().await;
    let outside = Outside::start().await;
    let before = prepare().await;
    Way::Manifests.install(&[]).await.unwrap();
    steps::follow(&outside).await;
    steps::keep_the_key().await;
    steps::take_back().await;
    Way::Manifests.uninstall().await.unwrap();
    kubectl(&["delete", "namespace", steps::NAMESPACE]).await.unwrap();
    nothing_left(&before).await;
}

/// What is there before Sluice is; the kinds are.
async fn prepare() -> Inventory {
    installation::install_definitions().await.unwrap();
    steps::install_kagent().await;
    inventory::take().await.unwrap()
}

async fn nothing_left(before: &Inventory) {
    let left = async || {
        let after = inventory::take().await.unwrap();
        let left: BTreeSet<_> = after.difference(before).collect();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:#?}")) }
    };
    until("everything to be gone", left).await.unwrap();
}
