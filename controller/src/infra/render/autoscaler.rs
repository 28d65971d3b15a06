//! The HorizontalPodAutoscaler, where `envoyHpa` asks for one.

use k8s_openapi::api::autoscaling::v2::{HorizontalPodAutoscalerBehavior, MetricSpec};
use serde_json::{Value, json};

use super::frame;
use crate::api::{KubernetesProvider, PodAutoscalerSettings};
use crate::infra::defaults;
use crate::infra::manifest::{Manifest, ManifestKind};
use crate::infra::patch;
use crate::infra::plan::Plan;
use crate::infra::problem::Problem;
use crate::infra::shape;

/// `target` is the name of the Deployment.
pub(super) fn render(plan: &Plan, provider: &KubernetesProvider, target: String) -> Result<Option<Manifest>, Problem> {
    let Some(settings) = &provider.envoy_hpa else { return Ok(None) };
    let mut manifest = frame::object(plan, ManifestKind::HorizontalPodAutoscaler, settings.name.as_ref());
    let filled = spec(settings, target).and_then(|spec| {
        manifest.body["spec"] = spec;
        patch::apply(&mut manifest, settings.patch.as_ref())
    });
    filled.map(|()| Some(manifest)).map_err(|problem| problem.within("envoyHpa"))
}

fn spec(settings: &PodAutoscalerSettings, target: String) -> Result<Value, Problem> {
    let PodAutoscalerSettings { min_replicas, max_replicas, metrics, behavior, patch: _, name: _ } = settings;
    if min_replicas.is_some_and(|least| least > *max_replicas) {
        return Err(Problem::new("maxReplicas", "is less than minReplicas", "raise it"));
    }
    let mut spec = json!({
        "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": target },
        "maxReplicas": max_replicas,
    });
    if let Some(least) = min_replicas {
        spec["minReplicas"] = json!(least);
    }
    let given = metrics.as_ref().filter(|list| list.as_array().is_none_or(|list| !list.is_empty()));
    let given = given.map(|list| shape::part::<Vec<MetricSpec>>(list).map_err(|problem| problem.within("metrics")));
    spec["metrics"] = given.unwrap_or_else(|| Ok(defaults::autoscaler_metrics()))?;
    if let Some(behavior) = behavior {
        let checked = shape::part::<HorizontalPodAutoscalerBehavior>(behavior);
        spec["behavior"] = checked.map_err(|problem| problem.within("behavior"))?;
    }
    Ok(spec)
}
