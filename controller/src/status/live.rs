//! What only a running data plane knows: which listeners are bound, and where; which replicas serve what.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use crate::objects::key::Key;
use crate::status::address::Address;
use crate::status::condition::{Condition, ConditionType, Reason};
use crate::status::statuses::{GatewayStatus, ListenerStatus, Statuses};

/// What is known of all data planes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Live {
    /// Of the data plane in this process, for each listener (namespace and name of its Gateway as `ns/name`, its own
    /// name): the address it is bound to, or why it is not. A listener that is missing here is still waited for.
    pub bound: BTreeMap<(String, String), Result<SocketAddr, String>>,
    /// Of data planes in processes of their own, by Gateway. One that is missing here is still waited for, and what its
    /// status says of it stays.
    pub planes: BTreeMap<Key, Plane>,
}

/// The data plane of one Gateway: replicas behind addresses that they have in common.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plane {
    /// Where the Gateway is reached; empty while nothing is assigned.
    pub addresses: Vec<Address>,
    /// How many replicas are connected.
    pub replicas: usize,
    /// How many of them have acknowledged the newest version.
    pub serving: usize,
    /// Listeners that some replica cannot serve, and why.
    pub failed: BTreeMap<String, String>,
    /// What could not be made of its infrastructure, and why.
    pub problems: Vec<String>,
}

impl FromIterator<(String, String, Result<SocketAddr, String>)> for Live {
    fn from_iter<I: IntoIterator<Item = (String, String, Result<SocketAddr, String>)>>(entries: I) -> Self {
        let entry = |(gateway, listener, result)| ((gateway, listener), result);
        Self { bound: entries.into_iter().map(entry).collect(), planes: BTreeMap::new() }
    }
}

/// What is the case, and what may be the reason.
fn with(problems: &[String], what: &str) -> String {
    if problems.is_empty() { what.to_owned() } else { format!("{what}: {}", problems.join("; ")) }
}

/// Most entries that `status.addresses` takes.
const MOST_ADDRESSES: usize = 16;

impl Statuses {
    /// The same statuses with `Programmed` and the addresses of Gateways as the data plane reports them.
    /// What translation has refused stays refused.
    #[must_use]
    pub fn settle(&self, live: &Live) -> Self {
        let mut settled = self.clone();
        for (key, status) in &mut settled.gateways {
            match live.planes.get(key) {
                Some(plane) => settle_plane(status, plane),
                None => settle_gateway(&key.to_string(), status, live),
            }
        }
        settled
    }
}

/// `Programmed` needs an address and a replica that serves the newest version (Gateway API
/// `GatewayConditionProgrammed`; the reasons are Envoy Gateway's).
fn settle_plane(status: &mut GatewayStatus, plane: &Plane) {
    let kind = ConditionType::Programmed;
    let Plane { addresses, replicas, serving, failed, problems } = plane;
    let of_all = format!("{serving}/{replicas} replicas");
    for listener in &mut status.listeners {
        let programmed = match (failed.get(&listener.name), *serving) {
            (Some(why), _) => Condition::fails(kind, Reason::PortUnavailable, why),
            (None, 0) => Condition::fails(kind, Reason::Pending, format!("served by {of_all}")),
            (None, _) => Condition::holds(kind, Reason::Programmed, format!("served by {of_all}")),
        };
        settle_listener(listener, programmed);
    }
    if let Some(waiting) = status.conditions.iter_mut().find(|c| is_waiting(c)) {
        *waiting = match (addresses.first(), *serving) {
            (None, _) => {
                Condition::fails(kind, Reason::AddressNotAssigned, with(problems, "no address is assigned yet"))
            }
            (Some(_), 0) => {
                Condition::fails(kind, Reason::NoResources, with(problems, &format!("{of_all} serve this version")))
            }
            (Some(first), _) => Condition::holds(kind, Reason::Programmed, format!("reached at {first}; {of_all}")),
        };
    }
    status.addresses = addresses.iter().take(MOST_ADDRESSES).cloned().collect();
}

fn settle_gateway(gateway: &str, status: &mut GatewayStatus, live: &Live) {
    let mut addresses = BTreeSet::new();
    let mut failures = Vec::new();
    for listener in &mut status.listeners {
        match live.bound.get(&(gateway.to_owned(), listener.name.clone())) {
            Some(Ok(address)) if listener.conditions.iter().any(is_waiting) => {
                addresses.insert(address.ip());
                settle_listener(listener, bound(address));
            }
            Some(Err(why)) => {
                failures.push(format!("listener {}: {why}", listener.name));
                settle_listener(listener, Condition::fails(ConditionType::Programmed, Reason::PortUnavailable, why));
            }
            Some(Ok(_)) | None => {}
        }
    }
    if let Some(programmed) = status.conditions.iter_mut().find(|c| is_waiting(c)) {
        if let Some(first) = addresses.first() {
            let message = format!("reached at {first}");
            *programmed = Condition::holds(ConditionType::Programmed, Reason::Programmed, message);
        } else if !failures.is_empty() {
            let asked = !status.requested.is_empty();
            let reason = if asked { Reason::AddressNotUsable } else { Reason::AddressNotAssigned };
            *programmed = Condition::fails(ConditionType::Programmed, reason, failures.join("; "));
        }
    }
    status.addresses = addresses.into_iter().map(Address::Ip).collect();
}

fn bound(address: &SocketAddr) -> Condition {
    Condition::holds(ConditionType::Programmed, Reason::Programmed, format!("bound to {address}"))
}

fn settle_listener(listener: &mut ListenerStatus, programmed: Condition) {
    if let Some(waiting) = listener.conditions.iter_mut().find(|c| is_waiting(c)) {
        *waiting = programmed;
    }
}

fn is_waiting(condition: &Condition) -> bool {
    condition.kind == ConditionType::Programmed && condition.reason == Reason::Pending
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::key::Key;

    fn listener(name: &str, programmed: Condition) -> ListenerStatus {
        ListenerStatus {
            name: name.to_owned(),
            supported_kinds: Vec::new(),
            attached_routes: 0,
            conditions: vec![programmed],
        }
    }

    fn pending() -> Condition {
        Condition::pending(ConditionType::Programmed, "")
    }

    /// Settles a Gateway `ai/gateway` with the listeners `a`, `b` (both waiting) and `bad` (refused).
    fn settled(requested: &[&str], bound: &[(&str, Result<&str, &str>)]) -> Vec<String> {
        let refused = Condition::fails(ConditionType::Programmed, Reason::Invalid, "");
        let status = GatewayStatus {
            generation: 1,
            conditions: vec![pending()],
            requested: requested.iter().map(|ip| ip.parse().unwrap()).collect(),
            addresses: Vec::new(),
            listeners: vec![listener("a", pending()), listener("b", pending()), listener("bad", refused)],
        };
        let key = Key::new("ai", "gateway");
        let statuses = Statuses { gateways: [(key.clone(), status)].into(), ..Statuses::default() };
        let live = bound.iter().map(|(name, result)| {
            let result = result.map(|address| address.parse().unwrap()).map_err(str::to_owned);
            ("ai/gateway".to_owned(), (*name).to_owned(), result)
        });
        let status = &statuses.settle(&live.collect()).gateways[&key];
        let listeners = status.listeners.iter().map(|l| format!("{} {}", l.name, l.conditions[0]));
        let addresses = status.addresses.iter().map(ToString::to_string);
        status.conditions.iter().map(ToString::to_string).chain(addresses).chain(listeners).collect()
    }

    #[test]
    fn nothing_is_said_of_what_is_not_known() {
        let waiting = "Programmed: Unknown Pending";
        let expected = [waiting, "a Programmed: Unknown Pending", "b Programmed: Unknown Pending"];
        assert_eq!(settled(&[], &[])[..3], expected);
    }

    #[test]
    fn one_bound_listener_makes_an_address() {
        let bound = [("a", Ok("127.0.0.1:8080")), ("b", Err("in use")), ("bad", Ok("127.0.0.1:1"))];
        let expected = [
            "Programmed: True",
            "127.0.0.1",
            "a Programmed: True",
            "b Programmed: False PortUnavailable, in use",
            "bad Programmed: False Invalid",
        ];
        assert_eq!(settled(&[], &bound), expected);
    }

    #[test]
    fn a_plane_is_programmed_when_it_has_an_address_and_a_replica_that_serves() {
        let check = |addresses: &[&str], (serving, replicas): (usize, usize), expected: &str| {
            let addresses = addresses.iter().map(|a| Address::Ip(a.parse().unwrap())).collect();
            let failed = [("b".to_owned(), "in use".to_owned())].into();
            let plane = Plane { addresses, replicas, serving, failed, problems: Vec::new() };
            let listeners = vec![listener("a", pending()), listener("b", pending())];
            let (requested, conditions) = (Vec::new(), vec![pending()]);
            let mut status = GatewayStatus { generation: 1, conditions, requested, addresses: Vec::new(), listeners };
            settle_plane(&mut status, &plane);
            let programmed = &status.conditions[0];
            assert_eq!(format!("{} {} {}", programmed.status, programmed.reason, programmed.message), expected);
            assert_eq!(status.listeners[0].conditions[0].is_true(), serving > 0);
            assert_eq!(status.listeners[1].conditions[0].reason, Reason::PortUnavailable);
        };
        check(&[], (1, 1), "False AddressNotAssigned no address is assigned yet");
        check(&["10.0.0.1"], (0, 2), "False NoResources 0/2 replicas serve this version");
        check(&["10.0.0.1", "10.0.0.2"], (1, 2), "True Programmed reached at 10.0.0.1; 1/2 replicas");
    }

    #[test]
    fn an_address_that_was_asked_for_is_at_fault_where_nothing_is_bound() {
        let failed = [("a", Err("no such address"))];
        let reason = |requested: &[&str]| settled(requested, &failed)[0].clone();
        assert_eq!(reason(&[]), "Programmed: False AddressNotAssigned, listener a: no such address");
        assert_eq!(reason(&["192.0.2.1"]), "Programmed: False AddressNotUsable, listener a: no such address");
    }
}
