//! EnvoyProxies: what each that is used is told, with regard to each Gateway and class that uses it.

use std::collections::BTreeMap;

use crate::api::{EnvoyProxySpec, ParentReference};
use crate::infra::parameters;
use crate::infra::problem::Problem;
use crate::objects::key::Key;
use crate::objects::{Kind, Objects};
use crate::status::condition::{Condition, ConditionType, Reason};
use crate::status::{AncestorStatus, AncestorStatuses};
use crate::translate::ancestor;
use crate::translate::fault::{Fault, Place};
use crate::translate::settings::Infrastructure;

/// One use of an EnvoyProxy.
pub(crate) struct Use {
    pub(crate) proxy: Key,
    /// The Gateway or the class that refers to it.
    pub(crate) ancestor: ParentReference,
    /// Why it cannot be followed there.
    pub(crate) problem: Option<Problem>,
}

/// What EnvoyProxies are told.
pub(crate) struct Told {
    pub(crate) statuses: BTreeMap<Key, AncestorStatuses>,
    pub(crate) faults: Vec<Fault>,
}

/// Tells all EnvoyProxies what became of them. One that nobody uses hears only that it cannot be read.
pub(crate) fn tell(objects: &Objects, uses: &[Use], infrastructure: &Infrastructure) -> Told {
    let mut statuses = BTreeMap::<Key, AncestorStatuses>::new();
    let mut faults = Vec::new();
    for (key, object) in &objects.envoy_proxies {
        let place = Place::of(Kind::EnvoyProxy, key);
        let spec = parameters::read(&object.spec);
        let own: Vec<_> = uses.iter().filter(|one| one.proxy == *key).collect();
        faults.extend(
            spec.as_ref().err().into_iter().chain(own.iter().filter_map(|one| one.problem.as_ref())).map(|problem| {
                place.at(problem.field.clone()).error(problem.message.as_str(), problem.remedy.as_str())
            }),
        );
        if own.is_empty() {
            continue;
        }
        let inert = spec.map(|spec| without_effect(&spec, infrastructure)).unwrap_or_default();
        faults.extend(inert.iter().map(|field| place.at("spec").at(field.clone()).not_acted_on()));
        let ancestors = own.into_iter().take(ancestor::MOST_ANCESTORS).map(|one| status(one, &inert)).collect();
        statuses.insert(key.clone(), AncestorStatuses { generation: object.meta.generation, ancestors });
    }
    Told { statuses, faults }
}

fn status(one: &Use, inert: &[String]) -> AncestorStatus {
    let accepted = match &one.problem {
        None => Condition::holds(ConditionType::Accepted, Reason::Accepted, ""),
        Some(problem) => Condition::fails(ConditionType::Accepted, Reason::InvalidParameters, problem.to_string()),
    };
    let warning = (!inert.is_empty()).then(|| {
        let message = format!("not acted on: {}", inert.join(", "));
        Condition::holds(ConditionType::Warning, Reason::UnsupportedField, message)
    });
    let conditions = [Some(accepted), warning].into_iter().flatten().collect();
    AncestorStatus { reference: one.ancestor.clone(), conditions }
}

/// The fields that ask for something nobody does, from `spec` on, in order. Where there are no pods, what is said of
/// them is lost to nobody; how a process runs is its command line's to say.
fn without_effect(spec: &EnvoyProxySpec, infrastructure: &Infrastructure) -> Vec<String> {
    let pods = infrastructure.of_pods().is_some();
    let of_envoy = [
        ("backendTLS", spec.backend_tls.is_some()),
        ("bootstrap", spec.bootstrap.is_some()),
        ("dynamicModules", spec.dynamic_modules.is_some()),
        ("extraArgs", spec.extra_args.is_some()),
        ("filterOrder", spec.filter_order.is_some()),
        ("geoIP", spec.geo_ip.is_some()),
        ("luaValidation", spec.lua_validation.is_some()),
        ("mergeBackends", spec.merge_backends.is_some()),
        ("mergeGateways", spec.merge_gateways.is_some()),
        ("preserveRouteOrder", spec.preserve_route_order.is_some()),
        ("routingType", spec.routing_type.is_some()),
        ("telemetry", spec.telemetry.is_some()),
    ];
    let of_process = [
        ("concurrency", spec.concurrency.is_some() && !pods),
        ("ipFamily", spec.ip_family.is_some() && !pods),
        ("logging", spec.logging.is_some() && !pods),
        ("shutdown", spec.shutdown.is_some() && !pods),
    ];
    let given = of_envoy.into_iter().chain(of_process).filter(|(_, given)| *given);
    let mut fields: Vec<String> = given.map(|(field, _)| field.to_owned()).collect();
    if pods {
        fields.extend(parts_without_effect(spec));
    }
    fields.sort();
    fields
}

/// Parts of fields that are acted on for the rest.
fn parts_without_effect(spec: &EnvoyProxySpec) -> impl Iterator<Item = String> {
    let components = spec.logging.iter().flat_map(|logging| logging.level.keys());
    let components = components.filter(|component| *component != "default").map(|name| format!("logging.level.{name}"));
    let delay = spec.shutdown.as_ref().and_then(|shutdown| shutdown.health_check_failure_delay);
    let kubernetes = spec.provider.as_ref().and_then(|provider| provider.kubernetes.as_ref());
    let account = kubernetes.and_then(|kubernetes| kubernetes.envoy_service_account.as_ref());
    let others = [
        delay.map(|_| "shutdown.healthCheckFailureDelay".to_owned()),
        // A data plane is known by its account: it is its Gateway's alone.
        account.map(|_| "provider.kubernetes.envoyServiceAccount".to_owned()),
    ];
    components.collect::<Vec<_>>().into_iter().chain(others.into_iter().flatten())
}
