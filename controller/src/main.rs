//! The program `sluice`.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use sluice_controller::args::{Args, Command};
use sluice_controller::check::check;
use sluice_controller::controller::controller;
use sluice_controller::demo::demo;
use sluice_controller::outcome::Outcome;
use sluice_controller::proxy::proxy;
use sluice_controller::run::run;
use sluice_controller::show::show;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let outcome = match Args::parse().command {
        Command::Run(args) => run(args),
        Command::Check(args) => check(args),
        Command::Translate(args) => show(args),
        Command::Proxy(args) => proxy(args),
        Command::Demo(args) => demo(args),
        Command::Controller(args) => controller(args),
    };
    outcome.unwrap_or_else(failed).into()
}

/// A reader that has gone away (`sluice check … | head`) wants to hear nothing more.
fn failed(error: io::Error) -> Outcome {
    if error.kind() != io::ErrorKind::BrokenPipe {
        // There is nowhere left to tell it if this fails, too.
        drop(writeln!(io::stderr(), "error: {error}"));
    }
    Outcome::Failed
}
