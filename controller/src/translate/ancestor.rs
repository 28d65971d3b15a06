//! Ancestors of policies: the Gateways through which they take effect (GEP-713).

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{HTTPRouteRule, ParentReference};
use crate::objects::Kind;
use crate::objects::key::Key;
use crate::status::condition::{Condition, ConditionType, Reason};
use crate::status::{AncestorStatus, AncestorStatuses};
use crate::translate::attach::Attachment;
use crate::translate::backend_tls_policy::{JudgedPolicy, Target, TlsPolicies};
use crate::translate::cluster;
use crate::translate::fault::{Fault, Place, condition};
use crate::translate::http_route::JudgedRoute;

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

/// The statuses of policies whose target a route uses; the ancestors are that route's parents.
pub(crate) fn of_tls_policies(
    policies: &TlsPolicies<'_>,
    routes: &[JudgedRoute<'_>],
    attachments: &[Attachment<'_>],
) -> BTreeMap<Key, AncestorStatuses> {
    let mut statuses = BTreeMap::new();
    for policy in policies.all() {
        let attached = attachments.iter().filter(|a| a.fault.is_none() && uses(&routes[a.route], policy));
        let mut ancestors: Vec<_> = attached.map(ancestor).collect();
        ancestors.sort();
        ancestors.dedup();
        ancestors.truncate(MOST_ANCESTORS);
        if !ancestors.is_empty() {
            let entry = |reference| AncestorStatus { reference, conditions: conditions(policy) };
            let ancestors = ancestors.into_iter().map(entry).collect();
            statuses.insert(policy.key.clone(), AncestorStatuses { generation: policy.generation, ancestors });
        }
    }
    statuses
}

fn conditions(policy: &JudgedPolicy<'_>) -> Vec<Condition> {
    vec![
        condition(ConditionType::Accepted, Reason::Accepted, &policy.faults),
        condition(ConditionType::ResolvedRefs, Reason::ResolvedRefs, &policy.faults),
    ]
}

fn ancestor(attachment: &Attachment<'_>) -> ParentReference {
    ParentReference { namespace: Some(attachment.gateway.namespace.clone()), ..attachment.parent.clone() }
}

fn uses(route: &JudgedRoute<'_>, policy: &JudgedPolicy<'_>) -> bool {
    references(route).any(|(backend, port)| policy.targets.iter().any(|(_, t)| t.backend == backend && covers(t, port)))
}

/// The Backends that a route refers to, with the port where one is named.
fn references<'a>(route: &'a JudgedRoute<'_>) -> impl Iterator<Item = (Key, Option<u16>)> + 'a {
    let all = route.object.spec.rules.iter().flat_map(|HTTPRouteRule { backend_refs, .. }| backend_refs);
    all.filter_map(|reference| Some((cluster::backend_key(reference, &route.key.namespace)?, reference.port)))
}

fn covers(target: &Target, port: Option<u16>) -> bool {
    target.section.as_ref().is_none_or(|section| port.is_some_and(|port| *section == port.to_string()))
}

/// A policy for one port of a Backend does not cover references that name none; who wrote it may think it does.
pub(crate) fn uncovered(policies: &TlsPolicies<'_>, routes: &[JudgedRoute<'_>]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let used: BTreeSet<_> = routes.iter().flat_map(references).collect();
    for policy in policies.all() {
        let place = Place::of(Kind::BackendTLSPolicy, policy.key).at("spec.targetRefs");
        for (index, target) in policy.targets.iter().filter(|(_, target)| target.section.is_some()) {
            let missed = used.iter().any(|(backend, port)| {
                *backend == target.backend && !covers(target, *port) && policies.find(backend, *port).is_none()
            });
            if missed {
                let message = format!(
                    "routes reach Backend {} without naming this port: the policy does not cover them",
                    target.backend
                );
                let remedy = "leave sectionName out, or name the port in the backendRefs";
                faults.push(place.index(*index).at("sectionName").warning(message, remedy));
            }
        }
    }
    faults
}
