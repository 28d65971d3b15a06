//! Patches of generated objects: `patch` of an EnvoyProxy's `envoyDeployment`, `envoyService` and so on.
//!
//! A JSON merge patch is RFC 7386's. Of a strategic merge patch all is followed but the directives that clients compute
//! for other clients (`$setElementOrder`, `$deleteFromPrimitiveList`), with the merge keys of [`MergeKeys`]; new entries
//! of a list stand behind those that are there. What cannot be followed is a [`Problem`], never a guess.

mod guard;
mod keys;
mod merge;
mod strategic;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{ConfigMap, Service, ServiceAccount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::Value;

use super::manifest::{Manifest, ManifestKind};
use super::problem::Problem;
use super::quantity;
use super::shape;
use crate::api::{MergeType, ObjectPatch};

pub use keys::MergeKeys;

/// Lays one document over another.
///
/// # Errors
/// The strategic patch cannot be followed; the field is one of the patch's.
pub fn merge(original: &mut Value, patch: &Value, kind: MergeType, keys: MergeKeys) -> Result<(), Problem> {
    match kind {
        MergeType::StrategicMerge => strategic::merge(original, patch, keys)?,
        MergeType::JSONMerge => merge::merge(original, patch),
        MergeType::Replace => *original = patch.clone(),
    }
    Ok(())
}

/// Patches a generated object.
///
/// # Errors
/// The patch cannot be followed, changes what a patch may not, or what it makes is no object of its kind. The field is
/// one of the patch's own, such as `patch.value`.
pub(super) fn apply(manifest: &mut Manifest, patch: Option<&ObjectPatch>) -> Result<(), Problem> {
    let Some(ObjectPatch { kind, value }) = patch else { return Ok(()) };
    let (kind, keys) = (kind.unwrap_or(MergeType::StrategicMerge), MergeKeys::of(manifest.kind));
    if kind == MergeType::Replace {
        return Err(Problem::new("patch.type", "an object cannot be replaced", "use StrategicMerge or JSONMerge"));
    }
    if !value.is_object() {
        return Err(Problem::new("patch.value", "is no object", "write the patch as YAML, not as a text"));
    }
    let mut patched = manifest.body.clone();
    merge(&mut patched, value, kind, keys).map_err(|problem| problem.within("patch.value"))?;
    quantity::as_text(&mut patched);
    guard::check(&manifest.body, &patched).map_err(|problem| problem.within("patch.value"))?;
    check(manifest.kind, &patched).map_err(|problem| problem.within("patch.value"))?;
    manifest.body = patched;
    Ok(())
}

fn check(kind: ManifestKind, body: &Value) -> Result<(), Problem> {
    match kind {
        ManifestKind::ServiceAccount => shape::check::<ServiceAccount>(body),
        ManifestKind::ConfigMap => shape::check::<ConfigMap>(body),
        ManifestKind::Service => shape::check::<Service>(body),
        ManifestKind::Deployment => shape::check::<Deployment>(body),
        ManifestKind::DaemonSet => shape::check::<DaemonSet>(body),
        ManifestKind::HorizontalPodAutoscaler => shape::check::<HorizontalPodAutoscaler>(body),
        ManifestKind::PodDisruptionBudget => shape::check::<PodDisruptionBudget>(body),
    }
}
