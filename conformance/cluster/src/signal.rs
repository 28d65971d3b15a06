//! Signals: which there are, how they are sent.

use std::io;
use std::process::Stdio;

use serde::{Deserialize, Serialize};
use tokio::process::Command;

/// What may be sent to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Signal {
    /// SIGTERM
    Terminate,
    /// SIGINT
    Interrupt,
    /// SIGHUP
    Hangup,
    /// SIGSTOP
    Pause,
    /// SIGCONT
    Resume,
}

impl Signal {
    /// Sends it by the shell's own `kill`: no package is needed for it, and no unsafe code.
    pub(crate) async fn send(self, process: u32) -> io::Result<()> {
        let script = format!("kill -{} {process}", self.name());
        let status = Command::new("sh").arg("-c").arg(&script).stderr(Stdio::null()).status().await?;
        match status.success() {
            true => Ok(()),
            false => Err(io::Error::other(format!("`{script}` failed: there is no such process"))),
        }
    }

    /// What a shell says of a process that it ended.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Hangup => 129,
            Self::Interrupt => 130,
            Self::Terminate => 143,
            Self::Resume => 146,
            Self::Pause => 147,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Terminate => "TERM",
            Self::Interrupt => "INT",
            Self::Hangup => "HUP",
            Self::Pause => "STOP",
            Self::Resume => "CONT",
        }
    }
}
