//! Envoy Gateway's `Backend`.

use std::net::IpAddr;

use serde_json::Value;

use super::field::Field;
use super::names;
use super::violations::Violations;
use crate::api::{Backend, BackendEndpoint, FqdnEndpoint, IpEndpoint};

const MOST_ENDPOINTS: usize = 256;
const LONGEST_SOCKET_PATH: usize = 108;
const APP_PROTOCOLS: [&str; 3] = ["gateway.envoyproxy.io/h2c", "gateway.envoyproxy.io/ws", "gateway.envoyproxy.io/wss"];

pub(super) fn review(backend: &Backend, spec: &Field, out: &mut Violations) {
    let Backend { kind, endpoints, app_protocols, fallback: _, tls: _ } = backend;
    kind.iter().for_each(|kind| out.one_of(&spec.at("type"), kind, &["Endpoints", "DynamicResolver"]));
    let list = spec.at("endpoints");
    if kind.as_deref() == Some("DynamicResolver") && !endpoints.is_empty() {
        out.refuse(&list, "a DynamicResolver has no endpoints", "delete the endpoints, or `type`");
    }
    out.at_most(&list, endpoints.len(), MOST_ENDPOINTS);
    for (i, endpoint) in endpoints.iter().enumerate() {
        review_endpoint(endpoint, &spec.item("endpoints", i), out);
    }
    if endpoints.iter().any(|e| e.fqdn.is_some()) && endpoints.iter().any(|e| e.ip.is_some() || e.unix.is_some()) {
        out.refuse(&list, "names (`fqdn`) are mixed with addresses", "make two Backends of it");
    }
    for (i, protocol) in app_protocols.iter().enumerate() {
        out.one_of(&spec.item("appProtocols", i), protocol, &APP_PROTOCOLS);
    }
}

fn review_endpoint(endpoint: &BackendEndpoint, at: &Field, out: &mut Violations) {
    let BackendEndpoint { fqdn, ip, unix, hostname, zone: _ } = endpoint;
    match [fqdn.is_some(), ip.is_some(), unix.is_some()].iter().filter(|given| **given).count() {
        1 => {}
        0 => out.refuse(at, "has no address", "add one of `fqdn`, `ip` and `unix`"),
        _ => out.refuse(
            at,
            "has several addresses",
            "keep one of `fqdn`, `ip` and `unix`; more endpoints are more items",
        ),
    }
    if let Some(FqdnEndpoint { hostname, port }) = fqdn {
        out.check(&at.at("fqdn.hostname"), names::lookup_name(hostname));
        out.check(&at.at("fqdn.port"), names::port(*port));
    }
    if let Some(IpEndpoint { address, port }) = ip {
        if address.parse::<IpAddr>().is_err() {
            let remedy = "write an IPv4 or IPv6 address; a name belongs under `fqdn`";
            out.refuse(&at.at("ip.address"), format!("{address:?} is no IP address"), remedy);
        }
        out.check(&at.at("ip.port"), names::port(*port));
    }
    let socket = unix.as_ref().and_then(|unix| unix.get("path")).and_then(Value::as_str);
    if unix.is_some() && !socket.is_some_and(|path| (1..=LONGEST_SOCKET_PATH).contains(&path.len())) {
        out.refuse(&at.at("unix.path"), "is missing or longer than 108 characters", "write the path of the socket");
    }
    hostname.iter().for_each(|hostname| out.check(&at.at("hostname"), names::precise_hostname(hostname)));
}
