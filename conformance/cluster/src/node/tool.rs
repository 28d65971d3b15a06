//! The programs of the system that the node calls: `ip`, `nft`, `mount`, `unshare`, `nsenter`, `sh`.

use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::node::error::Error;

/// Where they are looked for: a user's own `PATH` often lacks the `sbin` folders.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A command of `program`, found in [`PATH`], that dies with its handle.
pub(crate) fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("PATH", PATH).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Runs `program` to its end, with `input` as its standard input.
///
/// # Errors
/// It cannot be started, or it fails: its standard error says why.
pub(crate) async fn feed(program: &str, args: &[&str], input: &str) -> Result<(), Error> {
    let what = || format!("{program} {}", args.join(" "));
    let mut child = command(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| Error::new(what(), error))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends before it has read everything says why on its standard error.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    let output = child.wait_with_output().await.map_err(|error| Error::new(what(), error))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::new(what(), String::from_utf8_lossy(&output.stderr).trim()))
}
