//! The Deployment, or the DaemonSet where `envoyDaemonSet` asks for one.

use k8s_openapi::api::apps::v1::{DaemonSetUpdateStrategy, DeploymentStrategy};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::frame;
use super::pod::{self, PodParts};
use crate::api::{DaemonSetSettings, DeploymentSettings, KubernetesProvider};
use crate::infra::defaults;
use crate::infra::manifest::{Manifest, ManifestKind};
use crate::infra::naming;
use crate::infra::patch;
use crate::infra::plan::Plan;
use crate::infra::problem::Problem;
use crate::infra::settings::Settings;
use crate::infra::shape;

pub(super) fn render(plan: &Plan, settings: &Settings, provider: &KubernetesProvider) -> Result<Manifest, Problem> {
    match (&provider.envoy_deployment, &provider.envoy_daemon_set) {
        (Some(_), Some(_)) => {
            Err(Problem::new("envoyDaemonSet", "stands beside envoyDeployment", "keep one of the two"))
        }
        (None, Some(_)) if provider.envoy_hpa.is_some() => {
            Err(Problem::new("envoyHpa", "cannot scale a DaemonSet", "use envoyDeployment"))
        }
        (None, Some(given)) => daemon_set(plan, settings, given).map_err(|problem| problem.within("envoyDaemonSet")),
        (given, None) => {
            let given = given.clone().unwrap_or_default();
            let scaled = provider.envoy_hpa.is_some();
            let made = deployment(plan, settings, (&given, scaled));
            made.map_err(|problem| problem.within("envoyDeployment"))
        }
    }
}

/// Replicas are the autoscaler's to count where there is one: the field is left out, so that it is not ours.
fn deployment(
    plan: &Plan,
    settings: &Settings,
    (given, scaled): (&DeploymentSettings, bool),
) -> Result<Manifest, Problem> {
    let DeploymentSettings { patch, replicas, strategy, pod, container, init_containers, name } = given;
    let mut manifest = frame::object(plan, ManifestKind::Deployment, name.as_ref());
    let init_containers = init_containers.clone();
    let parts = PodParts {
        pod: pod.clone().unwrap_or_default(),
        container: container.clone().unwrap_or_default(),
        init_containers,
    };
    manifest.body["spec"] = json!({
        "selector": { "matchLabels": naming::selector(&plan.gateway) },
        "strategy": strategy_of::<DeploymentStrategy>(strategy.as_ref(), defaults::deployment_strategy)?,
        "template": pod::template(plan, settings, &parts)?,
    });
    if !scaled {
        manifest.body["spec"]["replicas"] = json!(replicas.unwrap_or(1));
    }
    patch::apply(&mut manifest, patch.as_ref()).map(|()| manifest)
}

fn daemon_set(plan: &Plan, settings: &Settings, given: &DaemonSetSettings) -> Result<Manifest, Problem> {
    let DaemonSetSettings { patch, strategy, pod, container, name } = given;
    let mut manifest = frame::object(plan, ManifestKind::DaemonSet, name.as_ref());
    let parts = PodParts {
        pod: pod.clone().unwrap_or_default(),
        container: container.clone().unwrap_or_default(),
        init_containers: None,
    };
    manifest.body["spec"] = json!({
        "selector": { "matchLabels": naming::selector(&plan.gateway) },
        "updateStrategy": strategy_of::<DaemonSetUpdateStrategy>(strategy.as_ref(), defaults::daemon_set_strategy)?,
        "template": pod::template(plan, settings, &parts)?,
    });
    patch::apply(&mut manifest, patch.as_ref()).map(|()| manifest)
}

fn strategy_of<T: DeserializeOwned>(given: Option<&Value>, default: fn() -> Value) -> Result<Value, Problem> {
    let given = given.map(|value| shape::part::<T>(value).map_err(|problem| problem.within("strategy")));
    given.unwrap_or_else(|| Ok(default()))
}
