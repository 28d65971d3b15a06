//! The ready line: one JSON object on standard output, for whoever started the program.

use std::io::{self, Write};
use std::net::SocketAddr;

use serde::Serialize;
use sluice_gateway::server::Bound;

use super::page::{self, ListenerAddress};

/// The line that others wait for.
#[derive(Serialize)]
struct Ready<'a> {
    event: &'static str,
    admin: SocketAddr,
    listeners: Vec<ListenerAddress<'a>>,
}

/// Writes it.
///
/// # Errors
/// Standard output cannot be written to.
pub fn announce(admin: SocketAddr, bound: &[Bound]) -> io::Result<()> {
    let ready = Ready { event: "ready", admin, listeners: page::listeners(bound) };
    let mut out = io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(&ready)?)?;
    out.flush()
}
