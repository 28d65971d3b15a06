//! Listeners: a port, a hostname, and the rules reached through them.

use serde::Serialize;

use crate::matcher::host::HostPattern;
use crate::route::table::RouteTable;

/// One listener of a Gateway. Several may share a port; the most specific hostname takes a request.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Listener {
    /// Its name within the Gateway.
    pub name: String,
    /// The port that the object says.
    pub port: u16,
    /// What is spoken there.
    pub protocol: Protocol,
    /// Hostname it is for; every one without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<HostPattern>,
    /// The rules of the routes attached to it.
    pub routes: RouteTable,
}

/// What a listener speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Protocol {
    /// HTTP/1.1, and HTTP/2 by prior knowledge, without TLS.
    Http,
}
