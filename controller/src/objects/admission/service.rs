//! `Service` and `EndpointSlice`: what matters of their rules.

use std::net::IpAddr;

use super::field::Field;
use super::names;
use super::violations::Violations;
use crate::api::{EndpointSlice, Service, ServicePort, SliceEndpoint};

const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];
const MOST_ENDPOINTS: usize = 1000;
const MOST_ADDRESSES: usize = 100;
const MOST_SLICE_PORTS: usize = 20_000;

pub(super) fn review(service: &Service, spec: &Field, out: &mut Violations) {
    let Service { kind, ports, external_name, publish_not_ready_addresses: _ } = service;
    kind.iter().for_each(|kind| out.one_of(&spec.at("type"), kind, &TYPES));
    if kind.as_deref() == Some("ExternalName") && external_name.is_none() {
        out.refuse(&spec.at("externalName"), "is missing", "write the name that the Service stands for");
    }
    for (i, ServicePort { name, protocol, port, app_protocol: _ }) in ports.iter().enumerate() {
        let at = spec.item("ports", i);
        out.check(&at.at("port"), names::port(*port));
        protocol.iter().for_each(|protocol| out.one_of(&at.at("protocol"), protocol, &PROTOCOLS));
        if !name.is_empty() {
            out.check(&at.at("name"), names::label(name));
        } else if ports.len() > 1 {
            out.refuse(&at.at("name"), "is missing beside other ports", "give each port a name");
        }
    }
    let named = ports.iter().enumerate().filter(|(_, port)| !port.name.is_empty());
    out.unique(named.map(|(i, port)| (spec.item("ports", i).at("name"), &port.name)), "the name of a port");
}

pub(super) fn review_slice(slice: &EndpointSlice, out: &mut Violations) {
    let EndpointSlice { address_type, endpoints, ports } = slice;
    out.one_of(&Field::new("addressType"), address_type, &["IPv4", "IPv6", "FQDN"]);
    out.at_most(&Field::new("endpoints"), endpoints.len(), MOST_ENDPOINTS);
    out.at_most(&Field::new("ports"), ports.len(), MOST_SLICE_PORTS);
    for (i, SliceEndpoint { addresses, conditions: _ }) in endpoints.iter().enumerate() {
        let list = Field::new(&format!("endpoints[{i}].addresses"));
        out.at_least_one(&list, addresses.len());
        out.at_most(&list, addresses.len(), MOST_ADDRESSES);
        for (j, address) in addresses.iter().enumerate() {
            review_address(address, address_type, &Field::new(&format!("{list}[{j}]")), out);
        }
    }
    for (i, port) in ports.iter().enumerate() {
        let at = Field::new(&format!("ports[{i}]"));
        port.port.iter().for_each(|port| out.check(&at.at("port"), names::port(*port)));
        port.protocol.iter().for_each(|protocol| out.one_of(&at.at("protocol"), protocol, &PROTOCOLS));
    }
}

fn review_address(address: &str, kind: &str, at: &Field, out: &mut Violations) {
    let is_right = match (kind, address.parse::<IpAddr>()) {
        ("IPv4", ip) => ip.is_ok_and(|ip| ip.is_ipv4()),
        ("IPv6", ip) => ip.is_ok_and(|ip| ip.is_ipv6()),
        ("FQDN", _) => return out.check(at, names::precise_hostname(address)),
        _ => return,
    };
    if !is_right {
        out.refuse(at, format!("{address:?} is no {kind} address"), format!("write an {kind} address"));
    }
}
