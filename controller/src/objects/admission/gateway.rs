//! `GatewayClass` and `Gateway`.

use super::field::Field;
use super::names;
use super::reference;
use super::violations::Violations;
use crate::api::{Gateway, GatewayAddress, GatewayClass, GatewayListener};

const MOST_LISTENERS: usize = 64;
const MOST_ADDRESSES: usize = 16;
const MOST_KINDS: usize = 8;
const LONGEST_DESCRIPTION: usize = 64;

pub(super) fn review_class(class: &GatewayClass, spec: &Field, out: &mut Violations) {
    let name = &class.controller_name;
    let has_path =
        name.split_once('/').is_some_and(|(domain, path)| names::subdomain(domain).is_ok() && !path.is_empty());
    if !has_path {
        let remedy = "write a domain and a path, such as sluice.dev/gatewayclass-controller";
        out.refuse(&spec.at("controllerName"), format!("{name:?} is no controller name"), remedy);
    }
    if class.description.as_ref().is_some_and(|text| text.chars().count() > LONGEST_DESCRIPTION) {
        out.refuse(&spec.at("description"), "is longer than 64 characters", "shorten it");
    }
}

pub(super) fn review(gateway: &Gateway, spec: &Field, out: &mut Violations) {
    let Gateway { gateway_class_name, listeners, addresses, infrastructure, .. } = gateway;
    out.check(&spec.at("gatewayClassName"), names::reference(gateway_class_name));
    out.at_least_one(&spec.at("listeners"), listeners.len());
    out.at_most(&spec.at("listeners"), listeners.len(), MOST_LISTENERS);
    let listeners_at = || listeners.iter().enumerate().map(|(i, l)| (spec.item("listeners", i), l));
    listeners_at().for_each(|(at, listener)| review_listener(listener, &at, out));
    out.unique(listeners_at().map(|(at, l)| (at.at("name"), &l.name)), "the name of a listener");
    let places = listeners_at().map(|(at, l)| (at, (l.port, &l.protocol, &l.hostname)));
    out.unique(places, "the combination of port, protocol and hostname");
    out.at_most(&spec.at("addresses"), addresses.len(), MOST_ADDRESSES);
    review_addresses(addresses, spec, out);
    if let Some(parameters) = infrastructure.as_ref().and_then(|i| i.parameters_ref.as_ref()) {
        let at = spec.at("infrastructure.parametersRef");
        reference::review((&parameters.group, &parameters.kind, &parameters.name), &at, out);
    }
}

fn review_listener(listener: &GatewayListener, at: &Field, out: &mut Violations) {
    let GatewayListener { name, hostname, port, protocol, tls, allowed_routes } = listener;
    out.check(&at.at("name"), names::subdomain(name));
    out.check(&at.at("port"), names::port(*port));
    if !is_protocol(protocol) {
        out.refuse(&at.at("protocol"), format!("{protocol:?} is no protocol"), "write HTTP, HTTPS, TLS, TCP or UDP");
    }
    if let Some(hostname) = hostname {
        out.check(&at.at("hostname"), names::hostname(hostname));
        if matches!(protocol.as_str(), "TCP" | "UDP") {
            out.refuse(&at.at("hostname"), format!("{protocol} knows no hostnames"), "delete the hostname");
        }
    }
    if tls.is_some() && matches!(protocol.as_str(), "HTTP" | "TCP" | "UDP") {
        out.refuse(&at.at("tls"), format!("a listener of {protocol} has no TLS"), "use HTTPS, or delete `tls`");
    }
    let routes = at.at("allowedRoutes");
    out.one_of(&routes.at("namespaces.from"), &allowed_routes.namespaces.from, &["All", "Selector", "Same"]);
    out.at_most(&routes.at("kinds"), allowed_routes.kinds.len(), MOST_KINDS);
    for (i, kind) in allowed_routes.kinds.iter().enumerate() {
        out.check(&routes.item("kinds", i).at("group"), names::group(&kind.group));
        out.check(&routes.item("kinds", i).at("kind"), names::kind(&kind.kind));
    }
}

/// A word, or a name of the form `domain/word`.
fn is_protocol(text: &str) -> bool {
    let word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    text.split_once('/').map_or_else(|| word(text), |(domain, name)| names::subdomain(domain).is_ok() && word(name))
}

fn review_addresses(addresses: &[GatewayAddress], spec: &Field, out: &mut Violations) {
    for (i, GatewayAddress { kind, value }) in addresses.iter().enumerate() {
        let at = spec.item("addresses", i).at("value");
        let is_hostname = kind == "Hostname" && !value.is_empty();
        if is_hostname && names::hostname(value).is_err() {
            out.refuse(&at, format!("{value:?} is no hostname"), "write a hostname, or `type: IPAddress`");
        }
    }
    let given = addresses.iter().enumerate().filter(|(_, address)| !address.value.is_empty());
    out.unique(given.map(|(i, a)| (spec.item("addresses", i), (&a.kind, &a.value))), "the address");
}
