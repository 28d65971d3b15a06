//! From inside the namespaces: brings the cluster up, runs the command, and leaves; the kernel ends the rest.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::process::Command;
use tokio::signal::ctrl_c;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tracing_subscriber::EnvFilter;

use crate::access;
use crate::args::RunArgs;
use crate::component::Component;
use crate::control;
use crate::control_plane::ControlPlane;
use crate::crds;
use crate::enter::exit_code;
use crate::folder::Folder;
use crate::images::images;
use crate::node::{self, Node, NodeOptions};
use crate::pki::Pki;
use crate::progress::say;
use crate::signal::Signal;

/// Would send what is meant for the bed's own addresses elsewhere.
const PROXIES: [&str; 6] = ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];

/// Brings the cluster up and runs the command; returns its exit code.
///
/// # Errors
/// Something did not come up; the error has the end of its log.
pub async fn inside(args: RunArgs) -> io::Result<u8> {
    let folder = Folder::at(std::env::var_os("SLUICE_BED").ok_or_else(|| io::Error::other("start it by `bed run`"))?);
    let since = Instant::now();
    prepare(&folder).await?;
    let pki = Pki::make(&folder)?;
    let plane = Arc::new(ControlPlane::new(&args.bin, &folder, &pki).await?);
    let (sender, mut signals) = unbounded_channel();
    control::serve(&folder.control(), Arc::clone(&plane), sender)?;
    let _node = tokio::select! {
        up = bring_up(&plane, &args, &folder, &pki) => up?,
        _ = ctrl_c() => return Ok(Signal::Interrupt.exit_code()),
        Some(signal) = signals.recv() => return Ok(signal.exit_code()),
    };
    say(format_args!(
        "ready in {:.1} s; logs and keys are in {}",
        since.elapsed().as_secs_f64(),
        folder.path().display()
    ));
    let code = run_command(&args, &folder, &mut signals).await;
    plane.casualties().await.iter().for_each(say);
    code
}

/// What the namespaces lack: a loopback that is up, a place for `ip netns`, memory for etcd.
async fn prepare(folder: &Folder) -> io::Result<()> {
    fs::create_dir(folder.etcd())?;
    let etcd = folder.etcd().into_os_string();
    run("ip", ["link", "set", "lo", "up"].map(OsString::from)).await?;
    // `ip netns` leaves files there; on the machine's own they would stay.
    run("mount", ["-t", "tmpfs", "-o", "mode=755", "bed", "/run"].map(OsString::from)).await?;
    run("mount", ["-t", "tmpfs", "bed"].map(OsString::from).into_iter().chain([etcd])).await
}

async fn bring_up(plane: &ControlPlane, args: &RunArgs, folder: &Folder, pki: &Pki) -> io::Result<Node> {
    plane.start(Component::Etcd).await?;
    say("etcd is up");
    plane.start(Component::Apiserver).await?;
    say("the API server is up");
    if !args.no_crds {
        // Before the controller manager, whose garbage collector looks for new kinds every 30 s only.
        crds::install(&args.bin.join("kubectl"), &folder.kubeconfig(), &args.crds).await?;
        say(format_args!("CRDs are installed from {} folders", args.crds.len()));
    }
    plane.start(Component::ControllerManager).await?;
    start_node(args, folder, &pki.node).await
}

/// Starts the node; what it has to say goes to a file.
async fn start_node(args: &RunArgs, folder: &Folder, kubeconfig: &Path) -> io::Result<Node> {
    let log = fs::File::create(folder.log("node"))?;
    let filter = EnvFilter::new("sluice_cluster=debug,warn");
    // Only a test that starts two nodes in one process has one already.
    drop(tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(Mutex::new(log)).try_init());
    let options = NodeOptions {
        client: access::client(kubeconfig, None).await?,
        state: folder.join("node"),
        images: images(args, std::env::var_os("SLUICE_BIN").map(PathBuf::from))?,
        hosts: args.hosts.iter().cloned().collect(),
        api: SocketAddrV4::new(Ipv4Addr::LOCALHOST, 6443),
    };
    node::start(options).await.map_err(io::Error::other)
}

/// Runs the command to its end; signals of whoever ended the bed go to it.
async fn run_command(args: &RunArgs, folder: &Folder, signals: &mut UnboundedReceiver<Signal>) -> io::Result<u8> {
    let (program, rest) = match args.command.split_first() {
        Some((program, rest)) => (program.clone(), rest),
        None => (std::env::var_os("SHELL").unwrap_or_else(|| "sh".into()), &[][..]),
    };
    let mut command = Command::new(&program);
    command.args(rest).envs(environment(&args.bin, folder)).kill_on_drop(true);
    for name in PROXIES {
        command.env_remove(name);
    }
    let failed = |error| io::Error::other(format!("{}: {error}", program.display()));
    let mut child = command.spawn().map_err(failed)?;
    loop {
        tokio::select! {
            status = child.wait() => return Ok(exit_code(status?)),
            Some(signal) = signals.recv() => {
                if let Some(id) = child.id() {
                    signal.send(id).await?;
                }
            }
            // A terminal has sent it to the command as well; that decides.
            _ = ctrl_c() => {}
        }
    }
}

fn environment(bin: &Path, folder: &Folder) -> Vec<(&'static str, OsString)> {
    let mut path = bin.as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    // ip and nft are there, and an ordinary user's PATH has it not.
    path.push(":/usr/sbin:/sbin");
    let cache = |name: &str| folder.join("cache").join(name).into_os_string();
    vec![
        ("PATH", path),
        ("KUBECONFIG", folder.kubeconfig().into_os_string()),
        // Each bed is at the same address: what one remembers of its API is wrong for the next.
        ("KUBECACHEDIR", cache("kubectl")),
        ("HELM_CACHE_HOME", cache("helm")),
        ("HELM_CONFIG_HOME", cache("helm-config")),
        ("HELM_DATA_HOME", cache("helm-data")),
    ]
}

async fn run(program: &str, args: impl IntoIterator<Item = OsString>) -> io::Result<()> {
    let args: Vec<OsString> = args.into_iter().collect();
    let output = Command::new(program).args(&args).output().await;
    let output = output
        .map_err(|error| io::Error::other(format!("{program}: {error}; conformance/cluster/setup installs it")))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(io::Error::other(format!("{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr)))),
    }
}
