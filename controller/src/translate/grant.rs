//! References across namespaces: permitted by a ReferenceGrant in the namespace referred to, or not at all.

use crate::api::{ReferenceGrantFrom, ReferenceGrantTo};
use crate::objects::key::Key;
use crate::objects::{Kind, Objects};

/// What a reference points at, whether there is such a thing or not.
#[derive(Clone, Copy)]
pub(crate) struct Referent<'a> {
    pub(crate) group: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) key: &'a Key,
}

impl<'a> Referent<'a> {
    /// An object of one of our kinds.
    pub(crate) fn of(kind: Kind, key: &'a Key) -> Self {
        Self { group: kind.group(), kind: kind.name(), key }
    }
}

/// True when an object of kind `from` in `namespace` may refer to `to`.
pub(crate) fn permits(objects: &Objects, (from, namespace): (Kind, &str), to: Referent<'_>) -> bool {
    if namespace == to.key.namespace {
        return true;
    }
    let trusted = |f: &ReferenceGrantFrom| f.group == from.group() && f.kind == from.name() && f.namespace == namespace;
    let opened = |t: &ReferenceGrantTo| {
        t.group == to.group && t.kind == to.kind && t.name.as_ref().is_none_or(|name| *name == to.key.name)
    };
    let first = Key::new(to.key.namespace.as_str(), "");
    objects
        .reference_grants
        .range(first..)
        .take_while(|(key, _)| key.namespace == to.key.namespace)
        .any(|(_, grant)| grant.spec.from.iter().any(trusted) && grant.spec.to.iter().any(opened))
}

/// What a refused reference should be told to do.
pub(crate) fn remedy(from: Kind, to: Referent<'_>) -> String {
    let Referent { kind, key: Key { namespace, name }, .. } = to;
    let from = from.name();
    format!(
        "create a ReferenceGrant in namespace {namespace} from {from} to {kind} {name}, or keep both in one namespace"
    )
}
