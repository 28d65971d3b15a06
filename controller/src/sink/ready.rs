//! The ready line: one JSON object on standard output, for whoever started the program.

use std::io::{self, Write};
use std::net::SocketAddr;

use serde::Serialize;
use serde_json::json;
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
    write(&Ready { event: "ready", admin, listeners: page::listeners(bound) })
}

/// Says where the admin port is, before there is anything to be ready for.
///
/// # Errors
/// Standard output cannot be written to.
pub fn started(admin: SocketAddr) -> io::Result<()> {
    write(&json!({ "event": "started", "admin": admin }))
}

fn write(line: &impl Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(line)?)?;
    out.flush()
}
