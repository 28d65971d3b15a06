//! What only a running data plane knows: which listeners are bound, and where.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use crate::status::condition::{Condition, ConditionType, Reason};
use crate::status::statuses::{GatewayStatus, ListenerStatus, Statuses};

/// Of each listener (namespace and name of its Gateway as `ns/name`, its own name): the address it is bound to, or
/// why it is not. A listener that is missing here is still waited for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Live(pub BTreeMap<(String, String), Result<SocketAddr, String>>);

impl FromIterator<(String, String, Result<SocketAddr, String>)> for Live {
    fn from_iter<I: IntoIterator<Item = (String, String, Result<SocketAddr, String>)>>(entries: I) -> Self {
        Self(entries.into_iter().map(|(gateway, listener, result)| ((gateway, listener), result)).collect())
    }
}

impl Statuses {
    /// The same statuses with `Programmed` and the addresses of Gateways as the data plane reports them.
    /// What translation has refused stays refused.
    #[must_use]
    pub fn settle(&self, live: &Live) -> Self {
        let mut settled = self.clone();
        for (key, status) in &mut settled.gateways {
            settle_gateway(&key.to_string(), status, live);
        }
        settled
    }
}

fn settle_gateway(gateway: &str, status: &mut GatewayStatus, live: &Live) {
    let mut addresses = BTreeSet::new();
    let mut failures = Vec::new();
    for listener in &mut status.listeners {
        match live.0.get(&(gateway.to_owned(), listener.name.clone())) {
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
    status.addresses = addresses.into_iter().collect();
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
    fn an_address_that_was_asked_for_is_at_fault_where_nothing_is_bound() {
        let failed = [("a", Err("no such address"))];
        let reason = |requested: &[&str]| settled(requested, &failed)[0].clone();
        assert_eq!(reason(&[]), "Programmed: False AddressNotAssigned, listener a: no such address");
        assert_eq!(reason(&["192.0.2.1"]), "Programmed: False AddressNotUsable, listener a: no such address");
    }
}
