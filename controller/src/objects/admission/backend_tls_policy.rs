//! `BackendTLSPolicy`.

use std::collections::BTreeMap;

use super::field::Field;
use super::names;
use super::reference;
use super::violations::Violations;
use crate::api::{BackendTLSPolicy, PolicyTargetReference, SubjectAltName, Validation};

const MOST_TARGETS: usize = 16;
const MOST_CERTIFICATES: usize = 8;
const MOST_NAMES: usize = 5;

pub(super) fn review(policy: &BackendTLSPolicy, spec: &Field, out: &mut Violations) {
    let BackendTLSPolicy { target_refs, validation, options: _ } = policy;
    review_targets(target_refs, spec, out);
    review_validation(validation, &spec.at("validation"), out);
}

/// Two references to one target must each name a port, and not the same.
fn review_targets(targets: &[PolicyTargetReference], spec: &Field, out: &mut Violations) {
    out.at_least_one(&spec.at("targetRefs"), targets.len());
    out.at_most(&spec.at("targetRefs"), targets.len(), MOST_TARGETS);
    let mut same = BTreeMap::<_, usize>::new();
    targets.iter().for_each(|t| *same.entry((&t.group, &t.kind, &t.name)).or_default() += 1);
    for (i, target) in targets.iter().enumerate() {
        let at = spec.item("targetRefs", i);
        let PolicyTargetReference { group, kind, name, section_name } = target;
        reference::review((group, kind, name), &at, out);
        section_name.iter().for_each(|section| out.check(&at.at("sectionName"), names::subdomain(section)));
        if section_name.is_none() && same.get(&(group, kind, name)).is_some_and(|count| *count > 1) {
            let message = "the same target is referred to twice, once as a whole";
            out.refuse(&at, message, "give each reference a `sectionName`, or delete one");
        }
    }
    let sections = targets.iter().enumerate().filter(|(_, target)| target.section_name.is_some());
    out.unique(sections.map(|(i, target)| (spec.item("targetRefs", i), target)), "the reference");
}

fn review_validation(validation: &Validation, at: &Field, out: &mut Violations) {
    let Validation { hostname, ca_certificate_refs, well_known_ca_certificates, subject_alt_names } = validation;
    out.check(&at.at("hostname"), names::precise_hostname(hostname));
    match (ca_certificate_refs.is_empty(), well_known_ca_certificates) {
        (true, None) => {
            let remedy = "add `wellKnownCACertificates: System`, or `caCertificateRefs` with your own CA";
            out.refuse(at, "says nothing of the CA certificates to trust", remedy);
        }
        (false, Some(_)) => {
            let message = "`caCertificateRefs` and `wellKnownCACertificates` exclude each other";
            out.refuse(&at.at("wellKnownCACertificates"), message, "delete one of the two");
        }
        _ => {}
    }
    if let Some(name) = well_known_ca_certificates {
        let is_name =
            name == "System" || name.split_once('/').is_some_and(|(domain, _)| names::subdomain(domain).is_ok());
        if !is_name {
            let message = format!("{name:?} is no set of certificates");
            out.refuse(&at.at("wellKnownCACertificates"), message, "write System");
        }
    }
    out.at_most(&at.at("caCertificateRefs"), ca_certificate_refs.len(), MOST_CERTIFICATES);
    for (i, certificate) in ca_certificate_refs.iter().enumerate() {
        let at = at.item("caCertificateRefs", i);
        reference::review((&certificate.group, &certificate.kind, &certificate.name), &at, out);
    }
    out.at_most(&at.at("subjectAltNames"), subject_alt_names.len(), MOST_NAMES);
    for (i, name) in subject_alt_names.iter().enumerate() {
        review_name(name, &at.item("subjectAltNames", i), out);
    }
}

fn review_name(name: &SubjectAltName, at: &Field, out: &mut Violations) {
    let SubjectAltName { kind, hostname, uri } = name;
    out.one_of(&at.at("type"), kind, &["Hostname", "URI"]);
    for (type_name, field, given) in [("Hostname", "hostname", hostname), ("URI", "uri", uri)] {
        match given {
            None if kind == type_name => {
                out.refuse(&at.at(field), format!("type {kind} needs `{field}`"), format!("add `{field}`"));
            }
            Some(_) if kind != type_name => {
                let remedy = format!("write `type: {type_name}`, or delete `{field}`");
                out.refuse(&at.at(field), format!("belongs to type {type_name}"), remedy);
            }
            _ => {}
        }
    }
    hostname.iter().for_each(|hostname| out.check(&at.at("hostname"), names::hostname(hostname)));
}
