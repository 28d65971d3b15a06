//! `sluice check`: what is wrong with the objects, where, and what would mend it.

use std::io::{self, IsTerminal, Write};

use crate::args::CheckArgs;
use crate::outcome::Outcome;
use crate::report::{self, Reader};
use crate::source::file::{Environment, FileSource};
use crate::translate::{Settings, translate};

/// Reads, translates, and prints every finding to standard output.
///
/// # Errors
/// Standard output cannot be written to.
pub fn check(args: CheckArgs) -> io::Result<Outcome> {
    let mut out = io::stdout().lock();
    let reader = Reader::of(args.json, out.is_terminal());
    let world = FileSource::new(args.paths, Environment::of_process()).read();
    let translation = translate(&world.objects, &Settings::default());
    let diagnostics = world.diagnose(translation.findings);
    report::write(&mut out, reader, &diagnostics)?;
    if reader != Reader::Machine {
        writeln!(out, "{}", report::sum(world.manifests.len(), &diagnostics))?;
    }
    Ok(world.outcome(&diagnostics))
}
