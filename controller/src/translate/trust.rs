//! Trust anchors: CA certificates from ConfigMaps and Secrets.

use std::sync::Arc;

use sluice_gateway::cluster::{CaBundle, Roots};

use crate::api::LocalObjectReference;
use crate::objects::Objects;
use crate::objects::key::Key;
use crate::status::condition::{ConditionType, Reason};
use crate::translate::fault::{Fault, Place};

/// What `wellKnownCACertificates` may say.
const SYSTEM: &str = "System";

/// What could be read of the anchors asked for, and what is wrong with the rest. Without roots, nothing may be
/// trusted. The faults are about `ResolvedRefs`, or about `Accepted` where the object itself makes no sense.
pub(crate) struct Anchors {
    pub(crate) roots: Option<Roots>,
    pub(crate) faults: Vec<Fault>,
}

/// Reads the anchors that an object in `namespace` names in its field `place`.
pub(crate) fn anchors(
    objects: &Objects,
    namespace: &str,
    (references, well_known): (&[LocalObjectReference], Option<&str>),
    place: &Place,
) -> Anchors {
    let invalid =
        |fault: Fault| Anchors { roots: None, faults: vec![fault.fails(ConditionType::Accepted, Reason::Invalid)] };
    match (references, well_known) {
        ([], None) => {
            invalid(place.error("no CA certificates are named", "name some, or wellKnownCACertificates: System"))
        }
        ([], Some(SYSTEM)) => Anchors { roots: Some(Roots::System), faults: Vec::new() },
        ([], Some(other)) => invalid(
            place
                .at("wellKnownCACertificates")
                .error(format!("wellKnownCACertificates: {other} is not known"), "use System"),
        ),
        (_, Some(_)) => invalid(
            place
                .at("wellKnownCACertificates")
                .error("wellKnownCACertificates cannot stand beside caCertificateRefs", "keep one of the two"),
        ),
        (references, None) => from_references(objects, namespace, references, &place.at("caCertificateRefs")),
    }
}

/// All certificates together; a reference that is broken takes nothing from the others.
fn from_references(objects: &Objects, namespace: &str, references: &[LocalObjectReference], place: &Place) -> Anchors {
    let mut pem = Vec::new();
    let mut faults = Vec::new();
    for (index, reference) in references.iter().enumerate() {
        match one(objects, namespace, reference, &place.index(index)) {
            Ok(bytes) => pem.extend_from_slice(&[bytes, b"\n"].concat()),
            Err(fault) => faults.push(fault),
        }
    }
    let bundle = CaBundle::from_pem(&pem).ok();
    let roots = bundle.map(|bundle| Roots::Bundle(Arc::new(bundle)));
    if roots.is_none() {
        let fault = place.error("none of the CA certificates can be used", "mend the references");
        faults.push(fault.fails(ConditionType::Accepted, Reason::NoValidCACertificate));
    }
    Anchors { roots, faults }
}

fn one<'a>(
    objects: &'a Objects,
    namespace: &str,
    reference: &LocalObjectReference,
    place: &Place,
) -> Result<&'a [u8], Fault> {
    let LocalObjectReference { group, kind, name } = reference;
    let key = Key::new(namespace, name.as_str());
    let bad = |fault: Fault| fault.fails(ConditionType::ResolvedRefs, Reason::InvalidCACertificateRef);
    let data = match (group.as_str(), kind.as_str()) {
        ("", "ConfigMap") => objects.config_maps.get(&key).map(|o| pick(&o.spec.data, |bytes| bytes.as_slice())),
        ("", "Secret") => objects.secrets.get(&key).map(|o| pick(&o.spec.data, |bytes| bytes.reveal())),
        _ => {
            let message = format!("CA certificates of kind {kind} in group {group:?} are not supported");
            let fault = place.at("kind").error(message, "refer to a ConfigMap or a Secret");
            return Err(fault.fails(ConditionType::ResolvedRefs, Reason::InvalidKind));
        }
    };
    let place = place.at("name");
    let missing = || bad(place.error(format!("{kind} {key} does not exist"), "create it with the key ca.crt"));
    let empty = || bad(place.error(format!("{kind} {key} is empty"), "store the certificates under ca.crt"));
    let bytes = data.ok_or_else(missing)?.ok_or_else(empty)?;
    match CaBundle::from_pem(bytes) {
        Ok(_) => Ok(bytes),
        Err(why) => Err(bad(place.error(format!("{kind} {key}: {why}"), "store PEM certificates under ca.crt"))),
    }
}

/// `ca.crt`, then `tls.crt`, then the first key, as Envoy Gateway has it.
fn pick<'a, T>(data: &'a std::collections::BTreeMap<String, T>, bytes: impl Fn(&'a T) -> &'a [u8]) -> Option<&'a [u8]> {
    data.get("ca.crt").or_else(|| data.get("tls.crt")).or_else(|| data.values().next()).map(bytes)
}
