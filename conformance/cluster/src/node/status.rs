//! A pod's status from what is known of its containers.

use std::net::Ipv4Addr;

use k8s_openapi::api::core::v1::{Container, ContainerStatus, HostIP, Pod, PodCondition, PodIP, PodSpec, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use crate::node::address;
use crate::node::report::{Report, State};

/// What is known of a pod.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    /// Its address, once it has one.
    pub(crate) address: Option<Ipv4Addr>,
    /// When it came to the node.
    pub(crate) since: Timestamp,
    /// Its init containers, in the spec's order.
    pub(crate) init: Vec<Report>,
    /// Its containers, in the spec's order.
    pub(crate) main: Vec<Report>,
    /// It is being deleted.
    pub(crate) ending: bool,
}

/// The status to write. `before` is the one written last: times of conditions that did not change are its.
pub(crate) fn status(pod: &Pod, known: &Known, before: Option<&PodStatus>) -> PodStatus {
    let spec = pod.spec.clone().unwrap_or_default();
    let old = before.or(pod.status.as_ref());
    let initialized = known.init.iter().all(Report::succeeded);
    let phase = phase(&spec, known);
    let ready = phase == "Running" && !known.ending && known.main.iter().all(|report| report.ready);
    let unready = unready(&spec, known);
    let condition = |type_: &str, holds: bool, (reason, message): (&str, &str)| {
        let reason = Some(reason.to_owned()).filter(|reason| !holds && !reason.is_empty());
        let message = Some(message.to_owned()).filter(|message| !holds && !message.is_empty());
        let condition = PodCondition {
            type_: type_.to_owned(),
            status: if holds { "True" } else { "False" }.to_owned(),
            reason,
            message,
            ..PodCondition::default()
        };
        since(condition, old)
    };
    let over = matches!(phase, "Succeeded" | "Failed");
    let why = if over { ("PodCompleted", String::new()) } else { ("ContainersNotReady", unready) };
    let why = (why.0, why.1.as_str());
    let uid = pod.metadata.uid.as_deref().unwrap_or_default();
    PodStatus {
        phase: Some(phase.to_owned()),
        start_time: Some(Time(known.since)),
        host_ip: Some(address::NODE.to_string()),
        host_ips: Some(vec![HostIP { ip: address::NODE.to_string() }]),
        pod_ip: known.address.map(|address| address.to_string()),
        pod_ips: known.address.map(|address| vec![PodIP { ip: address.to_string() }]),
        conditions: Some(vec![
            condition("PodScheduled", true, ("", "")),
            condition("Initialized", initialized, ("ContainersNotInitialized", "init containers have not completed")),
            condition("ContainersReady", ready, why),
            condition("Ready", ready, why),
        ]),
        init_container_statuses: statuses(
            spec.init_containers.as_deref().unwrap_or_default(),
            &known.init,
            (uid, false),
        ),
        container_statuses: statuses(&spec.containers, &known.main, (uid, known.ending)),
        qos_class: old.and_then(|old| old.qos_class.clone()),
        ..PodStatus::default()
    }
}

/// The kubelet's rule: a container that has never run makes it Pending, one that runs or will run again Running.
fn phase(spec: &PodSpec, known: &Known) -> &'static str {
    let restarts = spec.restart_policy.as_deref().unwrap_or("Always");
    if known.init.iter().any(|report| report.terminated() && !report.succeeded() && restarts == "Never") {
        return "Failed";
    }
    let fresh = |report: &Report| matches!(report.state, State::Waiting { .. }) && report.last.is_none();
    if !known.init.iter().all(Report::succeeded) || known.main.iter().any(fresh) {
        return "Pending";
    }
    let over = |report: &Report| match restarts {
        "Always" => false,
        "OnFailure" => report.succeeded(),
        _ => report.terminated(),
    };
    match known.main.iter().all(over) {
        false => "Running",
        true if known.main.iter().all(Report::succeeded) => "Succeeded",
        true => "Failed",
    }
}

fn unready(spec: &PodSpec, known: &Known) -> String {
    let pairs = spec.containers.iter().zip(&known.main);
    let names: Vec<_> =
        pairs.filter(|(_, report)| !report.ready).map(|(container, _)| container.name.as_str()).collect();
    format!("containers with unready status: [{}]", names.join(" "))
}

fn since(mut condition: PodCondition, old: Option<&PodStatus>) -> PodCondition {
    let old = old.and_then(|old| old.conditions.as_deref()).unwrap_or_default();
    let same = old.iter().find(|old| old.type_ == condition.type_ && old.status == condition.status);
    let time = same.and_then(|same| same.last_transition_time.clone());
    condition.last_transition_time = Some(time.unwrap_or_else(|| Time(Timestamp::now())));
    condition
}

fn statuses(containers: &[Container], reports: &[Report], (uid, ending): (&str, bool)) -> Option<Vec<ContainerStatus>> {
    let all = containers.iter().zip(reports).map(|(container, report)| {
        let image = container.image.as_deref().unwrap_or_default();
        let mut status = report.status((&container.name, image, uid));
        status.ready &= !ending;
        status
    });
    Some(all.collect::<Vec<_>>()).filter(|all| !all.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::node::report::Ended;

    fn report(state: &str) -> Report {
        let now = Timestamp::UNIX_EPOCH;
        let ended = |code| State::Terminated(Ended { code, started: now, finished: now });
        let (state, ready, last) = match state {
            "ready" => (State::Running { since: now }, true, None),
            "running" => (State::Running { since: now }, false, None),
            "done" => (ended(0), false, None),
            "failed" => (ended(1), false, None),
            "crashed" => {
                let last = Ended { code: 1, started: now, finished: now };
                (State::Waiting { reason: "CrashLoopBackOff", message: String::new() }, false, Some(last))
            }
            _ => (State::Waiting { reason: "ContainerCreating", message: String::new() }, false, None),
        };
        Report { state, last, restarts: 0, started: ready, ready }
    }

    fn made(policy: &str, init: &[&str], main: &[&str], ending: bool) -> PodStatus {
        let named = |names: &[&str]| names.iter().map(|name| json!({"name": name, "image": "i"})).collect::<Vec<_>>();
        let pod = json!({"spec": {"restartPolicy": policy, "initContainers": named(init), "containers": named(main)}});
        let reports = |states: &[&str]| states.iter().map(|state| report(state)).collect();
        let since = Timestamp::UNIX_EPOCH;
        let known = Known { address: Some(address::DNS), since, init: reports(init), main: reports(main), ending };
        status(&serde_json::from_value(pod).unwrap(), &known, None)
    }

    fn holds(status: &PodStatus, type_: &str) -> bool {
        status.conditions.iter().flatten().any(|condition| condition.type_ == type_ && condition.status == "True")
    }

    #[track_caller]
    fn check(policy: &str, (init, main): (&[&str], &[&str]), expected: (&str, bool)) {
        let status = made(policy, init, main, false);
        assert_eq!((status.phase.as_deref().unwrap(), holds(&status, "Ready")), expected);
    }

    #[test]
    fn phases() {
        check("Always", (&[], &["new"]), ("Pending", false));
        check("Always", (&[], &["running"]), ("Running", false));
        check("Always", (&[], &["ready"]), ("Running", true));
        check("Always", (&[], &["ready", "new"]), ("Pending", false));
        check("Always", (&[], &["ready", "crashed"]), ("Running", false));
        check("Always", (&["running"], &["new"]), ("Pending", false));
        check("Always", (&["done"], &["ready"]), ("Running", true));
        check("Never", (&["failed"], &["new"]), ("Failed", false));
        check("Never", (&[], &["done"]), ("Succeeded", false));
        check("Never", (&[], &["done", "failed"]), ("Failed", false));
        check("OnFailure", (&[], &["done", "crashed"]), ("Running", false));
    }

    #[test]
    fn a_pod_that_ends_is_not_ready() {
        let status = made("Always", &[], &["ready"], true);
        assert!(!holds(&status, "Ready"));
        assert!(holds(&status, "PodScheduled"));
        assert!(!status.container_statuses.unwrap()[0].ready);
    }

    #[test]
    fn times_move_with_the_condition_only() {
        let pod = Pod::default();
        let known = |ready: &str| {
            let main = vec![report(ready)];
            Known { address: None, since: Timestamp::UNIX_EPOCH, init: Vec::new(), main, ending: false }
        };
        let time = |status: &PodStatus, type_: &str| {
            let condition = status.conditions.iter().flatten().find(|condition| condition.type_ == type_).unwrap();
            condition.last_transition_time.clone().unwrap()
        };
        let first = status(&pod, &known("running"), None);
        let second = status(&pod, &known("ready"), Some(&first));
        assert_eq!(time(&first, "PodScheduled"), time(&second, "PodScheduled"));
        assert!(time(&first, "Ready") < time(&second, "Ready"));
    }
}
