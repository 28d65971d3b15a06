//! Installs CRDs as a user would.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use tokio::process::Command;

/// Applies all YAML files of the folders and waits until each kind is served. Server-side, since one of Envoy Gateway's
/// is larger than what a client-side apply can carry.
pub(crate) async fn install(kubectl: &Path, kubeconfig: &Path, folders: &[PathBuf]) -> io::Result<()> {
    if folders.is_empty() {
        return Ok(());
    }
    let run = async |args: &[&str], folders: &[PathBuf]| {
        let mut command = Command::new(kubectl);
        command.arg("--kubeconfig").arg(kubeconfig).args(args).kill_on_drop(true);
        command.args(folders.iter().flat_map(|folder| [OsStr::new("-f"), folder.as_os_str()]));
        let output = command.output().await?;
        match output.status.success() {
            true => Ok(()),
            false => {
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                Err(io::Error::other(format!("kubectl {} failed:\n{said}", args.join(" "))))
            }
        }
    };
    run(&["apply", "--server-side", "--force-conflicts"], folders).await?;
    run(&["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"], &[]).await
}
