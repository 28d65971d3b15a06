//! `sluice check`: what is wrong with the objects, where, and what would mend it.

use std::io::{self, IsTerminal, Write};

use crate::args::CheckArgs;
use crate::diagnostic::{Diagnostic, Level};
use crate::outcome::Outcome;
use crate::report::{self, Reader};
use crate::source::file::{Environment, FileSource, World};

/// Reads, translates, and prints every finding to standard output.
///
/// # Errors
/// Standard output cannot be written to.
pub fn check(args: CheckArgs) -> io::Result<Outcome> {
    let mut out = io::stdout().lock();
    let reader = Reader::of(args.json, out.is_terminal());
    let world = FileSource::new(args.paths, Environment::of_process()).read();
    let diagnostics = world.diagnostics.clone();
    report::write(&mut out, reader, &diagnostics)?;
    if reader != Reader::Machine {
        writeln!(out, "{}", report::sum(world.manifests.len(), &diagnostics))?;
    }
    Ok(outcome(&world, &diagnostics))
}

/// How a command ends that has read a world.
pub(crate) fn outcome(world: &World, diagnostics: &[Diagnostic]) -> Outcome {
    match diagnostics.iter().any(|d| d.level == Level::Error) {
        _ if world.is_incomplete => Outcome::Failed,
        true => Outcome::Findings,
        false => Outcome::Well,
    }
}
