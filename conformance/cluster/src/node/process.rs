//! A running container: a process in namespaces of its own.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::process::Child;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::node::error::Error;
use crate::node::log::{Log, pump};
use crate::node::tool;

/// The container's first process, seen from outside by the `unshare` that made it.
#[derive(Debug)]
pub(crate) struct Process {
    outer: Child,
    pumps: JoinSet<()>,
    log: Arc<Log>,
}

impl Process {
    /// Starts what the file `launch` describes in the pod's network (`enter`: arguments for `nsenter`).
    ///
    /// # Errors
    /// The tools cannot be started.
    pub(crate) fn start(launch: &Path, enter: &[String], log: &Arc<Log>) -> Result<Self, Error> {
        // By this path a program is found that was replaced while the bed runs.
        let own = format!("/proc/{}/exe", std::process::id());
        let mut command = tool::command("nsenter");
        command.args(enter).args(["unshare", "--mount", "--pid", "--fork", "--kill-child", "--"]);
        command.args([own.as_str(), "pod-init"]).arg(launch);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut outer = command.spawn().map_err(|error| Error::new("start of a container", error))?;
        let mut pumps = JoinSet::new();
        if let Some(stdout) = outer.stdout.take() {
            pumps.spawn(pump(stdout, Arc::clone(log)));
        }
        if let Some(stderr) = outer.stderr.take() {
            pumps.spawn(pump(stderr, Arc::clone(log)));
        }
        Ok(Self { outer, pumps, log: Arc::clone(log) })
    }

    /// The process that made it: see [`first_process`].
    pub(crate) fn outer(&self) -> Option<u32> {
        self.outer.id()
    }

    /// Waits for its end and for the last line it said; its exit code, above 128 when a signal ended it. May be dropped
    /// while it waits.
    pub(crate) async fn ended(&mut self) -> i32 {
        let code = self.outer.wait().await.map_or(255, exit_code);
        while self.pumps.join_next().await.is_some() {}
        self.log.end();
        code
    }

    /// Asks it to end.
    pub(crate) async fn terminate(&self) {
        self.signal("TERM").await;
    }

    /// Kills it; its exit code.
    pub(crate) async fn kill(&mut self) -> i32 {
        self.signal("KILL").await;
        tokio::select! {
            code = self.ended() => return code,
            // It had no first process yet, so there was nobody to kill but the one who makes it.
            () = sleep(Duration::from_secs(2)) => {}
        }
        let _ = self.outer.start_kill();
        self.ended().await
    }

    /// The first process of a namespace obeys only signals from outside, which this is.
    async fn signal(&self, name: &str) {
        if let Some(id) = self.outer.id().and_then(first_process) {
            // Ended meanwhile: as good.
            let _ = tool::feed("sh", &["-c", &format!("kill -{name} {id}")], "").await;
        }
    }
}

/// The first process of the container that the process `outer` made; none while it is being made and after its end.
pub(crate) fn first_process(outer: u32) -> Option<u32> {
    let children = std::fs::read_to_string(format!("/proc/{outer}/task/{outer}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

fn exit_code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(255)
}
