//! Sluice and other proxies side by side, in one run.
//!
//! `cargo bench -p sluice-benches --bench side_by_side -- --help`

use std::io;
use std::process::ExitCode;

use sluice_benches::side_by_side::role::Role;
use sluice_benches::side_by_side::run;

fn main() -> io::Result<ExitCode> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match Role::of(&arguments).map_err(io::Error::other)? {
        Some(role) => role.play().map(|()| ExitCode::SUCCESS),
        None => run::run(),
    }
}
