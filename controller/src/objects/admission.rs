//! What an API server would refuse: the rules of the CRDs' schemas that the types do not hold.
//!
//! Sources: schemas and validation rules of Gateway API v1.6.1 (experimental channel), Envoy Gateway v1.9.0 and Kubernetes;
//! the messages are our own. Rules that need a second object are translation's.

mod backend;
mod backend_tls_policy;
mod field;
mod gateway;
mod http_route;
mod http_route_filter;
mod metadata;
mod names;
mod reference;
mod reference_grant;
mod route_filter;
mod route_match;
mod service;
mod violations;

use super::key::ObjectRef;
use super::kinds::Objects;
use field::Field;
use violations::Violations;

pub use violations::Violation;

/// All rules that an object breaks. `alone` holds that object only.
pub fn review(object: &ObjectRef, alone: &Objects) -> Vec<Violation> {
    let mut out = Violations::default();
    let spec = Field::new("spec");
    metadata::review(object, &mut out);
    alone.gateway_classes.values().for_each(|o| gateway::review_class(&o.spec, &spec, &mut out));
    alone.gateways.values().for_each(|o| gateway::review(&o.spec, &spec, &mut out));
    alone.http_routes.values().for_each(|o| http_route::review(&o.spec, &spec, &mut out));
    alone.reference_grants.values().for_each(|o| reference_grant::review(&o.spec, &spec, &mut out));
    alone.backend_tls_policies.values().for_each(|o| backend_tls_policy::review(&o.spec, &spec, &mut out));
    alone.backends.values().for_each(|o| backend::review(&o.spec, &spec, &mut out));
    alone.http_route_filters.values().for_each(|o| http_route_filter::review(&o.spec, &spec, &mut out));
    alone.services.values().for_each(|o| service::review(&o.spec, &spec, &mut out));
    alone.endpoint_slices.values().for_each(|o| service::review_slice(&o.spec, &mut out));
    alone.secrets.values().for_each(|o| metadata::review_keys(o.spec.data.keys(), &mut out));
    alone.config_maps.values().for_each(|o| metadata::review_keys(o.spec.data.keys(), &mut out));
    out.into_vec()
}

#[cfg(test)]
mod tests;
