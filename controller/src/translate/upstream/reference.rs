//! Which object a `backendRef` names.

use crate::api::HTTPBackendRef;
use crate::objects::Kind;
use crate::objects::key::Key;
use crate::translate::backend_tls_policy::Target;

/// The upstream that a reference names, whether there is such a thing or not. Borrowed, so that thousands of routes
/// may ask for one without a copy of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reference<'a> {
    pub(crate) kind: Kind,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) port: Option<u16>,
}

impl<'a> Reference<'a> {
    /// What a reference from a route in `namespace` names; `None` of a kind that is no upstream.
    pub(crate) fn of(given: &'a HTTPBackendRef, namespace: &'a str) -> Option<Self> {
        let HTTPBackendRef { group, kind, name, namespace: other, port, .. } = given;
        let is_meant = |k: &Kind| k.group() == group && k.name() == kind;
        let kind = [Kind::Backend, Kind::Service].into_iter().find(is_meant)?;
        Some(Self { kind, namespace: other.as_deref().unwrap_or(namespace), name, port: *port })
    }

    /// Namespace and name.
    pub(crate) fn key(&self) -> Key {
        Key::new(self.namespace, self.name)
    }

    /// It as what a policy may be for.
    pub(crate) fn target<'s>(&'s self, section: Option<&'s str>) -> Target<'s> {
        let Self { kind, namespace, name, port: _ } = *self;
        Target { kind, namespace, name, section }
    }
}
