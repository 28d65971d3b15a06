//! The program `bed`.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use sluice_cluster::args::{Args, Command, ControlArgs};
use sluice_cluster::bed::Bed;
use sluice_cluster::echo::echo;
use sluice_cluster::enter::enter;
use sluice_cluster::inside::inside;
use sluice_cluster::node::init::become_container;
use tokio::runtime::Builder;

/// What the program returns when the bed itself failed, as `env` and `timeout` have it.
const BED_FAILED: u8 = 125;

fn main() -> ExitCode {
    match run(Args::parse().command) {
        Ok(code) => code.into(),
        Err(error) => {
            // There is nowhere left to tell it if this fails, too.
            drop(writeln!(io::stderr(), "bed: {error}"));
            BED_FAILED.into()
        }
    }
}

fn run(command: Command) -> io::Result<u8> {
    // kube and the kubelet's endpoint take the process's default; a second installation is refused and needs no remedy.
    drop(rustls::crypto::ring::default_provider().install_default());
    match command {
        // One thread: the namespaces die with the thread that made them.
        Command::Run(args) => Builder::new_current_thread().enable_all().build()?.block_on(enter(&args)),
        Command::Inside(args) => Builder::new_multi_thread().enable_all().build()?.block_on(inside(args)),
        Command::PodInit { launch } => Err(become_container(&launch)),
        Command::Echo => Builder::new_current_thread().enable_all().build()?.block_on(echo()),
        Command::Ctl(args) => Builder::new_current_thread().enable_all().build()?.block_on(control(&args)),
    }
}

async fn control(args: &ControlArgs) -> io::Result<u8> {
    let said = Bed::from_env()?.component(args.component).order(args.action).await?;
    writeln!(io::stdout(), "{said}")?;
    Ok(0)
}
