//! TLS as a Backend itself asks for it (`spec.tls`).

use sluice_gateway::cluster::{Endpoint, UpstreamTls};
use sluice_gateway::matcher::host::is_dns_name;

use super::problem::Problem;
use crate::objects::key::Key;
use crate::objects::{Kind, Objects};
use crate::status::condition::Reason;
use crate::translate::backend::JudgedBackend;
use crate::translate::backend_tls::BackendTls;
use crate::translate::fault::{Fault, Place};
use crate::translate::trust;

/// What the Backend asks for. The faults say why it cannot be had; the reference's own problem carries the condition.
pub(super) fn translate(
    objects: &Objects,
    key: &Key,
    (backend, tls): (&JudgedBackend, &BackendTls),
    faults: &mut Vec<Fault>,
) -> Result<UpstreamTls, Problem> {
    let place = Place::of(Kind::Backend, key).at("spec.tls");
    let named = (tls.ca_certificate_refs.as_slice(), tls.well_known_ca_certificates.as_deref());
    let anchors = trust::anchors(objects, &key.namespace, named, &place);
    match (anchors.roots, server_name(backend, tls, &place)) {
        (Some(roots), Ok(hostname)) => Ok(UpstreamTls { hostname, roots }),
        (_, hostname) => {
            let why = anchors.faults.into_iter().chain(hostname.err());
            faults.extend(why.map(|fault| Fault { verdict: None, ..fault }));
            let message = format!("TLS of Backend {key} is not valid");
            let remedy = "mend spec.tls of the Backend; until then nothing is sent";
            Err(Problem::new("name", Reason::InvalidBackendTLS, message, remedy))
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
