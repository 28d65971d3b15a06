//! From a `backendRef` to the cluster it means.

use std::sync::Arc;

use sluice_gateway::cluster::{Cluster, Endpoint, UpstreamTls};
use sluice_gateway::matcher::host::is_dns_name;

use crate::api::HTTPBackendRef;
use crate::objects::Kind;
use crate::objects::key::Key;
use crate::status::condition::{ConditionType, Reason};
use crate::translate::backend::JudgedBackend;
use crate::translate::backend_tls::BackendTls;
use crate::translate::fault::{Fault, Place};
use crate::translate::grant::{self, Referent};
use crate::translate::trust;
use crate::translate::world::World;

/// Kind of the core group that a reference means where it names none.
const SERVICE: (&str, &str) = ("", "Service");

/// The Backend that a reference from a route in `namespace` names, if it is of that kind.
pub(crate) fn backend_key(reference: &HTTPBackendRef, namespace: &str) -> Option<Key> {
    let is_backend = reference.group == Kind::Backend.group() && reference.kind == Kind::Backend.name();
    is_backend.then(|| Key::new(reference.namespace.as_deref().unwrap_or(namespace), reference.name.as_str()))
}

/// Resolves a reference; the faults say why its share of requests gets a 500.
pub(crate) fn translate(
    world: &World<'_>,
    namespace: &str,
    reference: &HTTPBackendRef,
    place: &Place,
) -> Result<Arc<Cluster>, Vec<Fault>> {
    let key = referent(world, namespace, reference, place).map_err(|fault| vec![fault])?;
    let Some(backend) = world.backends.get(&key) else {
        let fault = place.at("name").error(format!("Backend {key} does not exist"), "create it, or correct the name");
        return Err(vec![unresolved(fault, Reason::BackendNotFound)]);
    };
    if let Some(why) = backend.refused() {
        let message = format!("Backend {key} is not accepted: {}", why.message());
        return Err(vec![unresolved(place.at("name").error(message, "mend the Backend"), Reason::InvalidBackendRef)]);
    }
    let (name, tls) = secured(world, &key, backend, reference.port, place)?;
    let protocol = backend.protocol;
    Ok(Arc::new(Cluster { name, endpoints: backend.endpoints.clone(), tls, protocol }))
}

/// The Backend that is meant. The kind comes first, then permission, then existence: whoever may not refer to an
/// object is not told whether it exists.
fn referent(world: &World<'_>, namespace: &str, reference: &HTTPBackendRef, place: &Place) -> Result<Key, Fault> {
    let HTTPBackendRef { group, kind, name, namespace: given, .. } = reference;
    let is_backend = (group.as_str(), kind.as_str()) == (Kind::Backend.group(), Kind::Backend.name());
    if !is_backend && (group.as_str(), kind.as_str()) != SERVICE {
        let message = format!("backends of kind {kind} in group {group:?} are not supported");
        let fault = place.at("kind").error(message, "refer to a Backend of gateway.envoyproxy.io");
        return Err(unresolved(fault, Reason::InvalidKind));
    }
    let key = Key::new(given.as_deref().unwrap_or(namespace), name.as_str());
    let referent = Referent { group, kind, key: &key };
    if !grant::permits(world.objects, (Kind::HTTPRoute, namespace), referent) {
        let message = format!("no ReferenceGrant permits the reference to {kind} {key}");
        let fault = place.at("namespace").error(message, grant::remedy(Kind::HTTPRoute, referent));
        return Err(unresolved(fault, Reason::RefNotPermitted));
    }
    if is_backend {
        return Ok(key);
    }
    let fault = place.at("name").error(
        format!("Service {key} does not exist"),
        "there are no Services outside a cluster: refer to a Backend of gateway.envoyproxy.io",
    );
    Err(unresolved(fault, Reason::BackendNotFound))
}

/// The cluster's name and TLS: the policy's, else the Backend's own, else none. A policy for one port makes a cluster
/// of its own, since connections are kept by name.
fn secured(
    world: &World<'_>,
    key: &Key,
    backend: &JudgedBackend,
    port: Option<u16>,
    place: &Place,
) -> Result<(String, Option<UpstreamTls>), Vec<Fault>> {
    let name = format!("backend/{key}");
    if let Some((policy, target)) = world.tls_policies.find(key, port) {
        let name = target.section.as_ref().map_or(name.clone(), |section| format!("{name}/port/{section}"));
        return match &policy.tls {
            Some(tls) => Ok((name, Some(tls.clone()))),
            None => {
                let message = format!("BackendTLSPolicy {} of Backend {key} is not valid", policy.key);
                let fault = place.at("name").error(message, "mend the policy; until then nothing is sent");
                Err(vec![unresolved(fault, Reason::InvalidBackendTLS)])
            }
        };
    }
    let tls = backend.tls.as_ref().map(|tls| own_tls(world, key, (backend, tls), place)).transpose()?;
    Ok((name, tls))
}

fn own_tls(
    world: &World<'_>,
    key: &Key,
    (backend, tls): (&JudgedBackend, &BackendTls),
    place: &Place,
) -> Result<UpstreamTls, Vec<Fault>> {
    let tls_place = Place::of(Kind::Backend, key).at("spec.tls");
    let named = (tls.ca_certificate_refs.as_slice(), tls.well_known_ca_certificates.as_deref());
    let anchors = trust::anchors(world.objects, &key.namespace, named, &tls_place);
    let hostname = server_name(backend, tls, &tls_place);
    match (anchors.roots, hostname) {
        (Some(roots), Ok(hostname)) => Ok(UpstreamTls { hostname, roots }),
        (_, hostname) => {
            let mut faults: Vec<_> =
                anchors.faults.into_iter().chain(hostname.err()).map(told_of_the_backend).collect();
            let message = format!("TLS of Backend {key} is not valid");
            let fault = place.at("name").error(message, "mend spec.tls of the Backend; until then nothing is sent");
            faults.insert(0, unresolved(fault, Reason::InvalidBackendTLS));
            Err(faults)
        }
    }
}

fn server_name(backend: &JudgedBackend, tls: &BackendTls, place: &Place) -> Result<String, Fault> {
    if let Some(sni) = &tls.sni {
        let is_name = is_dns_name(sni);
        let fault = || place.at("sni").error(format!("{sni:?} is no hostname"), "write one DNS name");
        return is_name.then(|| sni.to_ascii_lowercase()).ok_or_else(fault);
    }
    match backend.endpoints.as_slice() {
        [Endpoint::Fqdn { hostname, .. }] if tls.sni_from_endpoint => Ok(hostname.clone()),
        _ => Err(place.error(
            "spec.tls says no name to look for in the certificate",
            "set sni, or attach a BackendTLSPolicy, whose hostname is that name",
        )),
    }
}

/// The route's own fault carries the condition.
fn told_of_the_backend(fault: Fault) -> Fault {
    Fault { verdict: None, ..fault }
}

fn unresolved(fault: Fault, reason: Reason) -> Fault {
    fault.fails(ConditionType::ResolvedRefs, reason)
}
