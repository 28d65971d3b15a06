//! The pods of a data plane. Nothing in here comes from listeners or routes: no edit of theirs restarts a pod.

use k8s_openapi::api::core::v1::{
    Affinity, Container, LocalObjectReference, PodSecurityContext, Toleration, TopologySpreadConstraint, Volume,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::arguments;
use super::container;
use super::frame::{self, Texts};
use crate::api::{ContainerSettings, MergeType, PodSettings};
use crate::infra::defaults;
use crate::infra::patch::{self, MergeKeys};
use crate::infra::plan::{ADMIN_PORT, Plan, shifts_low_ports};
use crate::infra::problem::Problem;
use crate::infra::settings::Settings;
use crate::infra::shape;

/// What an EnvoyProxy says of a pod.
pub(super) struct PodParts {
    pub(super) pod: PodSettings,
    pub(super) container: ContainerSettings,
    pub(super) init_containers: Option<Value>,
}

/// The pod template. The field of a problem is one of `envoyDeployment`'s, such as `pod.affinity`.
pub(super) fn template(plan: &Plan, settings: &Settings, parts: &PodParts) -> Result<Value, Problem> {
    let PodParts { pod, container, init_containers } = parts;
    let mut metadata = json!({ "labels": frame::labels(plan, &pod.labels) });
    let annotations = scraped().into_iter().chain(pod.annotations.clone()).collect();
    frame::set_annotations(&mut metadata, plan, &annotations);
    let mut spec = json!({
        "serviceAccountName": frame::own_name(plan),
        "automountServiceAccountToken": false,
        "terminationGracePeriodSeconds": arguments::termination_grace_period(plan).as_secs(),
        "securityContext": security(plan, pod.security_context.as_ref()).map_err(|p| p.within("pod.securityContext"))?,
        "containers": [container::render(plan, settings, container).map_err(|p| p.within("container"))?],
        "volumes": volumes(plan, pod.volumes.as_ref()).map_err(|p| p.within("pod.volumes"))?,
    });
    if let Some(given) = init_containers {
        spec["initContainers"] = shape::part::<Vec<Container>>(given).map_err(|p| p.within("initContainers"))?;
    }
    if !settings.image_pull_secrets.is_empty() {
        spec["imagePullSecrets"] = settings.image_pull_secrets.iter().map(|name| json!({ "name": name })).collect();
    }
    placement(pod, &mut spec).map_err(|problem| problem.within("pod"))?;
    Ok(json!({ "metadata": metadata, "spec": spec }))
}

/// Where pods run and what their images are fetched with, as it is given.
fn placement(pod: &PodSettings, spec: &mut Value) -> Result<(), Problem> {
    let mut copy = |name: &'static str, value: Option<Value>| {
        if let Some(value) = value {
            spec[name] = value;
        }
    };
    copy("affinity", part::<Affinity>("affinity", pod.affinity.as_ref())?);
    copy("tolerations", part::<Vec<Toleration>>("tolerations", pod.tolerations.as_ref())?);
    copy("imagePullSecrets", part::<Vec<LocalObjectReference>>("imagePullSecrets", pod.image_pull_secrets.as_ref())?);
    let spread = pod.topology_spread_constraints.as_ref();
    copy("topologySpreadConstraints", part::<Vec<TopologySpreadConstraint>>("topologySpreadConstraints", spread)?);
    copy("nodeSelector", pod.node_selector.as_ref().map(|selector| json!(selector)));
    copy("priorityClassName", pod.priority_class_name.as_ref().map(|name| json!(name)));
    Ok(())
}

fn part<T: DeserializeOwned>(name: &str, value: Option<&Value>) -> Result<Option<Value>, Problem> {
    value.map(|value| shape::part::<T>(value)).transpose().map_err(|problem| problem.within(name))
}

/// What is given is laid over what is safe: who sets a user keeps the rest.
fn security(plan: &Plan, given: Option<&Value>) -> Result<Value, Problem> {
    let mut context = defaults::pod_security();
    if !shifts_low_ports(&plan.proxy) {
        // A safe sysctl: it lets pods bind low ports without a capability.
        context["sysctls"] = json!([{ "name": "net.ipv4.ip_unprivileged_port_start", "value": "0" }]);
    }
    if let Some(given) = given {
        let given = shape::part::<PodSecurityContext>(given)?;
        patch::merge(&mut context, &given, MergeType::JSONMerge, MergeKeys::Metadata)?;
    }
    Ok(context)
}

/// The authority and the token, and what is given; one of the same name replaces ours, as in Envoy Gateway.
fn volumes(plan: &Plan, given: Option<&Value>) -> Result<Value, Problem> {
    let token = json!({ "audience": "sluice.dev/controller", "expirationSeconds": 3600, "path": "token" });
    let ours = [
        json!({ "name": container::CA_VOLUME, "configMap": { "name": frame::own_name(plan) } }),
        json!({ "name": container::TOKEN_VOLUME, "projected": { "sources": [{ "serviceAccountToken": token }] } }),
    ];
    let given = given.map(shape::part::<Vec<Volume>>).transpose()?;
    Ok(container::amended(ours.to_vec(), given, "name"))
}

fn scraped() -> Texts {
    let entries = [
        ("prometheus.io/scrape", "true"),
        ("prometheus.io/path", "/metrics"),
        ("prometheus.io/port", &ADMIN_PORT.to_string()),
    ];
    entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}
