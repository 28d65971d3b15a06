//! The command line of `bed`.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};

use crate::component::Component;
use crate::control::Action;

/// What the first help says last.
const EXAMPLES: &str = "Examples:
  conformance/cluster/run                          # a shell in a bed
  conformance/cluster/run -- kubectl get nodes     # one command; its exit code is the bed's
  bed ctl stop apiserver                           # inside: an outage
  bed ctl start apiserver                          # and its end; returns when it is ready";

/// A Kubernetes cluster on one machine, in namespaces of its own, for as long as a command runs.
#[derive(Debug, Parser)]
#[command(name = "bed", version, max_term_width = 100, after_help = EXAMPLES)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Bring a cluster up, run a command in it (a shell without one), tear it down, exit with the command's code.
    Run(RunArgs),
    /// What `run` starts in the new namespaces.
    #[command(hide = true)]
    Inside(RunArgs),
    /// The first process of a container: becomes its program.
    #[command(hide = true)]
    PodInit {
        /// What the container finds.
        launch: PathBuf,
    },
    /// The program of the image `bed/echo`: tells what it finds in its pod.
    #[command(hide = true)]
    Echo,
    /// Inside a bed: stop, start, kill, pause or resume a part of the control plane.
    Ctl(ControlArgs),
}

/// `bed run`.
#[derive(Debug, Clone, ClapArgs)]
pub struct RunArgs {
    /// Keep the folder of logs, keys and audit log afterwards, and say where it is.
    #[arg(long)]
    pub keep: bool,
    /// The program that is an image's ENTRYPOINT, `*` for any characters; may be repeated. The first that fits counts;
    /// `sluice:*` and `*/sluice:*` are the program in $SLUICE_BIN unless you say otherwise.
    #[arg(long = "image", value_name = "PATTERN=PROGRAM", value_parser = image)]
    pub images: Vec<(String, PathBuf)>,
    /// More images, in a YAML list of `{pattern, program, entrypoint, cmd, at, trust, user}`; may be repeated.
    #[arg(long = "images", value_name = "FILE")]
    pub image_files: Vec<PathBuf>,
    /// The public authorities that Sluice's own image trusts, a PEM file that a container reads when it starts; this
    /// machine's if not said.
    #[arg(long, value_name = "FILE", env = "SLUICE_BED_TRUST")]
    pub trust: Option<PathBuf>,
    /// A name of the outside world that the bed's DNS knows.
    #[arg(long = "host", value_name = "NAME=ADDRESS", value_parser = host)]
    pub hosts: Vec<(String, IpAddr)>,
    /// Folders of CRDs to install at the start, `:` between them.
    #[arg(long, value_name = "FOLDERS", env = "SLUICE_BED_CRDS", value_delimiter = ':')]
    pub crds: Vec<PathBuf>,
    /// Install no CRDs.
    #[arg(long)]
    pub no_crds: bool,
    /// The folder of etcd, kube-apiserver, kube-controller-manager and kubectl (conformance/cluster/setup makes it).
    #[arg(long, value_name = "FOLDER", env = "SLUICE_BED_BIN")]
    pub bin: PathBuf,
    /// The command; a shell where there is none.
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// `bed ctl`.
#[derive(Debug, Clone, ClapArgs)]
pub struct ControlArgs {
    /// What to do to it.
    #[arg(value_enum)]
    pub action: Action,
    /// To which part.
    #[arg(value_enum)]
    pub component: Component,
}

fn host(text: &str) -> Result<(String, IpAddr), String> {
    let (name, address) = text.split_once('=').ok_or("it is NAME=ADDRESS, as api.example.com=10.245.0.9")?;
    let address = address.parse().map_err(|error| format!("`{address}`: {error}"))?;
    Ok((name.to_owned(), address))
}

fn image(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((pattern, program)) if !pattern.is_empty() && !program.is_empty() => {
            Ok((pattern.to_owned(), program.into()))
        }
        _ => Err("it is PATTERN=PROGRAM, as */echo-basic:*=/usr/local/bin/echo-basic".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn flags_with_two_halves() {
        let args =
            ["bed", "run", "--bin=/b", "--image=*/a:*=/bin/a", "--host=api.example.com=10.245.0.9", "--", "true"];
        let Command::Run(args) = Args::try_parse_from(args).unwrap().command else { panic!("not run") };
        assert_eq!(args.images, [("*/a:*".to_owned(), PathBuf::from("/bin/a"))]);
        assert_eq!(args.hosts, [("api.example.com".to_owned(), IpAddr::from([10, 245, 0, 9]))]);
        assert_eq!(args.command, ["true"]);
        for wrong in ["--image=a", "--image==a", "--host=a", "--host=a=b"] {
            assert!(Args::try_parse_from(["bed", "run", "--bin=/b", wrong]).is_err(), "{wrong}");
        }
    }
}
