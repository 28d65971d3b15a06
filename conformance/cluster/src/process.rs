//! A process of the control plane: started, stopped, paused, its output in a file.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::signal::Signal;

/// How long a process may take to end when asked; the API server lets running requests finish.
const GRACE: Duration = Duration::from_secs(10);
/// How much of a log is shown when something went wrong.
const TAIL: usize = 15;

/// One process, running or not.
#[derive(Debug)]
pub(crate) struct Process {
    program: PathBuf,
    args: Vec<OsString>,
    log: PathBuf,
    child: Option<Child>,
}

impl Process {
    pub(crate) fn new(program: PathBuf, args: Vec<OsString>, log: PathBuf) -> Self {
        Self { program, args, log, child: None }
    }

    /// Starts it; nothing happens if it runs. The log goes on where it was.
    pub(crate) fn start(&mut self) -> io::Result<()> {
        if self.ended()?.is_none() && self.child.is_some() {
            return Ok(());
        }
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(&self.program);
        command.args(&self.args).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        // Neither the terminal's Ctrl-C nor its end is for the control plane.
        command.process_group(0);
        let child = command.spawn();
        self.child = Some(child.map_err(|error| io::Error::other(format!("{}: {error}", self.program.display())))?);
        Ok(())
    }

    /// Asks it to end, and kills it if it will not.
    pub(crate) async fn stop(&mut self) -> io::Result<()> {
        let Some(child) = &mut self.child else { return Ok(()) };
        if let Some(id) = child.id() {
            Signal::Terminate.send(id).await?;
            // A paused one would not hear it.
            Signal::Resume.send(id).await?;
            if timeout(GRACE, child.wait()).await.is_err() {
                child.kill().await?;
            }
        }
        self.child = None;
        Ok(())
    }

    /// Ends it without a word.
    pub(crate) async fn kill(&mut self) -> io::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().await?;
        }
        Ok(())
    }

    /// Sends it a signal, if it runs.
    pub(crate) async fn signal(&self, signal: Signal) -> io::Result<()> {
        match self.id() {
            Some(id) => signal.send(id).await,
            None => Err(io::Error::other(format!("{} does not run", self.program.display()))),
        }
    }

    /// Its process id, while it runs.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// How it ended, if it did by itself.
    pub(crate) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.as_mut().map_or(Ok(None), Child::try_wait)
    }

    /// The end of its log.
    pub(crate) fn tail(&self) -> String {
        let text = std::fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let text = text.unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }
}
