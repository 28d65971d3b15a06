//! BackendTLSPolicies: which one is in force for a Backend, and what it says.

use std::collections::BTreeMap;

use sluice_gateway::cluster::UpstreamTls;
use sluice_gateway::matcher::host::is_dns_name;

use crate::api::{BackendTLSPolicy, PolicyTargetReference, Validation};
use crate::objects::key::Key;
use crate::objects::{Kind, Object, Objects};
use crate::status::condition::{ConditionType, Reason};
use crate::translate::fault::{Fault, Place};
use crate::translate::precedence::oldest_first;
use crate::translate::trust::{self, Anchors};

/// All policies, by what they are for.
pub(crate) struct TlsPolicies<'a> {
    all: Vec<JudgedPolicy<'a>>,
    /// Index of the policy in force.
    in_force: BTreeMap<Target, usize>,
}

/// A policy with its verdict.
pub(crate) struct JudgedPolicy<'a> {
    pub(crate) key: &'a Key,
    pub(crate) generation: i64,
    /// The Backends it names, each with its place in `targetRefs`, also where another policy is in force.
    pub(crate) targets: Vec<(usize, Target)>,
    /// What it asks for; nothing may be sent where it cannot be had.
    pub(crate) tls: Option<UpstreamTls>,
    pub(crate) faults: Vec<Fault>,
}

/// A Backend, or one of its ports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Target {
    pub(crate) backend: Key,
    /// The port, in digits.
    pub(crate) section: Option<String>,
}

/// Judges all policies.
pub(crate) fn judge(objects: &Objects) -> TlsPolicies<'_> {
    let mut policies = TlsPolicies { all: Vec::new(), in_force: BTreeMap::new() };
    for (key, object) in oldest_first(&objects.backend_tls_policies) {
        let mut policy = judge_one(objects, key, object);
        for (index, target) in targets(key, &object.spec.target_refs) {
            match policies.in_force.get(&target) {
                Some(winner) => policy.faults.push(lost(key, index, policies.all[*winner].key)),
                None => drop(policies.in_force.insert(target.clone(), policies.all.len())),
            }
            policy.targets.push((index, target));
        }
        policies.all.push(policy);
    }
    policies
}

impl<'a> TlsPolicies<'a> {
    /// All of them, in order of precedence.
    pub(crate) fn all(&self) -> &[JudgedPolicy<'a>] {
        &self.all
    }

    /// The policy in force for a Backend reached by a reference that may name a port, and the target it matched.
    /// One for the port beats one for the whole.
    pub(crate) fn find(&self, backend: &Key, port: Option<u16>) -> Option<(&JudgedPolicy<'a>, &Target)> {
        let target = |section: Option<String>| Target { backend: backend.clone(), section };
        let of_port = port.and_then(|port| self.in_force.get_key_value(&target(Some(port.to_string()))));
        let (target, index) = of_port.or_else(|| self.in_force.get_key_value(&target(None)))?;
        Some((self.all.get(*index)?, target))
    }
}

/// The targets that are Backends; they are always in the policy's namespace.
fn targets<'a>(policy: &'a Key, references: &'a [PolicyTargetReference]) -> impl Iterator<Item = (usize, Target)> + 'a {
    let backends = references
        .iter()
        .enumerate()
        .filter(|(_, r)| r.group == Kind::Backend.group() && r.kind == Kind::Backend.name());
    backends.map(|(index, r)| {
        let backend = Key::new(policy.namespace.as_str(), r.name.as_str());
        (index, Target { backend, section: r.section_name.clone() })
    })
}

fn lost(policy: &Key, index: usize, winner: &Key) -> Fault {
    Place::of(Kind::BackendTLSPolicy, policy)
        .at("spec.targetRefs")
        .index(index)
        .error(format!("BackendTLSPolicy {winner} is in force for this target already"), "remove one of the two")
        .fails(ConditionType::Accepted, Reason::Conflicted)
}

fn judge_one<'a>(objects: &Objects, key: &'a Key, object: &'a Object<BackendTLSPolicy>) -> JudgedPolicy<'a> {
    let BackendTLSPolicy { target_refs, validation, options } = &object.spec;
    let place = Place::of(Kind::BackendTLSPolicy, key).at("spec");
    let (tls, mut faults) = upstream_tls(objects, key, validation, &place.at("validation"));
    faults.extend(options.as_ref().map(|_| place.at("options").not_acted_on()));
    faults.extend(idle_targets(objects, key, target_refs, &place.at("targetRefs")));
    JudgedPolicy { key, generation: object.meta.generation, targets: Vec::new(), tls, faults }
}

fn upstream_tls(
    objects: &Objects,
    key: &Key,
    validation: &Validation,
    place: &Place,
) -> (Option<UpstreamTls>, Vec<Fault>) {
    let Validation { hostname, ca_certificate_refs, well_known_ca_certificates, subject_alt_names } = validation;
    let named = (ca_certificate_refs.as_slice(), well_known_ca_certificates.as_deref());
    let Anchors { roots, mut faults } = trust::anchors(objects, &key.namespace, named, place);
    let invalid = |fault: Fault| fault.fails(ConditionType::Accepted, Reason::Invalid);
    let is_name = is_dns_name(hostname);
    if !is_name {
        faults.push(invalid(place.at("hostname").error(format!("{hostname:?} is no hostname"), "write one DNS name")));
    }
    if !subject_alt_names.is_empty() {
        let message = "subjectAltNames are not supported; nothing is sent to the target";
        let remedy = "leave them out if the certificate carries the hostname";
        faults.push(invalid(place.at("subjectAltNames").error(message, remedy)));
    }
    let sound = is_name && subject_alt_names.is_empty();
    let tls = roots.filter(|_| sound).map(|roots| UpstreamTls { hostname: hostname.to_ascii_lowercase(), roots });
    (tls, faults)
}

/// Targets that do nothing: of another kind, or not there.
fn idle_targets(objects: &Objects, key: &Key, references: &[PolicyTargetReference], place: &Place) -> Vec<Fault> {
    let idle = references.iter().enumerate().filter_map(|(index, reference)| {
        let PolicyTargetReference { group, kind, name, section_name: _ } = reference;
        let place = place.index(index);
        if group != Kind::Backend.group() || kind != Kind::Backend.name() {
            let message = format!("targets of kind {kind} in group {group:?} are not supported");
            return Some(place.at("kind").warning(message, "target a Backend of gateway.envoyproxy.io"));
        }
        let target = Key::new(key.namespace.as_str(), name.as_str());
        let missing = !objects.backends.contains_key(&target);
        missing.then(|| {
            let message = format!("Backend {target} does not exist");
            place.at("name").warning(message, "create it, or correct the name")
        })
    });
    idle.collect()
}
