//! The ServiceAccount: who a data plane is. It has no rights in the cluster, and no token but the one that its pods ask for.

use serde_json::json;

use super::frame;
use crate::infra::manifest::{Manifest, ManifestKind};
use crate::infra::plan::Plan;

/// Its name is always the generated one: the controller knows a data plane by it.
pub(super) fn render(plan: &Plan) -> Manifest {
    let mut manifest = frame::object(plan, ManifestKind::ServiceAccount, None);
    manifest.body["automountServiceAccountToken"] = json!(false);
    manifest
}
