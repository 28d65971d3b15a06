//! An LLM benchmark client against a mock provider: directly, and through Sluice and other proxies.
//!
//! `cargo bench -p sluice-benches --bench llm_client -- --help`

use std::io;
use std::process::ExitCode;

use sluice_benches::llm_client::run;
use sluice_benches::side_by_side::role::Role;

fn main() -> io::Result<ExitCode> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match Role::of(&arguments).map_err(io::Error::other)? {
        Some(role) => role.play().map(|()| ExitCode::SUCCESS),
        None => run::run(),
    }
}
