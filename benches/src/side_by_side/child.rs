//! Processes of the bench: bound to a processor, and gone with what started them.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use super::tree::Tree;

/// The bench itself in one of its roles, which speaks in lines of JSON. It ends with its standard input.
pub(crate) struct Part {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Part {
    /// Starts it on processors such as `1` or `2-3`.
    pub(crate) fn start(processors: &str, args: &[&OsStr]) -> io::Result<Self> {
        let mut command = bound(processors, &std::env::current_exe()?);
        let mut child = command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().ok_or_else(|| io::Error::other("a pipe was asked for"))?;
        Ok(Self { child, lines: BufReader::new(stdout).lines() })
    }

    /// The next thing it says, for which it has this long.
    pub(crate) async fn says<T: DeserializeOwned>(&mut self, patience: Duration) -> io::Result<T> {
        let line = timeout(patience, self.lines.next_line()).await;
        let line = line.map_err(|_| io::Error::other(format!("nothing was said for {} s", patience.as_secs())))??;
        let line = line.ok_or_else(|| io::Error::other("it ended before its time"))?;
        serde_json::from_str(&line).map_err(|error| io::Error::other(format!("{error}: {line}")))
    }

    /// Its process id, while it runs.
    pub(crate) fn pid(&self) -> io::Result<u32> {
        self.child.id().ok_or_else(|| io::Error::other("it has ended"))
    }
}

/// A program with what it has started. Dropping it kills all of them.
pub(crate) struct Family {
    child: Child,
}

impl Family {
    /// Starts a program.
    pub(crate) fn start(command: &mut Command) -> io::Result<Self> {
        Ok(Self { child: command.stdin(Stdio::null()).spawn()? })
    }

    /// Its first process and all others.
    pub(crate) fn tree(&self) -> io::Result<Tree> {
        self.child.id().map(Tree::of).ok_or_else(|| io::Error::other("it has ended"))
    }

    /// Waits until its first process has ended.
    pub(crate) async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Sends its first process a signal.
    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        let pid = self.child.id().ok_or_else(|| io::Error::other("it has ended"))?;
        send(pid, signal)
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        // The first one first, so that it starts none anew. One that has ended meanwhile is what is wanted.
        for pid in self.tree().iter().flat_map(Tree::pids) {
            let _ = send(*pid, Signal::KILL);
        }
    }
}

fn send(pid: u32, signal: Signal) -> io::Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::NotFound)?;
    Ok(kill_process(pid, signal)?)
}

/// A command on these processors (util-linux, on each Debian and Ubuntu), killed when it is dropped.
pub(crate) fn bound(processors: &str, program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.arg("--cpu-list").arg(processors).arg(program).kill_on_drop(true);
    command
}
