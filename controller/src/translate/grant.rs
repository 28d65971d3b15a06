//! References across namespaces: permitted by a ReferenceGrant in the namespace referred to, or not at all.

use crate::api::{ReferenceGrantFrom, ReferenceGrantTo};
use crate::objects::key::Key;
use crate::objects::{Kind, Objects};

/// True when an object of kind `from` in `namespace` may refer to the object `target` of kind `to`.
pub(crate) fn permits(objects: &Objects, (from, namespace): (Kind, &str), (to, target): (Kind, &Key)) -> bool {
    if namespace == target.namespace {
        return true;
    }
    let trusted = |f: &ReferenceGrantFrom| f.group == from.group() && f.kind == from.name() && f.namespace == namespace;
    let opened = |t: &ReferenceGrantTo| {
        t.group == to.group() && t.kind == to.name() && t.name.as_ref().is_none_or(|name| *name == target.name)
    };
    objects
        .reference_grants
        .iter()
        .filter(|(key, _)| key.namespace == target.namespace)
        .any(|(_, grant)| grant.spec.from.iter().any(trusted) && grant.spec.to.iter().any(opened))
}

/// What a refused reference should be told to do.
pub(crate) fn remedy(from: Kind, to: Kind, target: &Key) -> String {
    format!(
        "create a ReferenceGrant in namespace {} from {} to {} {}, or keep both in one namespace",
        target.namespace,
        from.name(),
        to.name(),
        target.name
    )
}
