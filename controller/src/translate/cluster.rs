//! From a `backendRef` to the cluster it means.

use std::sync::Arc;

use sluice_gateway::cluster::Cluster;

use crate::api::HTTPBackendRef;
use crate::objects::Kind;
use crate::status::condition::{ConditionType, Reason};
use crate::translate::fault::{Fault, Place};
use crate::translate::grant::{self, Referent};
use crate::translate::upstream::Reference;
use crate::translate::world::World;

/// Resolves a reference from a route in `namespace`; the fault says why its share of requests gets a 500.
///
/// The kind comes first, then permission, then existence: whoever may not refer to an object is not told whether it
/// exists.
pub(crate) fn translate<'a>(
    world: &World<'a>,
    namespace: &'a str,
    given: &'a HTTPBackendRef,
    place: &Place,
) -> Result<&'a Arc<Cluster>, Fault> {
    let upstream = Reference::of(given, namespace).and_then(|found| Some((found, world.upstreams.get(&found)?)));
    let Some((reference, upstream)) = upstream else { return Err(unsupported(given, place)) };
    if reference.namespace != namespace {
        permitted(world, namespace, reference, place)?;
    }
    upstream.cluster.as_ref().map_err(|problem| problem.at(place))
}

/// Requests get a 503 where there is no endpoint. The reference is in order all the same.
pub(crate) fn unavailable(cluster: &Cluster, place: &Place) -> Option<Fault> {
    cluster.endpoints.is_empty().then(|| {
        let message = format!("{} has no endpoint that is ready", cluster.name);
        let remedy = "see to its pods and to the port's name in its EndpointSlices; until then its share gets a 503";
        let fault = place.at("name").warning(message, remedy);
        fault.fails(ConditionType::BackendsAvailable, Reason::EndpointsNotFound)
    })
}

fn permitted(world: &World<'_>, namespace: &str, reference: Reference<'_>, place: &Place) -> Result<(), Fault> {
    let key = reference.key();
    let referent = Referent::of(reference.kind, &key);
    if grant::permits(world.objects, (Kind::HTTPRoute, namespace), referent) {
        return Ok(());
    }
    let message = format!("no ReferenceGrant permits the reference to {} {key}", reference.kind.name());
    let fault = place.at("namespace").error(message, grant::remedy(Kind::HTTPRoute, referent));
    Err(fault.fails(ConditionType::ResolvedRefs, Reason::RefNotPermitted))
}

fn unsupported(given: &HTTPBackendRef, place: &Place) -> Fault {
    let HTTPBackendRef { group, kind, .. } = given;
    let message = format!("backends of kind {kind} in group {group:?} are not supported");
    let fault = place.at("kind").error(message, "refer to a Service, or to a Backend of gateway.envoyproxy.io");
    fault.fails(ConditionType::ResolvedRefs, Reason::InvalidKind)
}
