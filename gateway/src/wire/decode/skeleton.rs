//! A Gateway without its routes.

use std::net::IpAddr;
use std::sync::Arc;

use super::content::{host, message as content};
use crate::listener::{Listener, Protocol};
use crate::route::table::{RouteEntry, RouteTable};
use crate::snapshot::Snapshot;
use crate::wire::error::{At, DecodeError, Flaw, each, optional};
use crate::wire::message;
use crate::wire::resource::Resource;

/// A Gateway without routes.
pub(in crate::wire) struct Skeleton {
    name: String,
    addresses: Vec<IpAddr>,
    listeners: Vec<Listener>,
}

impl Skeleton {
    /// Reads a Gateway's resource.
    pub(in crate::wire) fn read(resource: &Resource) -> Result<Self, DecodeError> {
        let message::Gateway { name, addresses, listeners } = content(resource)?;
        let address = |text: &String| text.parse().map_err(|_| Flaw::new("is no address"));
        let addresses = each("addresses", &addresses, address).map_err(|flaw| flaw.of(&resource.name))?;
        let listeners = each("listeners", &listeners, listener).map_err(|flaw| flaw.of(&resource.name))?;
        Ok(Self { name, addresses, listeners })
    }

    /// True when it has a listener of that name.
    pub(in crate::wire) fn has_listener(&self, name: &str) -> bool {
        self.listeners.iter().any(|listener| listener.name == name)
    }

    /// Puts rules into its listeners.
    pub(in crate::wire) fn with(&self, mut entries: impl FnMut(&str) -> Vec<Arc<RouteEntry>>) -> Snapshot {
        let filled = |listener: &Listener| {
            let Listener { name, port, protocol, hostname, routes: _ } = listener;
            let routes = RouteTable::new(entries(name));
            Listener { name: name.clone(), port: *port, protocol: *protocol, hostname: hostname.clone(), routes }
        };
        Snapshot::new(self.name.clone(), self.addresses.clone(), self.listeners.iter().map(filled).collect())
    }
}

fn listener(listener: &message::Listener) -> Result<Listener, Flaw> {
    let message::Listener { name, port, protocol, hostname } = listener;
    let protocol = match message::Protocol::try_from(*protocol) {
        Ok(message::Protocol::Http) => Protocol::Http,
        Ok(message::Protocol::Unspecified) | Err(_) => return Err(Flaw::unknown()).at("protocol"),
    };
    let port = u16::try_from(*port).map_err(|_| Flaw::new("is no port")).at("port")?;
    let hostname = optional("hostname", hostname.as_ref(), |text| host(text))?;
    Ok(Listener { name: name.clone(), port, protocol, hostname, routes: RouteTable::default() })
}
