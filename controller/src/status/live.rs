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
            Some(Ok(address)) => {
                addresses.insert(address.ip());
                settle_listener(listener, bound(address));
            }
            Some(Err(why)) => {
                failures.push(format!("listener {}: {why}", listener.name));
                settle_listener(listener, Condition::fails(ConditionType::Programmed, Reason::PortUnavailable, why));
            }
            None => {}
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
