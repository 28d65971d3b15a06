//! What a Gateway asks of its infrastructure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::api::EnvoyProxySpec;
use crate::objects::key::Key;

/// Added to a port below 1024 inside a pod, which then needs no privilege to bind it (Envoy Gateway's rule).
pub const LOW_PORTS_AT: u16 = 10_000;

/// Ports below this one are privileged.
const FIRST_UNPRIVILEGED: u16 = 1024;

/// The port of metrics and probes inside a pod; Envoy Gateway's for metrics.
pub const ADMIN_PORT: u16 = 19_001;

/// Everything that the infrastructure of one Gateway is made from.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The Gateway.
    pub gateway: Key,
    /// Its `metadata.uid`: the owner of all its objects.
    pub uid: String,
    /// Its class.
    pub class: String,
    /// Ports of its valid listeners, ascending, each once.
    pub ports: Vec<Port>,
    /// Addresses that it asks for.
    pub addresses: Vec<IpAddr>,
    /// `spec.infrastructure.labels`.
    pub labels: BTreeMap<String, String>,
    /// `spec.infrastructure.annotations`.
    pub annotations: BTreeMap<String, String>,
    /// Its EnvoyProxy, the class's and its own made one.
    pub proxy: EnvoyProxySpec,
}

/// A port of a Gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port {
    /// Its number on the Service.
    pub listener: u16,
    /// The port of the pods that it leads to.
    pub container: u16,
}

/// The ports of listeners and where pods bind them, by a rule that needs no list: a new listener restarts no pod. Of two
/// that meet on one port of the pod, the lower wins; the port of metrics and probes is never a listener's. The others
/// are the second list: no Service leads to them.
pub fn container_ports(listeners: &BTreeSet<u16>, proxy: &EnvoyProxySpec) -> (Vec<Port>, Vec<u16>) {
    let mut taken = BTreeSet::from([ADMIN_PORT]);
    let (mut ports, mut lost) = (Vec::new(), Vec::new());
    for &listener in listeners {
        let shifted = shifts_low_ports(proxy) && listener < FIRST_UNPRIVILEGED;
        let container = if shifted { listener + LOW_PORTS_AT } else { listener };
        match taken.insert(container) {
            true => ports.push(Port { listener, container }),
            false => lost.push(listener),
        }
    }
    (ports, lost)
}

/// False when pods bind privileged ports as they are.
pub(super) fn shifts_low_ports(proxy: &EnvoyProxySpec) -> bool {
    let kubernetes = proxy.provider.as_ref().and_then(|provider| provider.kubernetes.as_ref());
    kubernetes.and_then(|k| k.use_listener_port_as_container_port) != Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(listeners: &[u16], expected: &[(u16, u16)], expected_lost: &[u16]) {
        let (ports, lost) = container_ports(&listeners.iter().copied().collect(), &EnvoyProxySpec::default());
        let ports: Vec<_> = ports.iter().map(|port| (port.listener, port.container)).collect();
        assert_eq!((ports.as_slice(), lost.as_slice()), (expected, expected_lost));
    }

    #[test]
    fn low_ports_are_bound_higher_up() {
        check(
            &[80, 443, 1023, 1024, 8080],
            &[(80, 10_080), (443, 10_443), (1023, 11_023), (1024, 1024), (8080, 8080)],
            &[],
        );
    }

    #[test]
    fn no_port_leads_to_anothers_socket() {
        check(&[80, 10_080], &[(80, 10_080)], &[10_080]);
        check(&[8080, 19_001], &[(8080, 8080)], &[19_001]);
    }
}
