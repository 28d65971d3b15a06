//! What the translation of a route looks things up in.

use crate::objects::Objects;
use crate::translate::backend::JudgedBackends;
use crate::translate::backend_tls_policy::TlsPolicies;

/// The objects, and the verdicts on those that routes refer to.
#[derive(Clone, Copy)]
pub(crate) struct World<'a> {
    pub(crate) objects: &'a Objects,
    pub(crate) backends: &'a JudgedBackends,
    pub(crate) tls_policies: &'a TlsPolicies<'a>,
}
