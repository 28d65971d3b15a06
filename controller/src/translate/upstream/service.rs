//! A port of a Service as an upstream.

use sluice_gateway::cluster::{Endpoint, UpstreamProtocol};

use super::problem::Problem;
use super::reference::Reference;
use super::slices::{Slices, is_tcp};
use crate::api::{Service, ServicePort};
use crate::objects::Objects;
use crate::status::condition::Reason;
use crate::translate::fault::Fault;

/// HTTP/2 by prior knowledge (KEP-3726). WebSockets (`kubernetes.io/ws`, `/wss`) pass without being asked for.
const H2C: &str = "kubernetes.io/h2c";

/// Where a port is and how it speaks.
pub(super) struct Site {
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) protocol: UpstreamProtocol,
}

/// The port that a reference means, if there is one.
pub(super) fn port<'a>(objects: &'a Objects, reference: &Reference<'_>) -> Option<&'a ServicePort> {
    let service = objects.services.get(&reference.key())?;
    find(&service.spec, reference.port?)
}

/// Follows a reference. Faults are the slices'; a port without endpoints is no problem of the reference: requests get
/// a 503 until there are some.
pub(super) fn site(
    objects: &Objects,
    slices: &Slices<'_>,
    reference: &Reference<'_>,
    faults: &mut Vec<Fault>,
) -> Result<Site, Problem> {
    let key = reference.key();
    let Some(number) = reference.port else {
        let message = format!("the reference to Service {key} names no port");
        let remedy = "add `port`; if a Backend is meant, add `group: gateway.envoyproxy.io` and `kind: Backend`";
        return Err(Problem::new("port", Reason::PortNotSpecified, message, remedy));
    };
    let Some(service) = objects.services.get(&key) else {
        let remedy = "create it, or correct the name; a Backend is referred to by its group and kind";
        return Err(Problem::new("name", Reason::BackendNotFound, format!("Service {key} does not exist"), remedy));
    };
    if service.spec.kind.as_deref() == Some("ExternalName") {
        let message = format!("Service {key} is of type ExternalName, which is not supported");
        let remedy = "refer to a Backend of gateway.envoyproxy.io with an fqdn endpoint";
        return Err(Problem::new("name", Reason::UnsupportedValue, message, remedy));
    }
    let Some(port) = find(&service.spec, number) else {
        let message = format!("Service {key} has no TCP port {number}");
        return Err(Problem::new("port", Reason::PortNotFound, message, known_ports(&service.spec)));
    };
    let protocol =
        if port.app_protocol.as_deref() == Some(H2C) { UpstreamProtocol::H2c } else { UpstreamProtocol::Auto };
    Ok(Site { endpoints: slices.endpoints(&key, &service.spec, port, faults), protocol })
}

fn find(service: &Service, number: u16) -> Option<&ServicePort> {
    tcp_ports(service).find(|port| port.port == number)
}

fn tcp_ports(service: &Service) -> impl Iterator<Item = &ServicePort> {
    service.ports.iter().filter(|port| is_tcp(port.protocol.as_deref()))
}

fn known_ports(service: &Service) -> String {
    let numbers: Vec<_> = tcp_ports(service).map(|port| port.port.to_string()).collect();
    match numbers.as_slice() {
        [] => "add the port to the Service".to_owned(),
        numbers => format!("use one of its ports: {}", numbers.join(", ")),
    }
}
