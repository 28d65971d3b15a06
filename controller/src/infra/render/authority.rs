//! The ConfigMap with the authority that replicas check their controller by.

use serde_json::json;

use super::frame;
use crate::infra::manifest::{Manifest, ManifestKind};
use crate::infra::plan::Plan;
use crate::infra::settings::Settings;

/// Public, and mounted rather than written into the pod, so that a new authority restarts no pod.
pub(super) fn render(plan: &Plan, settings: &Settings) -> Manifest {
    let mut manifest = frame::object(plan, ManifestKind::ConfigMap, None);
    manifest.body["data"] = json!({ "ca.crt": settings.ca_pem });
    manifest
}
