//! The controller may do in the cluster what it does there, and nothing else; a data plane may do nothing; and nobody who
//! is not a data plane learns anything (the issue's sixth "must show").
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod door;
mod exercise;
mod granted;
mod pods;
mod strangers;

use std::collections::BTreeSet;

use sluice_cluster::bed::Bed;
use sluice_cluster::command::kubectl;
use sluice_cluster::installation::{NAMESPACE, Way, rolled_out};
use sluice_cluster::until::until;

use granted::{compare, tally};
use strangers::Cast;

/// One test, since the log is one: all that happens to the controller is in it.
#[tokio::test(flavor = "multi_thread")]
async fn roles_grant_what_is_used_and_strangers_get_nothing() {
    Way::Helm.install(&["replicas=2"]).await.unwrap();
    without_probes().await;
    exercise::build().await;
    let cast = Cast::of(("kagent", "one"), ("kagent", "other")).await;
    strangers::get_nothing_from_the_stream(&cast, &exercise::leader().await, "kagent/one").await;
    strangers::get_nothing_from_any_port(&cast).await;
    strangers::get_nothing_from_the_cluster(&cast.one, "system:serviceaccount:kagent:one-ack-gateway").await;
    exercise::rebuild().await;
    exercise::lose_sight_of_everything().await;
    each_grant_is_used_and_no_other().await;
}

/// The controllers are going to be stopped for longer than a kubelet would bear.
async fn without_probes() {
    let patch = r#"[{"op":"remove","path":"/spec/template/spec/containers/0/livenessProbe"}]"#;
    let deployment = "deployment/sluice-controller";
    kubectl(&["-n", NAMESPACE, "patch", deployment, "--type=json", "-p", patch]).await.unwrap();
    rolled_out(NAMESPACE, "sluice-controller").await.unwrap();
}

async fn each_grant_is_used_and_no_other() {
    let (log, grants) = (Bed::from_env().unwrap().audit_log(), granted::grants().await);
    let compared = until("every grant to be used", async || {
        let found = compare(&grants, &log.requests().unwrap());
        if found.unused.is_empty() { Ok(found) } else { Err(format!("not yet: {:#?}", found.unused)) }
    });
    let found = compared.await.unwrap();
    let made = tally(&log.requests().unwrap());
    assert_eq!(found.strange, BTreeSet::new(), "used, and not by our roles; in all: {made:#?}");
    assert_eq!(found.forbidden, Vec::<String>::new(), "refused; in all: {made:#?}");
}
