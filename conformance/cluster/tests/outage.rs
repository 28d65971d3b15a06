//! Parts of the control plane can be taken away and come back. Runs inside a bed, alone.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::time::Duration;

use sluice_cluster::bed::Bed;
use sluice_cluster::kubectl::Kubectl;
use sluice_testkit::wait::eventually;

/// For what controllers do on a loaded machine.
const LIMIT: Duration = Duration::from_secs(60);

/// One test, since there is one control plane.
#[tokio::test]
async fn what_was_written_outlives_every_outage() {
    let bed = Bed::from_env().unwrap();
    let kubectl = Kubectl::new();
    kubectl.run(&["create", "configmap", "kept"]).await.unwrap();
    let there = async || kubectl.run(&["get", "configmap", "kept", "--request-timeout=2s"]).await.is_ok();

    bed.apiserver().stop().await.unwrap();
    assert!(!there().await, "a stopped API server answers");
    bed.apiserver().start().await.unwrap();
    assert!(there().await, "it is not back though it says so");

    bed.apiserver().kill().await.unwrap();
    assert!(!there().await, "a killed API server answers");
    bed.apiserver().start().await.unwrap();
    assert!(there().await);

    bed.apiserver().pause().await.unwrap();
    assert!(!there().await, "a paused API server answers");
    bed.apiserver().resume().await.unwrap();
    eventually("an answer after the pause", LIMIT, there).await;

    bed.etcd().pause().await.unwrap();
    bed.etcd().resume().await.unwrap();
    bed.controller_manager().stop().await.unwrap();
    kubectl.run(&["create", "namespace", "late"]).await.unwrap();
    bed.controller_manager().start().await.unwrap();
    let account = async || kubectl.run(&["get", "serviceaccount", "default", "-n", "late"]).await.is_ok();
    eventually("the ServiceAccount that the controller manager owes", LIMIT, account).await;
}
