//! Envoy Gateway's Backends: where they are, and what is wrong with them.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use sluice_gateway::cluster::{Endpoint, UpstreamProtocol};
use sluice_gateway::matcher::host::is_dns_name;

use crate::api::{Backend, BackendEndpoint, FqdnEndpoint, IpEndpoint};
use crate::objects::key::Key;
use crate::objects::{Kind, Object, Objects};
use crate::status::condition::{ConditionType, Reason};
use crate::translate::backend_tls::BackendTls;
use crate::translate::defect;
use crate::translate::fault::{Fault, Place};
use crate::translate::settings::Infrastructure;

const H2C: &str = "gateway.envoyproxy.io/h2c";
/// WebSocket upgrades pass without being asked for.
const WEB_SOCKETS: [&str; 2] = ["gateway.envoyproxy.io/ws", "gateway.envoyproxy.io/wss"];

/// All Backends.
pub(crate) type JudgedBackends = BTreeMap<Key, JudgedBackend>;

/// A Backend with its verdict.
pub(crate) struct JudgedBackend {
    pub(crate) generation: i64,
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) protocol: UpstreamProtocol,
    pub(crate) tls: Option<BackendTls>,
    pub(crate) faults: Vec<Fault>,
}

/// Judges all Backends, whether a route refers to them or not.
pub(crate) fn judge(objects: &Objects, infrastructure: &Infrastructure) -> JudgedBackends {
    let one = |(key, object): (&Key, &Object<Backend>)| (key.clone(), judge_one(key, object, infrastructure));
    objects.backends.iter().map(one).collect()
}

impl JudgedBackend {
    /// What makes it unusable, if anything does.
    pub(crate) fn refused(&self) -> Option<&Fault> {
        self.faults.iter().find(|fault| fault.is_about(ConditionType::Accepted))
    }
}

fn judge_one(key: &Key, object: &Object<Backend>, infrastructure: &Infrastructure) -> JudgedBackend {
    let Backend { kind, endpoints, app_protocols, fallback, tls } = &object.spec;
    let place = Place::of(Kind::Backend, key).at("spec");
    let mut faults = defect::of_object(Kind::Backend, key, &object.meta, Reason::Invalid);
    faults.extend(kind_fault(kind.as_deref(), &place.at("type")));
    if faults.is_empty() {
        faults.extend(mixture(endpoints, &place.at("endpoints")));
    }
    let mut places = Vec::new();
    for (index, given) in endpoints.iter().enumerate() {
        let place = place.at("endpoints").index(index);
        match endpoint(given, &place, infrastructure) {
            Ok(endpoint) => places.push(endpoint),
            Err(fault) => faults.push(fault.fails(ConditionType::Accepted, Reason::Invalid)),
        }
        faults.extend(given.hostname.as_ref().map(|_| place.at("hostname").not_acted_on()));
        faults.extend(given.zone.as_ref().map(|_| place.at("zone").not_acted_on()));
    }
    faults.extend(fallback.filter(|on| *on).map(|_| place.at("fallback").not_acted_on()));
    let protocol = protocol(app_protocols, &place.at("appProtocols"), &mut faults);
    let tls = tls.as_ref().and_then(|value| match BackendTls::parse(value, &place.at("tls")) {
        Ok(tls) => Some(tls),
        Err(fault) => {
            faults.push(fault);
            None
        }
    });
    JudgedBackend { generation: object.meta.generation, endpoints: places, protocol, tls, faults }
}

fn kind_fault(kind: Option<&str>, place: &Place) -> Option<Fault> {
    let kind = kind.filter(|kind| *kind != "Endpoints")?;
    let fault = place.error(format!("a Backend of type {kind} is not supported"), "list its endpoints");
    Some(fault.fails(ConditionType::Accepted, Reason::Invalid))
}

/// There must be endpoints, and names may not stand beside addresses.
fn mixture(endpoints: &[BackendEndpoint], place: &Place) -> Option<Fault> {
    let names = endpoints.iter().filter(|e| e.fqdn.is_some()).count();
    let fault = if endpoints.is_empty() {
        place.error("a Backend needs at least one endpoint", "add an fqdn or ip endpoint")
    } else if names != 0 && names != endpoints.len() {
        place.error("fqdn endpoints cannot stand beside other endpoints", "make a Backend of each sort")
    } else {
        return None;
    };
    Some(fault.fails(ConditionType::Accepted, Reason::Invalid))
}

fn endpoint(given: &BackendEndpoint, place: &Place, infrastructure: &Infrastructure) -> Result<Endpoint, Fault> {
    match (&given.fqdn, &given.ip, &given.unix) {
        (Some(FqdnEndpoint { hostname, port }), None, None) => fqdn(hostname, *port, &place.at("fqdn.hostname")),
        (None, Some(IpEndpoint { address, port }), None) => {
            let place = place.at("ip.address");
            let address = ip(address, *port, &place)?;
            not_of_the_pod(address, &place, infrastructure).map(Endpoint::Ip)
        }
        (None, None, Some(_)) => {
            Err(place.at("unix").error("unix sockets are not supported", "use an ip or fqdn endpoint"))
        }
        _ => Err(place.error("an endpoint is exactly one of fqdn, ip and unix", "split it in several")),
    }
}

/// As Envoy Gateway demands: at least two labels, and no address in disguise.
fn fqdn(text: &str, port: u16, place: &Place) -> Result<Endpoint, Fault> {
    let hostname = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    if hostname.parse::<IpAddr>().is_ok() {
        return Err(place.error(format!("{text:?} is an address"), "write it under ip"));
    }
    if !is_dns_name(&hostname) || !hostname.contains('.') {
        let remedy = "write a full DNS name, or an address under ip";
        return Err(place.error(format!("{text:?} is no fully qualified hostname"), remedy));
    }
    Ok(Endpoint::Fqdn { hostname, port })
}

fn ip(text: &str, port: u16, place: &Place) -> Result<SocketAddr, Fault> {
    match text.parse::<IpAddr>() {
        Ok(ip) if !ip.is_unspecified() => Ok(SocketAddr::new(ip, port)),
        _ => Err(place.error(format!("{text:?} is no address to connect to"), "write an IPv4 or IPv6 address")),
    }
}

/// As in Envoy Gateway: a pod's loopback address leads to the pod itself, which is never what is meant.
fn not_of_the_pod(address: SocketAddr, place: &Place, infrastructure: &Infrastructure) -> Result<SocketAddr, Fault> {
    if infrastructure.of_pods().is_some() && address.ip().to_canonical().is_loopback() {
        let message = format!("{} is a loopback address, which in a pod is the pod itself", address.ip());
        return Err(place.error(message, "write an address that pods reach"));
    }
    Ok(address)
}

fn protocol(given: &[String], place: &Place, faults: &mut Vec<Fault>) -> UpstreamProtocol {
    let unknown = given.iter().enumerate().filter(|(_, p)| *p != H2C && !WEB_SOCKETS.contains(&p.as_str()));
    faults.extend(unknown.map(|(index, protocol)| {
        let fault = place.index(index).error(format!("protocol {protocol:?} is not known"), format!("use {H2C}"));
        fault.fails(ConditionType::Accepted, Reason::Invalid)
    }));
    if given.iter().any(|p| p == H2C) { UpstreamProtocol::H2c } else { UpstreamProtocol::Auto }
}
