//! What a patch may not change: who an object is, whose it is, and by what it and its pods are found.

use serde_json::Value;

use crate::infra::naming;
use crate::infra::problem::Problem;

/// Fields that stay as they are.
const FIXED: [&str; 7] = [
    "/apiVersion",
    "/kind",
    "/metadata/name",
    "/metadata/namespace",
    "/metadata/ownerReferences",
    "/spec/selector",
    "/spec/template/spec/serviceAccountName",
];

/// Where labels of ours stand.
const LABELS: [&str; 2] = ["/metadata/labels", "/spec/template/metadata/labels"];

/// Holds the patched object against what was generated.
pub(super) fn check(generated: &Value, patched: &Value) -> Result<(), Problem> {
    if let Some(fixed) = FIXED.iter().find(|field| generated.pointer(field) != patched.pointer(field)) {
        return Err(Problem::new(path(fixed), "is not for a patch to change", "leave it out of the patch"));
    }
    for field in LABELS {
        let labels = |object: &Value| object.pointer(field).and_then(Value::as_object).cloned().unwrap_or_default();
        let (generated, patched) = (labels(generated), labels(patched));
        let changed = |name: &&String| naming::is_ours(name) && generated.get(*name) != patched.get(*name);
        if let Some(name) = generated.keys().find(changed) {
            let message = format!("label {name} is not for a patch to change");
            return Err(Problem::new(path(field), message, "leave it out of the patch"));
        }
    }
    nameless_images(patched)
}

/// A container of a patch that has no image was meant to be one that is there, under another name.
fn nameless_images(patched: &Value) -> Result<(), Problem> {
    let containers = patched.pointer("/spec/template/spec/containers").and_then(Value::as_array);
    let without = containers.into_iter().flatten().find(|container| container.get("image").is_none());
    without.map_or(Ok(()), |container| {
        let name = container.get("name").and_then(Value::as_str).unwrap_or_default();
        let message = format!("container {name} has no image");
        Err(Problem::new("spec.template.spec.containers", message, "the data plane's container is called envoy"))
    })
}

fn path(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}
