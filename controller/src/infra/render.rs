//! The objects of one Gateway.

mod account;
mod arguments;
mod authority;
mod autoscaler;
mod budget;
mod container;
mod frame;
mod pod;
mod service;
mod workload;

use super::manifest::Manifest;
use super::plan::Plan;
use super::problem::Problem;
use super::settings::Settings;
use crate::api::{KubernetesProvider, ProviderType};

/// Makes the objects of a Gateway, in the order in which they are to be applied.
///
/// # Errors
/// The EnvoyProxy cannot be followed; the field is one of its own, from `spec` on.
pub fn render(plan: &Plan, settings: &Settings) -> Result<Vec<Manifest>, Problem> {
    let provider = provider(plan)?;
    let within = |problem: Problem| problem.within("spec.provider.kubernetes");
    let workload = workload::render(plan, settings, &provider).map_err(within)?;
    let target = workload.key.name.clone();
    let objects = [
        Some(account::render(plan)),
        Some(authority::render(plan, settings)),
        Some(service::render(plan, &provider).map_err(within)?),
        Some(workload),
        autoscaler::render(plan, &provider, target).map_err(within)?,
        budget::render(plan, &provider).map_err(within)?,
    ];
    Ok(objects.into_iter().flatten().collect())
}

/// What is asked of Kubernetes; nothing in particular where no provider is named.
fn provider(plan: &Plan) -> Result<KubernetesProvider, Problem> {
    match &plan.proxy.provider {
        None => Ok(KubernetesProvider::default()),
        Some(provider) if provider.kind == ProviderType::Host => {
            Err(Problem::new("spec.provider.type", "is Host, though this is Kubernetes", "use Kubernetes"))
        }
        Some(provider) => Ok(provider.kubernetes.clone().unwrap_or_default()),
    }
}
