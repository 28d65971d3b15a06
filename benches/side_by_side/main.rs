//! Sluice and other proxies side by side, in one run.
//!
//! `cargo bench -p sluice-benches --bench side_by_side`

use std::io;

use sluice_benches::side_by_side::role::Role;

fn main() -> io::Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match Role::of(&arguments).map_err(io::Error::other)? {
        Some(role) => role.play(),
        None => Err(io::Error::other("one of `mock --ca FILE`, `load WORK`, `floor TARGET`")),
    }
}
