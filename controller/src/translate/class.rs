//! Which GatewayClasses are ours.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::infra::parameters;
use crate::objects::key::Key;
use crate::objects::{Kind, Meta, Objects};
use crate::status::ObjectStatus;
use crate::status::condition::{ConditionType, Reason};
use crate::translate::ancestor;
use crate::translate::defect;
use crate::translate::envoy_proxy::Use;
use crate::translate::fault::{Fault, Place, condition};
use crate::translate::settings::Settings;

/// All classes, each with its verdict.
pub(crate) struct Classes {
    by_name: BTreeMap<String, Class>,
}

/// What a class is to us.
pub(crate) enum Class {
    /// Ours, and in order; with its EnvoyProxy, if it has one.
    Ours { parameters: Option<Key> },
    /// Ours, but not in order: its Gateways are refused.
    Refused(Fault),
    /// Another controller's: its Gateways are none of our business.
    Foreign { controller_name: String },
}

/// Sorts the classes. The implicit one gives way to an object of its name.
pub(crate) fn judge(objects: &Objects, settings: &Settings) -> Classes {
    let implicit = settings.implicit_class.iter().map(|name| (name.clone(), Class::Ours { parameters: None }));
    let given = objects.gateway_classes.iter().map(|(key, object)| {
        let name = object.spec.controller_name.clone();
        let class = if name != settings.controller_name {
            Class::Foreign { controller_name: name }
        } else if let Some(fault) = defective(key, &object.meta) {
            Class::Refused(fault)
        } else {
            match parameters(objects, key, object.spec.parameters_ref.as_ref()) {
                Ok(parameters) => Class::Ours { parameters },
                Err(fault) => Class::Refused(fault),
            }
        };
        (key.name.clone(), class)
    });
    Classes { by_name: implicit.chain(given).collect() }
}

impl Classes {
    /// The class of a name.
    pub(crate) fn find(&self, name: &str) -> Option<&Class> {
        self.by_name.get(name)
    }

    /// The EnvoyProxy of a class that is ours.
    pub(crate) fn parameters(&self, name: &str) -> Option<&Key> {
        match self.find(name)? {
            Class::Ours { parameters } => parameters.as_ref(),
            Class::Refused(_) | Class::Foreign { .. } => None,
        }
    }

    /// The EnvoyProxies of those that are ours and in order.
    pub(crate) fn uses(&self) -> impl Iterator<Item = Use> {
        self.by_name.iter().filter_map(|(name, class)| match class {
            Class::Ours { parameters: Some(proxy) } => {
                Some(Use { proxy: proxy.clone(), ancestor: ancestor::of_class(name), problem: None })
            }
            Class::Ours { parameters: None } | Class::Refused(_) | Class::Foreign { .. } => None,
        })
    }

    /// The statuses of those that are ours and have an object.
    pub(crate) fn statuses(&self, objects: &Objects) -> BTreeMap<Key, ObjectStatus> {
        let ours = objects.gateway_classes.iter().filter_map(|(key, object)| {
            let fault = match self.by_name.get(&key.name)? {
                Class::Ours { .. } => None,
                Class::Refused(fault) => Some(fault),
                Class::Foreign { .. } => return None,
            };
            let accepted = condition(ConditionType::Accepted, Reason::Accepted, fault);
            Some((key.clone(), ObjectStatus { generation: object.meta.generation, conditions: vec![accepted] }))
        });
        ours.collect()
    }

    /// What is wrong with them.
    pub(crate) fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.by_name.values().filter_map(|class| match class {
            Class::Refused(fault) => Some(fault),
            Class::Ours { .. } | Class::Foreign { .. } => None,
        })
    }
}

fn defective(class: &Key, meta: &Meta) -> Option<Fault> {
    defect::of_object(Kind::GatewayClass, class, meta, Reason::InvalidParameters).into_iter().next()
}

/// `parametersRef` must name an EnvoyProxy that exists and can be read; its namespace is `default` where none is given, as in Envoy
/// Gateway.
fn parameters(objects: &Objects, class: &Key, parameters_ref: Option<&Value>) -> Result<Option<Key>, Fault> {
    let Some(reference) = parameters_ref else { return Ok(None) };
    let text = |name: &str| reference.get(name).and_then(Value::as_str).unwrap_or_default();
    let place = Place::of(Kind::GatewayClass, class).at("spec.parametersRef");
    let key = Key::new(if text("namespace").is_empty() { "default" } else { text("namespace") }, text("name"));
    let fault = if (text("group"), text("kind")) != (Kind::EnvoyProxy.group(), Kind::EnvoyProxy.name()) {
        place.at("kind").error(
            format!("parametersRef of kind {} in group {:?} is not supported", text("kind"), text("group")),
            "refer to an EnvoyProxy of gateway.envoyproxy.io, or leave it out",
        )
    } else {
        match objects.envoy_proxies.get(&key).map(|proxy| parameters::read(&proxy.spec)) {
            Some(Ok(_)) => return Ok(Some(key)),
            Some(Err(problem)) => {
                place.at("name").error(format!("EnvoyProxy {key} is not valid: {problem}"), problem.remedy)
            }
            None => {
                let remedy = "create it, or leave parametersRef out";
                place.at("name").error(format!("EnvoyProxy {key} does not exist"), remedy)
            }
        }
    };
    Err(fault.fails(ConditionType::Accepted, Reason::InvalidParameters))
}
