//! The API server goes, flaps and returns; the controller is killed and returns; two controllers. No request fails.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use sluice_cluster::bed::Bed;
use sluice_testkit::wait::eventually;
use tokio::time::{Instant, sleep};

use crate::client::status;
use crate::fleet::{self, Fleet, LIMIT, is_ready};
use crate::load::Load;
use crate::objects::{self, name, spec};
use crate::report::say;
use crate::scale;

/// How long after the API server's return its first change is in force everywhere (the issue's).
const RESYNC: Duration = Duration::from_secs(5);
/// Returns of the API server that do not last.
const FLAPS: usize = 3;
/// Changes of one route under two controllers.
const CHANGES: usize = 10;

pub(crate) async fn run() {
    let mut fleet = Fleet::start("outage").await;
    let load = Load::start(fleet.gateway, scale::routes(), scale::load());
    without_an_api_server(&fleet).await;
    without_a_controller(&mut fleet).await;
    with_two_controllers(&fleet).await;
    load.end().await.is_clean();
    fleet.end().await;
}

async fn without_an_api_server(fleet: &Fleet) {
    let api = Bed::from_env().unwrap().apiserver();
    let since = Instant::now();
    api.stop().await.unwrap();
    sleep(scale::outage()).await;
    for _ in 0..FLAPS {
        api.start().await.unwrap();
        api.kill().await.unwrap();
    }
    api.start().await.unwrap();
    let back = Instant::now();
    say(format_args!("outage: {:.1?} with {FLAPS} returns that did not last", back - since));
    fleet.cluster.change_route(&name(0), spec(0, Some("/after-the-outage"))).await;
    fleet.all_answer("/after-the-outage", 200).await;
    let took = back.elapsed();
    say(format_args!("outage: a change was in force everywhere {took:.1?} after the return"));
    assert!(took <= RESYNC, "{took:?} from the API server's return to the change in force");
}

/// A replica that starts meanwhile is not ready before it knows what to serve.
async fn without_a_controller(fleet: &mut Fleet) {
    fleet.kill_controller().await;
    let mut pod = fleet.template().await;
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["metadata"]["name"] = json!("late");
    fleet.cluster.create(pod).await;
    let late = async || fleet.pod("late").await;
    let up = async || match late().await {
        Some(pod) if pod["status"]["podIP"].is_string() => {
            status((fleet::address(&pod).ip(), 19001).into(), "/ready").await == 503
        }
        _ => false,
    };
    eventually("a replica to say that it is not ready", LIMIT, up).await;
    // Longer than a few of its attempts and of its probe's.
    sleep(Duration::from_secs(5)).await;
    let pod = late().await.unwrap();
    assert!(!is_ready(&pod), "{:#}", pod["status"]);
    assert_eq!(status(fleet::address(&pod), &objects::path(0)).await, 0, "it serves what nobody told it");

    fleet.start_controller().await;
    let since = Instant::now();
    let fleet = &*fleet;
    eventually("it to be ready", LIMIT, async || fleet.pod("late").await.is_some_and(|pod| is_ready(&pod))).await;
    say(format_args!("outage: the late replica was ready {:.1?} after the controller", since.elapsed()));
    assert_eq!(status(fleet::address(&pod), "/after-the-outage").await, 200);
    fleet.cluster.change_route(&name(1), spec(1, Some("/after-the-kill"))).await;
    fleet.all_answer("/after-the-kill", 200).await;
}

/// One of them writes, and once for each change.
async fn with_two_controllers(fleet: &Fleet) {
    let second = fleet::controller(fleet.world, "b", 18001).await;
    fleet.cluster.create(objects::controller_endpoint("b", 18001)).await;
    settled(fleet, &name(1)).await;
    all_replicas_are_told(fleet).await;
    let before = status_writes(fleet.world);
    for change in 0..CHANGES {
        let path = format!("/two-{change}");
        fleet.cluster.change_route(&name(2), spec(2, Some(&path))).await;
        fleet.all_answer(&path, 200).await;
        settled(fleet, &name(2)).await;
    }
    let mut after = status_writes(fleet.world);
    for (object, count) in before {
        after.entry(object).and_modify(|writes| *writes -= count);
    }
    after.retain(|_, writes| *writes > 0);
    say(format_args!("outage: status writes of {CHANGES} changes under two controllers: {after:?}"));
    assert_eq!(after, BTreeMap::from([(format!("httproutes/{}", name(2)), CHANGES)]));
    drop(second);
}

/// Waits until the Gateway's status counts the late replica too.
async fn all_replicas_are_told(fleet: &Fleet) {
    let all = fleet.replicas.len() + 1;
    let told = async || {
        let gateway = fleet.cluster.object("Gateway", objects::GATEWAY).await;
        let conditions = gateway["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let says = |condition: &Value| condition["message"].as_str().unwrap_or_default().to_owned();
        conditions.iter().any(|condition| says(condition).ends_with(&format!("{all}/{all} replicas")))
    };
    eventually("the Gateway to count all replicas", LIMIT, told).await;
}

/// Waits until a route's status is that of its present generation, and the controller has nothing more to write.
async fn settled(fleet: &Fleet, route: &str) {
    let current = async || {
        let route = fleet.cluster.object("HTTPRoute", route).await;
        let conditions = route["status"]["parents"][0]["conditions"].as_array().cloned().unwrap_or_default();
        let generation = &route["metadata"]["generation"];
        let told = conditions.iter().any(|condition| condition["observedGeneration"] == *generation);
        told && fleet.metric("sluice_status_waiting").await == 0
    };
    eventually(&format!("the status of {route}"), LIMIT, current).await;
}

/// How often the status of each of our objects was written so far, by the audit log.
fn status_writes(namespace: &str) -> BTreeMap<String, usize> {
    let mut writes = BTreeMap::new();
    for request in Bed::from_env().unwrap().audit_log().requests().unwrap() {
        let is_write = matches!(request.verb.as_str(), "patch" | "update") && request.code() < 300;
        let Some(object) = request.object_ref.filter(|_| is_write) else { continue };
        let ours = ["gateway.networking.k8s.io", "gateway.envoyproxy.io"].contains(&object.api_group.as_str());
        if ours && object.subresource == "status" && object.namespace == namespace {
            *writes.entry(format!("{}/{}", object.resource, object.name)).or_default() += 1;
        }
    }
    writes
}
