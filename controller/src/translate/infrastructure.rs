//! What each Gateway's data plane is run by, and whether its EnvoyProxy can be followed.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{EnvoyProxy, EnvoyProxySpec, Gateway};
use crate::infra::manifest::Desired;
use crate::infra::plan::{Plan, Port, container_ports};
use crate::infra::problem::Problem;
use crate::infra::render::render;
use crate::infra::settings::Settings as Pods;
use crate::infra::{naming, parameters};
use crate::objects::key::Key;
use crate::objects::{Kind, Object, Objects};
use crate::status::condition::{ConditionType, Reason};
use crate::translate::ancestor;
use crate::translate::class::Classes;
use crate::translate::envoy_proxy::{self, Told, Use};
use crate::translate::fault::{Fault, Place};
use crate::translate::gateway::JudgedGateway;
use crate::translate::settings::Settings;

/// Gives each Gateway its infrastructure, or refuses it: what runs for it then stays as it is.
pub(crate) fn judge(
    objects: &Objects,
    settings: &Settings,
    classes: &Classes,
    gateways: &mut BTreeMap<Key, JudgedGateway<'_>>,
) -> Told {
    let mut uses: Vec<Use> = classes.uses().collect();
    let mut names = BTreeMap::<Key, Key>::new();
    for (key, gateway) in gateways.iter_mut().filter(|(_, gateway)| gateway.is_accepted()) {
        let Some(object) = objects.gateways.get(key) else { continue };
        if settings.infrastructure.of_pods().is_some() {
            gateway.sockets.clear();
            gateway.faults.extend(name_taken(key, object, &mut names));
        }
        let (class, own) = (classes.parameters(&object.spec.gateway_class_name), gateway.proxy.clone());
        let spec = parameters::merged(proxy(objects, class), proxy(objects, own.as_ref()));
        let problem = match spec.and_then(|spec| make((key, object), gateway, spec, settings)) {
            Ok(desired) => {
                gateway.infrastructure = desired;
                None
            }
            Err(problem) => {
                gateway.faults.push(refused(key, own.as_ref().or(class), &problem));
                Some(problem)
            }
        };
        uses.extend(own.map(|proxy| Use { proxy, ancestor: ancestor::of_gateway(key), problem }));
    }
    envoy_proxy::tell(objects, &uses, &settings.infrastructure)
}

fn proxy<'a>(objects: &'a Objects, key: Option<&Key>) -> Option<&'a EnvoyProxy> {
    Some(&objects.envoy_proxies.get(key?)?.spec)
}

/// Makes the objects, if only to see whether they can be made.
fn make(
    (key, object): (&Key, &Object<Gateway>),
    gateway: &mut JudgedGateway<'_>,
    proxy: EnvoyProxySpec,
    settings: &Settings,
) -> Result<Desired, Problem> {
    let given = object.spec.infrastructure.clone().unwrap_or_default();
    let pods = settings.infrastructure.of_pods();
    let ports = match pods {
        Some(_) => ports(key, gateway, &proxy),
        None => Vec::new(),
    };
    let plan = Plan {
        gateway: key.clone(),
        uid: object.meta.uid.clone(),
        class: object.spec.gateway_class_name.clone(),
        ports,
        addresses: gateway.addresses.clone(),
        labels: given.labels,
        annotations: given.annotations,
        proxy,
    };
    match pods {
        None => {
            if plan.proxy.provider.as_ref().is_none_or(|provider| provider.kubernetes.is_some()) {
                render(&plan, &Pods::rehearsal())?;
            }
            Ok(Desired::Keep)
        }
        Some(pods) => {
            let objects = render(&plan, pods)?;
            // A Service without ports is none, and without it there is nothing to run for.
            let serves = !plan.ports.is_empty() && gateway.is_accepted();
            Ok(if serves { Desired::Objects(objects) } else { Desired::Keep })
        }
    }
}

/// The ports of the valid listeners. A listener whose port of the pod is another's is not valid.
fn ports(key: &Key, gateway: &mut JudgedGateway<'_>, proxy: &EnvoyProxySpec) -> Vec<Port> {
    let valid = gateway.listeners.iter().filter(|listener| listener.is_valid()).map(|listener| listener.spec.port);
    let (ports, lost) = container_ports(&valid.collect::<BTreeSet<_>>(), proxy);
    let place = Place::of(Kind::Gateway, key).at("spec.listeners");
    for (index, listener) in gateway.listeners.iter_mut().enumerate() {
        let port = listener.spec.port;
        if lost.contains(&port) {
            let message = format!("port {port} of the pod is taken, by metrics or by a listener below port 1024");
            let fault = place.index(index).at("port").error(message, "use another port");
            listener.faults.push(fault.fails(ConditionType::Programmed, Reason::PortUnavailable));
        }
    }
    ports
}

fn refused(gateway: &Key, proxy: Option<&Key>, problem: &Problem) -> Fault {
    let place = Place::of(Kind::Gateway, gateway).at("spec.infrastructure.parametersRef");
    let proxy = proxy.map_or_else(String::new, |key| format!("EnvoyProxy {key} is not valid: "));
    let fault = place.error(format!("{proxy}{problem}"), problem.remedy.as_str());
    fault.fails(ConditionType::Accepted, Reason::InvalidParameters)
}

/// `a` of class `b-c` and `a-b` of class `c` would have objects of one name. The first in order has them.
fn name_taken(key: &Key, object: &Object<Gateway>, names: &mut BTreeMap<Key, Key>) -> Option<Fault> {
    let name = Key::new(key.namespace.as_str(), naming::name(key, &object.spec.gateway_class_name));
    let first = names.entry(name.clone()).or_insert_with(|| key.clone());
    (first != key).then(|| {
        let message = format!("its objects would have the name {}, as those of Gateway {first} have", name.name);
        let fault = Place::of(Kind::Gateway, key).at("metadata.name").error(message, "use another name");
        fault.fails(ConditionType::Accepted, Reason::InvalidParameters)
    })
}
