//! From outside: makes the bed's folder and its namespaces, hands signals in, and cleans up.
//!
//! All that a bed makes (processes, network namespaces, rules, mounts) lives in namespaces whose first process the
//! kernel kills when this one dies, however it dies. Only the folder can be left, for the next bed to remove.

use std::ffi::OsString;
use std::fs;
use std::io::{self, IsTerminal};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::RunArgs;
use crate::control::{Order, ask};
use crate::folder::{Folder, Owned};
use crate::progress::say;
use crate::signal::Signal;

/// The first process of the new process namespace: a shell that waits, and so takes in orphans. It does not `exec` the
/// bed, which would then have to.
const FIRST_PROCESS: &str = r#""$@"; exit $?"#;

/// Runs the bed; returns the exit code of its command.
///
/// # Errors
/// The user is not root, or a program of util-linux is missing.
pub async fn enter(args: &RunArgs) -> io::Result<u8> {
    if fs::metadata("/proc/self")?.uid() != 0 {
        return Err(io::Error::other("network namespaces need root; run it by sudo -E"));
    }
    let owned = Owned::create(args.keep)?;
    let ended = attend(start(owned.folder())?, owned.folder()).await;
    if args.keep {
        say(format_args!("its folder is {}", owned.folder().path().display()));
    }
    ended
}

fn start(folder: &Folder) -> io::Result<Child> {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "unshare", "--mount", "--net", "--pid", "--fork", "--kill-child=KILL"]);
    command.args(["--mount-proc", "sh", "-c", FIRST_PROCESS, "bed"]);
    command.arg(std::env::current_exe()?).arg("inside").args(arguments_of_run());
    command.env("SLUICE_BED", folder.path()).kill_on_drop(true);
    command.spawn().map_err(|error| io::Error::other(format!("setpriv (Debian's util-linux): {error}")))
}

/// `inside` reads what `run` has read.
fn arguments_of_run() -> impl Iterator<Item = OsString> {
    std::env::args_os().skip(2)
}

/// Waits for the end; the first signal goes to the command in the bed, a second one ends everything.
async fn attend(mut child: Child, folder: &Folder) -> io::Result<u8> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut asked = false;
    loop {
        let heard = tokio::select! {
            status = child.wait() => return Ok(exit_code(status?)),
            _ = terminate.recv() => Signal::Terminate,
            _ = hangup.recv() => Signal::Hangup,
            _ = interrupt.recv() => Signal::Interrupt,
        };
        // A terminal has sent it to the command as well.
        if matches!(heard, Signal::Interrupt) && io::stdin().is_terminal() && folder.control().exists() {
            continue;
        }
        if asked || ask(&folder.control(), Order::Signal(heard)).await.is_err() {
            child.kill().await?;
            return Ok(heard.exit_code());
        }
        asked = true;
    }
}

/// As a shell has it.
pub(crate) fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
