//! BackendTLSPolicies: which one is in force for a Backend or Service, and what it says.

use std::collections::BTreeMap;

use sluice_gateway::cluster::UpstreamTls;
use sluice_gateway::matcher::host::is_dns_name;

use crate::api::{BackendTLSPolicy, PolicyTargetReference, Validation};
use crate::objects::key::Key;
use crate::objects::{Kind, Object, Objects};
use crate::status::condition::{ConditionType, Reason};
use crate::translate::defect;
use crate::translate::fault::{Fault, Place};
use crate::translate::precedence::oldest_first;
use crate::translate::trust::{self, Anchors};

/// Kinds that a policy may be for.
const TARGETS: [Kind; 2] = [Kind::Backend, Kind::Service];

/// All policies, by what they are for.
pub(crate) struct TlsPolicies<'a> {
    all: Vec<JudgedPolicy<'a>>,
    /// Indices of the policies for a target; the first is in force.
    by_target: BTreeMap<Target<'a>, Vec<usize>>,
}

/// A policy with its verdict.
pub(crate) struct JudgedPolicy<'a> {
    pub(crate) key: &'a Key,
    pub(crate) generation: i64,
    /// What it is for, each with its place in `targetRefs`, also where another policy is in force.
    pub(crate) targets: Vec<(usize, Target<'a>)>,
    /// What it asks for; nothing may be sent where it cannot be had.
    pub(crate) tls: Option<UpstreamTls>,
    pub(crate) faults: Vec<Fault>,
}

/// A Backend or Service, or one of its ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Target<'a> {
    pub(crate) kind: Kind,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    /// A Service's port by name, a Backend's by its digits.
    pub(crate) section: Option<&'a str>,
}

/// The policy in force for a target.
#[derive(Clone, Copy)]
pub(crate) struct InForce<'a> {
    pub(crate) policy: &'a JudgedPolicy<'a>,
    /// The port that it is for, if it is for one only.
    pub(crate) section: Option<&'a str>,
}

/// Judges all policies.
pub(crate) fn judge(objects: &Objects) -> TlsPolicies<'_> {
    let mut policies = TlsPolicies { all: Vec::new(), by_target: BTreeMap::new() };
    for (key, object) in oldest_first(&objects.backend_tls_policies) {
        let mut policy = judge_one(objects, key, object);
        for (index, target) in targets(key, &object.spec.target_refs) {
            let rivals = policies.by_target.entry(target).or_default();
            if let Some(winner) = rivals.first() {
                let winner = policies.all.get(*winner).map_or(key, |winner| winner.key);
                policy.faults.push(lost(key, index, winner));
            }
            rivals.push(policies.all.len());
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

    /// The policy in force for what a reference reaches. One for the port beats one for the whole.
    pub(crate) fn find<'s>(&'s self, target: Target<'s>) -> Option<InForce<'s>> {
        let whole = Target { section: None, ..target };
        [target, whole].into_iter().find_map(|target| {
            let policy = self.all.get(*self.by_target.get(&target)?.first()?)?;
            Some(InForce { policy, section: target.section })
        })
    }

    /// All policies that are for what a reference reaches, in force or not.
    pub(crate) fn covering(&self, target: Target<'_>) -> Vec<usize> {
        let whole = Target { section: None, ..target };
        let of_port = target.section.and_then(|_| self.by_target.get(&target));
        of_port.into_iter().chain(self.by_target.get(&whole)).flatten().copied().collect()
    }
}

/// The targets that policies may be for; they are always in the policy's namespace.
fn targets<'a>(
    policy: &'a Key,
    references: &'a [PolicyTargetReference],
) -> impl Iterator<Item = (usize, Target<'a>)> + 'a {
    references.iter().enumerate().filter_map(|(index, reference)| Some((index, target(policy, reference)?)))
}

fn target<'a>(policy: &'a Key, reference: &'a PolicyTargetReference) -> Option<Target<'a>> {
    let PolicyTargetReference { group, kind, name, section_name } = reference;
    let kind = TARGETS.into_iter().find(|k| k.group() == group && k.name() == kind)?;
    Some(Target { kind, namespace: &policy.namespace, name, section: section_name.as_deref() })
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
    let defects = defect::of_object(Kind::BackendTLSPolicy, key, &object.meta, Reason::Invalid);
    let (tls, mut faults) = match defects.is_empty() {
        true => upstream_tls(objects, key, validation, &place.at("validation")),
        false => (None, defects),
    };
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
        let place = place.index(index);
        let Some(target) = target(key, reference) else {
            let message =
                format!("targets of kind {} in group {:?} are not supported", reference.kind, reference.group);
            let remedy = "target a Service, or a Backend of gateway.envoyproxy.io";
            return Some(place.at("kind").warning(message, remedy));
        };
        idle(objects, target, &place)
    });
    idle.collect()
}

fn idle(objects: &Objects, target: Target<'_>, place: &Place) -> Option<Fault> {
    let Target { kind, namespace, name, section } = target;
    let key = Key::new(namespace, name);
    let service = objects.services.get(&key);
    let exists = if kind == Kind::Service { service.is_some() } else { objects.backends.contains_key(&key) };
    if !exists {
        let message = format!("{} {key} does not exist", kind.name());
        return Some(place.at("name").warning(message, "create it, or correct the name"));
    }
    let (service, section) = (service.filter(|_| kind == Kind::Service)?, section?);
    let missing = !service.spec.ports.iter().any(|port| port.name == section);
    missing.then(|| {
        let message = format!("Service {key} has no port named {section:?}");
        place.at("sectionName").warning(message, "write the name of one of its ports, or leave sectionName out")
    })
}
