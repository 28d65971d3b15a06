//! What is known of the infrastructure that runs: where each Gateway is reached, and how many replicas it has.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::Value;

use super::found::Found;
use crate::objects::key::Key;
use crate::status::Address;

/// The infrastructure of all Gateways.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observed {
    /// By Gateway; those of which nothing is known are missing.
    pub gateways: BTreeMap<Key, GatewayInfra>,
}

/// The infrastructure of one Gateway.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GatewayInfra {
    /// Where it is reached.
    pub addresses: Vec<Address>,
    /// How many replicas there are to be.
    pub desired: u64,
    /// How many are ready.
    pub available: u64,
    /// What could not be applied, and why; empty when all is as it should be.
    pub problems: Vec<String>,
    /// Whether it is reached at the addresses of nodes.
    pub(super) needs_nodes: bool,
}

/// Where a Service is reached (Envoy Gateway's rules): at its cluster addresses, at what its load balancer says, else at
/// its external addresses, or at the nodes'.
pub(super) fn addresses(service: &Found, nodes: &[IpAddr]) -> Vec<Address> {
    let external = || service.texts("/spec/externalIPs").filter_map(ip).collect::<Vec<_>>();
    match service.text("/spec/type") {
        "ClusterIP" => service.texts("/spec/clusterIPs").filter_map(ip).collect(),
        "LoadBalancer" => {
            let ingress = service.body.pointer("/status/loadBalancer/ingress").and_then(Value::as_array);
            let given: Vec<_> = ingress.into_iter().flatten().filter_map(of_ingress).collect();
            if given.is_empty() { external() } else { given }
        }
        "NodePort" => {
            let outside = external();
            if outside.is_empty() { nodes.iter().copied().map(Address::Ip).collect() } else { outside }
        }
        _ => Vec::new(),
    }
}

/// A headless Service says `None`, which is no address.
fn ip(text: &str) -> Option<Address> {
    text.parse().ok().map(Address::Ip)
}

fn of_ingress(entry: &Value) -> Option<Address> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    text("ip").and_then(ip).or_else(|| text("hostname").map(|name| Address::Hostname(name.to_owned())))
}

/// The addresses of nodes: of each those outside of the cluster, or, without any, those inside; each once.
pub(super) fn of_nodes<'a>(nodes: impl Iterator<Item = &'a Value>) -> Vec<IpAddr> {
    let each = nodes.flat_map(|node| {
        let of_kind = |kind: &str| -> Vec<IpAddr> {
            let listed = node.pointer("/status/addresses").and_then(Value::as_array).into_iter().flatten();
            let matching = listed.filter(|entry| entry.get("type").and_then(Value::as_str) == Some(kind));
            matching.filter_map(|entry| entry.get("address")?.as_str()?.parse().ok()).collect()
        };
        let external = of_kind("ExternalIP");
        if external.is_empty() { of_kind("InternalIP") } else { external }
    });
    each.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Replicas of a Deployment or a DaemonSet: how many there are to be, and how many are ready.
pub(super) fn replicas(workload: &Found) -> (u64, u64) {
    let number = |pointer| workload.number(pointer);
    let desired = number("/status/desiredNumberScheduled").or_else(|| number("/spec/replicas")).unwrap_or(0);
    let available = number("/status/numberAvailable").or_else(|| number("/status/availableReplicas")).unwrap_or(0);
    (desired, available)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(service: Value, expected: &[&str]) {
        let nodes = ["192.0.2.1".parse().unwrap()];
        let found: Vec<_> = addresses(&Found::new(service), &nodes).iter().map(ToString::to_string).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_service_is_reached_where_its_type_says() {
        check(json!({"spec": {"type": "ClusterIP", "clusterIPs": ["10.0.0.1", "fd00::1"]}}), &["10.0.0.1", "fd00::1"]);
        check(json!({"spec": {"type": "ClusterIP", "clusterIPs": ["None"]}}), &[]);
        check(json!({"spec": {"type": "NodePort"}}), &["192.0.2.1"]);
        check(json!({"spec": {"type": "NodePort", "externalIPs": ["192.0.2.9"]}}), &["192.0.2.9"]);
        check(json!({"spec": {"type": "LoadBalancer", "externalIPs": ["192.0.2.9"]}}), &["192.0.2.9"]);
        let ingress = json!([{"ip": "192.0.2.3"}, {"hostname": "lb.example"}, {}]);
        let service = json!({"spec": {"type": "LoadBalancer"}, "status": {"loadBalancer": {"ingress": ingress}}});
        check(service, &["192.0.2.3", "lb.example"]);
    }

    #[test]
    fn nodes_are_reached_from_outside_if_they_can_be() {
        let node = |addresses: &[(&str, &str)]| {
            let entry = |(kind, address): &(&str, &str)| json!({"type": kind, "address": address});
            json!({"status": {"addresses": addresses.iter().map(entry).collect::<Vec<_>>()}})
        };
        let nodes = [
            node(&[("InternalIP", "10.0.0.2"), ("ExternalIP", "192.0.2.2"), ("Hostname", "a")]),
            node(&[("InternalIP", "10.0.0.3")]),
            node(&[("InternalIP", "10.0.0.3")]),
        ];
        let expected: Vec<IpAddr> = vec!["10.0.0.3".parse().unwrap(), "192.0.2.2".parse().unwrap()];
        assert_eq!(of_nodes(nodes.iter()), expected);
    }
}
