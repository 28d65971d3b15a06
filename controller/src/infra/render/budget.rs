//! The PodDisruptionBudget, where `envoyPDB` asks for one.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::json;

use super::frame;
use crate::api::{DisruptionBudgetSettings, KubernetesProvider};
use crate::infra::manifest::{Manifest, ManifestKind};
use crate::infra::naming;
use crate::infra::patch;
use crate::infra::plan::Plan;
use crate::infra::problem::Problem;
use crate::infra::shape;

pub(super) fn render(plan: &Plan, provider: &KubernetesProvider) -> Result<Option<Manifest>, Problem> {
    let Some(settings) = &provider.envoy_pdb else { return Ok(None) };
    let DisruptionBudgetSettings { min_available, max_unavailable, patch, name } = settings;
    if min_available.is_none() && max_unavailable.is_none() && patch.is_none() {
        return Ok(None);
    }
    let mut manifest = frame::object(plan, ManifestKind::PodDisruptionBudget, name.as_ref());
    manifest.body["spec"] = json!({ "selector": { "matchLabels": naming::selector(&plan.gateway) } });
    fill(&mut manifest, settings).map(|()| Some(manifest)).map_err(|problem| problem.within("envoyPDB"))
}

fn fill(manifest: &mut Manifest, settings: &DisruptionBudgetSettings) -> Result<(), Problem> {
    let limits = [("minAvailable", &settings.min_available), ("maxUnavailable", &settings.max_unavailable)];
    for (name, limit) in limits.into_iter().filter_map(|(name, limit)| Some((name, limit.as_ref()?))) {
        manifest.body["spec"][name] = shape::part::<IntOrString>(limit).map_err(|problem| problem.within(name))?;
    }
    if settings.min_available.is_some() && settings.max_unavailable.is_some() {
        return Err(Problem::new("maxUnavailable", "stands beside minAvailable", "keep one of the two"));
    }
    patch::apply(manifest, settings.patch.as_ref())
}
