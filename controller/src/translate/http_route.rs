//! HTTPRoutes: their rules, wholly resolved, whatever they attach to.

use std::sync::Arc;

use http::StatusCode;
use sluice_gateway::cluster::{Backend, Backends, Target};
use sluice_gateway::filter::RequestEdit;
use sluice_gateway::route::{Action, AnswerBody, DirectResponse, RouteRule, Timeouts};

use crate::api::{HTTPBackendRef, HTTPRoute, HTTPRouteRule};
use crate::objects::key::Key;
use crate::objects::{Kind, Meta, Object};
use crate::translate::fault::{Fault, Place};
use crate::translate::filter::{self, RuleFilters};
use crate::translate::hostnames::Hostnames;
use crate::translate::precedence::oldest_first;
use crate::translate::world::World;
use crate::translate::{caution, cluster, defect, matches, timeouts};

/// Requests then get a 500 (Gateway API `HTTPRouteRule.backendRefs`).
const NO_BACKEND: &str = "the rule has no backend that takes requests";

/// A route with its verdict.
pub(crate) struct JudgedRoute<'a> {
    pub(crate) key: &'a Key,
    pub(crate) object: &'a Object<HTTPRoute>,
    pub(crate) hostnames: Hostnames,
    pub(crate) rules: Vec<JudgedRule>,
    /// What is wrong beside the rules.
    pub(crate) faults: Vec<Fault>,
}

/// What all rules of a route have in common.
struct Scope<'a> {
    world: &'a World<'a>,
    key: &'a Key,
    meta: &'a Meta,
    hostnames: &'a Hostnames,
}

/// A rule with its verdict.
pub(crate) struct JudgedRule {
    /// `None` when no match of it can be understood.
    pub(crate) rule: Option<Arc<RouteRule>>,
    pub(crate) faults: Vec<Fault>,
}

impl JudgedRoute<'_> {
    /// What is wrong with it and its rules.
    pub(crate) fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.faults.iter().chain(self.rules.iter().flat_map(|rule| &rule.faults))
    }
}

/// Translates all routes; the one that takes precedence comes first.
pub(crate) fn translate<'a>(world: &World<'a>) -> Vec<JudgedRoute<'a>> {
    oldest_first(&world.objects.http_routes).into_iter().map(|(key, object)| route(world, key, object)).collect()
}

fn route<'a>(world: &World<'a>, key: &'a Key, object: &'a Object<HTTPRoute>) -> JudgedRoute<'a> {
    let HTTPRoute { parent_refs: _, hostnames, rules, use_default_gateways } = &object.spec;
    let place = Place::of(Kind::HTTPRoute, key).at("spec");
    let (hostnames, mut faults) = Hostnames::parse(hostnames, &place.at("hostnames"));
    // Also those that no parent is there to tell of.
    faults.extend(defect::of_route(key, object));
    faults.extend(use_default_gateways.as_ref().map(|_| place.at("useDefaultGateways").not_acted_on()));
    let scope = Scope { world, key, meta: &object.meta, hostnames: &hostnames };
    let rules = rules.iter().enumerate();
    let rules = rules.map(|(index, spec)| rule(&scope, index, spec, &place.at("rules").index(index))).collect();
    JudgedRoute { key, object, hostnames, rules, faults }
}

fn rule(scope: &Scope<'_>, index: usize, spec: &HTTPRouteRule, place: &Place) -> JudgedRule {
    let HTTPRouteRule { name: _, matches, filters, backend_refs, timeouts, retry, session_persistence } = spec;
    let prefix = matches::sole_prefix(matches);
    let (matches, mut faults) = matches::translate(matches, &place.at("matches"));
    faults.extend(defect::of_rule(scope.key, scope.meta, index));
    let (filters, broken) =
        filter::translate(scope.world, (&scope.key.namespace, &place.at("filters")), prefix, filters);
    faults.extend(broken);
    let timeouts = timeouts::translate(timeouts.as_ref(), &place.at("timeouts")).unwrap_or_else(|fault| {
        faults.push(fault);
        Timeouts::default()
    });
    let broken = faults.first().map(|fault| broken_answer(fault.message()));
    let RuleFilters { edits, response_edits, answer } = filters;
    let (backends, unresolved) = backends(scope, &edits, backend_refs, &place.at("backendRefs"));
    faults.extend(unresolved);
    let action = broken.or(answer).unwrap_or_else(|| {
        let idle = backends.total_weight() == 0;
        faults.extend(idle.then(|| place.at("backendRefs").warning(NO_BACKEND, "refer to a backend, with a weight")));
        if idle { broken_answer(NO_BACKEND) } else { Action::Forward(backends) }
    });
    let inert = [("retry", retry.is_some()), ("sessionPersistence", session_persistence.is_some())];
    faults.extend(inert.iter().filter(|(_, given)| *given).map(|(field, _)| place.at(*field).not_acted_on()));
    let name = format!("httproute/{}/rule/{index}", scope.key);
    let rule = RouteRule { name, matches, edits, response_edits, action, timeouts };
    JudgedRule { rule: (!rule.matches.is_empty()).then(|| Arc::new(closed(rule))), faults }
}

/// A rule that only says that it is broken makes no edits: its credential goes nowhere.
fn closed(rule: RouteRule) -> RouteRule {
    match rule.action {
        Action::Answer(DirectResponse { body: AnswerBody::Broken(_), .. }) => {
            RouteRule { edits: Vec::new(), response_edits: Vec::new(), ..rule }
        }
        _ => rule,
    }
}

fn broken_answer(why: &str) -> Action {
    Action::Answer(DirectResponse {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        body: AnswerBody::Broken(why.to_owned()),
    })
}

fn backends(
    scope: &Scope<'_>,
    edits: &[RequestEdit],
    references: &[HTTPBackendRef],
    place: &Place,
) -> (Backends, Vec<Fault>) {
    let Scope { world, key: Key { namespace, .. }, meta: _, hostnames } = *scope;
    let mut backends = Vec::new();
    let mut faults = Vec::new();
    for (index, reference) in references.iter().enumerate() {
        let place = place.index(index);
        let resolved = cluster::translate(world, namespace, reference, &place).and_then(|cluster| {
            let own = filter::translate_backend_ref(world, namespace, &reference.filters, &place.at("filters"))?;
            Ok((cluster, own))
        });
        let (target, own) = match resolved {
            Ok((cluster, own)) => {
                faults.extend(cluster::unavailable(cluster, &place));
                faults.extend(caution::about(cluster, edits.iter().chain(&own), hostnames, &place.at("name")));
                (Target::Cluster(Arc::clone(cluster)), own)
            }
            Err(why) => {
                faults.push(why);
                (Target::Unresolved, Vec::new())
            }
        };
        backends.push(Backend { weight: reference.weight, target, edits: own });
    }
    (Backends(backends), faults)
}
