//! What a person reads on standard error while a bed comes up.

use std::fmt::Display;
use std::io::{self, Write};

/// One line, said by the bed.
pub(crate) fn say(line: impl Display) {
    // Nobody reads it any more: no reason to end.
    drop(writeln!(io::stderr(), "bed: {line}"));
}
