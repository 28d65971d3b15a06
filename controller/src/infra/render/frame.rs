//! What all generated objects have in common: their metadata.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::infra::manifest::{Manifest, ManifestKind};
use crate::infra::naming;
use crate::infra::plan::Plan;
use crate::objects::key::Key;

/// Texts by key.
pub(super) type Texts = BTreeMap<String, String>;

/// An object with metadata only. The labels and annotations of the Gateway give way to `labels` and `annotations`, and
/// all of them to ours.
pub(super) fn object(plan: &Plan, kind: ManifestKind, name: Option<&String>) -> Manifest {
    let key = Key::new(plan.gateway.namespace.as_str(), name.cloned().unwrap_or_else(|| own_name(plan)));
    let mut metadata = json!({
        "name": key.name,
        "namespace": key.namespace,
        "labels": labels(plan, &Texts::new()),
        "ownerReferences": [owner(plan)],
    });
    set_annotations(&mut metadata, plan, &Texts::new());
    let body = json!({ "apiVersion": kind.api_version(), "kind": kind.name(), "metadata": metadata });
    Manifest { kind, key, body }
}

/// The name of all objects that are given no other.
pub(super) fn own_name(plan: &Plan) -> String {
    naming::name(&plan.gateway, &plan.class)
}

/// The labels of an object or a pod: the Gateway's, then its own, then ours.
pub(super) fn labels(plan: &Plan, own: &Texts) -> Texts {
    let mut all = laid_over(&plan.labels, own);
    all.extend(naming::labels(&plan.gateway, &plan.class));
    all
}

/// Gives an object or a pod its annotations: the Gateway's, then its own.
pub(super) fn set_annotations(metadata: &mut Value, plan: &Plan, own: &Texts) {
    let all = laid_over(&plan.annotations, own);
    if !all.is_empty() {
        metadata["annotations"] = json!(all);
    }
}

fn laid_over(below: &Texts, above: &Texts) -> Texts {
    below.iter().chain(above).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// With the Gateway goes all that was made for it. Deletion does not wait for it, which would need a right on the
/// Gateway's finalizers.
fn owner(plan: &Plan) -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "name": plan.gateway.name,
        "uid": plan.uid,
        "controller": true,
    })
}
