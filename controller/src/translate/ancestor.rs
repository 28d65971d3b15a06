//! Ancestors of policies: the Gateways through which they take effect (GEP-713).

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{HTTPRouteRule, ParentReference};
use crate::objects::Kind;
use crate::objects::key::Key;
use crate::status::condition::{Condition, ConditionType, Reason};
use crate::status::{AncestorStatus, AncestorStatuses};
use crate::translate::attach::Attachment;
use crate::translate::backend_tls_policy::{JudgedPolicy, Target, TlsPolicies};
use crate::translate::fault::{Fault, Place, condition};
use crate::translate::http_route::JudgedRoute;
use crate::translate::upstream::{Reference, Upstreams};

/// Most entries that `status.ancestors` takes.
pub(crate) const MOST_ANCESTORS: usize = 16;

/// A Gateway as an ancestor.
pub(crate) fn of_gateway(gateway: &Key) -> ParentReference {
    ParentReference {
        group: Kind::Gateway.group().to_owned(),
        kind: Kind::Gateway.name().to_owned(),
        namespace: Some(gateway.namespace.clone()),
        name: gateway.name.clone(),
        section_name: None,
        port: None,
    }
}

/// A GatewayClass as an ancestor.
pub(crate) fn of_class(name: &str) -> ParentReference {
    ParentReference {
        group: Kind::GatewayClass.group().to_owned(),
        kind: Kind::GatewayClass.name().to_owned(),
        namespace: None,
        name: name.to_owned(),
        section_name: None,
        port: None,
    }
}

/// The statuses of policies whose target a route uses; the ancestors are that route's parents.
pub(crate) fn of_tls_policies(
    policies: &TlsPolicies<'_>,
    upstreams: &Upstreams<'_>,
    routes: &[JudgedRoute<'_>],
    attachments: &[Attachment<'_>],
) -> BTreeMap<Key, AncestorStatuses> {
    let mut ancestors = BTreeMap::<_, BTreeSet<Ancestor<'_>>>::new();
    for attachment in attachments.iter().filter(|a| a.fault.is_none()) {
        for policy in used(upstreams, &routes[attachment.route]) {
            ancestors.entry(policy).or_default().insert(Ancestor::of(attachment));
        }
    }
    let each = ancestors.into_iter().filter_map(|(policy, ancestors)| {
        let policy = policies.all().get(policy)?;
        let conditions = conditions(policy);
        let entry = |a: Ancestor<'_>| AncestorStatus { reference: a.reference(), conditions: conditions.clone() };
        let ancestors = ancestors.into_iter().take(MOST_ANCESTORS).map(entry).collect();
        Some((policy.key.clone(), AncestorStatuses { generation: policy.generation, ancestors }))
    });
    each.collect()
}

/// A route's parent, its namespace filled in. Borrowed: thousands of routes have the same one.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Ancestor<'a> {
    group: &'a str,
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
    section_name: Option<&'a str>,
    port: Option<u16>,
}

impl<'a> Ancestor<'a> {
    fn of(attachment: &'a Attachment<'_>) -> Self {
        let ParentReference { group, kind, namespace: _, name, section_name, port } = attachment.parent;
        let (namespace, section_name) = (attachment.gateway.namespace.as_str(), section_name.as_deref());
        Self { group, kind, namespace, name, section_name, port: *port }
    }

    fn reference(&self) -> ParentReference {
        ParentReference {
            group: self.group.to_owned(),
            kind: self.kind.to_owned(),
            namespace: Some(self.namespace.to_owned()),
            name: self.name.to_owned(),
            section_name: self.section_name.map(str::to_owned),
            port: self.port,
        }
    }
}

fn conditions(policy: &JudgedPolicy<'_>) -> Vec<Condition> {
    vec![
        condition(ConditionType::Accepted, Reason::Accepted, &policy.faults),
        condition(ConditionType::ResolvedRefs, Reason::ResolvedRefs, &policy.faults),
    ]
}

/// The policies that are for what a route refers to.
fn used<'a>(upstreams: &'a Upstreams<'_>, route: &'a JudgedRoute<'_>) -> impl Iterator<Item = usize> + 'a {
    let references = route.object.spec.rules.iter().flat_map(|HTTPRouteRule { backend_refs, .. }| backend_refs);
    let found = references.filter_map(|given| upstreams.get(&Reference::of(given, &route.key.namespace)?));
    found.flat_map(|upstream| upstream.policies.iter().copied())
}

/// A policy for one port of a Backend does not cover references that name none; who wrote it may think it does.
pub(crate) fn uncovered<'a>(policies: &TlsPolicies<'a>, upstreams: &Upstreams<'a>) -> Vec<Fault> {
    let mut faults = Vec::new();
    for policy in policies.all() {
        let place = Place::of(Kind::BackendTLSPolicy, policy.key).at("spec.targetRefs");
        let of_ports = policy.targets.iter().filter(|(_, t)| t.kind == Kind::Backend && t.section.is_some());
        for (index, Target { kind, namespace, name, .. }) in of_ports {
            if upstreams.of(*kind, namespace, name).any(|upstream| upstream.policies.is_empty()) {
                let message = format!(
                    "routes reach Backend {namespace}/{name} without naming this port: the policy does not cover them"
                );
                let remedy = "leave sectionName out, or name the port in the backendRefs";
                faults.push(place.index(*index).at("sectionName").warning(message, remedy));
            }
        }
    }
    faults
}
