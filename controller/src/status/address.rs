//! Where a Gateway is reached.

use std::fmt;
use std::net::IpAddr;

/// An address of a Gateway (`GatewayStatusAddress`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Address {
    /// An IP address.
    Ip(IpAddr),
    /// A name that resolves to addresses, as some load balancers have.
    Hostname(String),
}

impl Address {
    /// Its type, as statuses carry it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Ip(_) => "IPAddress",
            Self::Hostname(_) => "Hostname",
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => ip.fmt(f),
            Self::Hostname(name) => f.write_str(name),
        }
    }
}
