//! The rules that make the addresses of Services lead to their endpoints, as text for `nft -f`.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddrV4};

use crate::node::address;
use crate::node::service::{Protocol, Table};

/// The name of the table that the node owns.
const TABLE: &str = "sluice_bed";

/// Removes everything that the node has set.
pub(crate) fn none() -> String {
    format!("add table ip {TABLE}\ndelete table ip {TABLE}\n")
}

/// Puts the rules of `table` in the place of those that are there, in one step.
pub(crate) fn rules(table: &Table) -> String {
    let (mut chains, mut verdicts) = (String::new(), Vec::new());
    let mut pods = BTreeSet::new();
    for entry in table.0.values() {
        let addresses: Vec<Ipv4Addr> = entry.cluster_ip.into_iter().chain(entry.external.iter().copied()).collect();
        for port in entry.ports.iter().filter(|port| !port.endpoints.is_empty() && !addresses.is_empty()) {
            let chain = format!("s{}", verdicts.len());
            let protocol = match port.protocol {
                Protocol::Tcp => "tcp",
                Protocol::Udp => "udp",
            };
            chains.push_str(&chain_of(&chain, protocol, &port.endpoints));
            let verdict = |ip: &Ipv4Addr| format!("{ip} . {protocol} . {} : goto {chain}", port.number);
            verdicts.extend(addresses.iter().map(verdict));
            pods.extend(port.endpoints.iter().map(|endpoint| *endpoint.ip()));
        }
    }
    let services = elements(verdicts.into_iter());
    let loops = elements(pods.iter().map(|ip| format!("{ip} . {ip}")));
    let (dns, service_net, balancer_net) = (address::DNS, address::SERVICES, address::BALANCERS);
    // A connection to an address of a Service that leads nowhere is refused, as kube-proxy does it.
    let refuse = format!("ip daddr {dns} accept\n    ip daddr {{ {service_net}, {balancer_net} }} reject");
    format!(
        "{reset}table ip {TABLE} {{\n\
         \x20 map services {{\n    type ipv4_addr . inet_proto . inet_service : verdict\n{services}  }}\n\
         \x20 set loops {{\n    type ipv4_addr . ipv4_addr\n{loops}  }}\n\
         {chains}\
         \x20 chain dispatch {{\n    ip daddr . meta l4proto . th dport vmap @services\n  }}\n\
         \x20 chain prerouting {{\n    type nat hook prerouting priority dstnat\n    jump dispatch\n  }}\n\
         \x20 chain output {{\n    type nat hook output priority -100\n    jump dispatch\n  }}\n\
         \x20 chain postrouting {{\n    type nat hook postrouting priority srcnat\n\
         \x20   ct status dnat ip saddr . ip daddr @loops masquerade\n  }}\n\
         \x20 chain refuse_forward {{\n    type filter hook forward priority filter\n    {refuse}\n  }}\n\
         \x20 chain refuse_output {{\n    type filter hook output priority filter\n    {refuse}\n  }}\n\
         }}\n",
        reset = none(),
    )
}

fn chain_of(name: &str, protocol: &str, endpoints: &[SocketAddrV4]) -> String {
    let target = match endpoints {
        [one] => one.to_string(),
        many => {
            let mut map = format!("numgen random mod {} map {{ ", many.len());
            for (index, endpoint) in many.iter().enumerate() {
                let comma = if index == 0 { "" } else { ", " };
                // Writing to a String does not fail.
                let _ = write!(map, "{comma}{index} : {} . {}", endpoint.ip(), endpoint.port());
            }
            map + " }"
        }
    };
    format!("  chain {name} {{\n    meta l4proto {protocol} dnat to {target}\n  }}\n")
}

fn elements(all: impl Iterator<Item = String>) -> String {
    let all = all.collect::<BTreeSet<_>>();
    if all.is_empty() {
        return String::new();
    }
    let lines = all.into_iter().collect::<Vec<_>>().join(",\n      ");
    format!("    elements = {{\n      {lines}\n    }}\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::node::service::tests::{service, slice, table};

    #[test]
    fn a_service_leads_to_each_endpoint_in_turn() {
        let spec = json!({"clusterIP": "10.96.1.1", "externalIPs": ["10.246.1.1"], "ports": [{"port": 80}]});
        let endpoints = json!([{"addresses": ["10.244.1.1"]}, {"addresses": ["10.244.1.2"]}]);
        let rules = rules(&table(json!([service("s", spec)]), json!([slice("s", json!({"port": 8080}), endpoints)])));
        for line in [
            "dnat to numgen random mod 2 map { 0 : 10.244.1.1 . 8080, 1 : 10.244.1.2 . 8080 }",
            "10.96.1.1 . tcp . 80 : goto s0",
            "10.246.1.1 . tcp . 80 : goto s0",
            "10.244.1.1 . 10.244.1.1",
        ] {
            assert!(rules.contains(line), "{line} in {rules}");
        }
        assert!(rules.starts_with(&none()), "the old rules go in the same step");
    }

    #[test]
    fn a_service_without_endpoints_has_no_rule() {
        let spec = json!({"clusterIP": "10.96.1.1", "ports": [{"port": 80}]});
        let rules = rules(&table(json!([service("s", spec)]), json!([])));
        assert!(!rules.contains("10.96.1.1") && !rules.contains("elements"), "{rules}");
        assert!(rules.contains("reject"), "{rules}");
    }
}
