//! Ancestors of policies: the Gateways through which they take effect (GEP-713).

use std::collections::BTreeMap;

use crate::api::{HTTPRouteRule, ParentReference};
use crate::objects::Kind;
use crate::objects::key::Key;
use crate::status::condition::{ConditionType, Reason};
use crate::status::{AncestorStatus, AncestorStatuses};
use crate::translate::attach::Attachment;
use crate::translate::backend_tls_policy::{JudgedPolicy, Target, TlsPolicies};
use crate::translate::cluster;
use crate::translate::fault::condition;
use crate::translate::http_route::JudgedRoute;

/// Most entries that `status.ancestors` takes.
const MOST_ANCESTORS: usize = 16;

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

fn conditions(policy: &JudgedPolicy<'_>) -> Vec<crate::status::condition::Condition> {
    vec![
        condition(ConditionType::Accepted, Reason::Accepted, &policy.faults),
        condition(ConditionType::ResolvedRefs, Reason::ResolvedRefs, &policy.faults),
    ]
}

fn ancestor(attachment: &Attachment<'_>) -> ParentReference {
    ParentReference { namespace: Some(attachment.gateway.namespace.clone()), ..attachment.parent.clone() }
}

fn uses(route: &JudgedRoute<'_>, policy: &JudgedPolicy<'_>) -> bool {
    let references = route.object.spec.rules.iter().flat_map(|HTTPRouteRule { backend_refs, .. }| backend_refs);
    let means = |target: &Target, port: Option<u16>| {
        target.section.as_ref().is_none_or(|section| port.is_some_and(|port| *section == port.to_string()))
    };
    references
        .filter_map(|reference| Some((cluster::backend_key(reference, &route.key.namespace)?, reference.port)))
        .any(|(backend, port)| policy.targets.iter().any(|t| t.backend == backend && means(t, port)))
}
