//! What was measured, for people: on standard output also when the test succeeds.

use std::fmt::Display;
use std::io::{Write, stdout};

/// One line.
pub(crate) fn say(line: impl Display) {
    // Not by `println!`, which the test harness keeps to itself.
    let mut out = stdout();
    writeln!(out, "{line}").unwrap();
}
