//! The folder of one bed: keys, logs, sockets. It lives as long as the bed, and is the next one's to remove if the bed
//! was killed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::Builder;

/// How the folders of all beds begin.
const PREFIX: &str = "sluice-bed.";
/// Locked for as long as the bed lives; the kernel unlocks it, whatever killed the bed.
const LOCK: &str = "lock";
/// There if the folder is to outlive the bed.
const KEPT: &str = "kept";

/// The paths in a bed's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder(PathBuf);

/// A bed's folder, for the one who made it: it is removed with this.
#[derive(Debug)]
pub struct Owned {
    folder: Folder,
    keep: bool,
    _lock: File,
}

impl Folder {
    /// One that is there.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.0.join("kubeconfig")
    }

    /// Certificates and keys of the control plane.
    pub fn pki(&self) -> PathBuf {
        self.0.join("pki")
    }

    /// The API server's audit log: one `audit.k8s.io/v1` Event per line.
    pub fn audit_log(&self) -> PathBuf {
        self.0.join("audit.log")
    }

    /// etcd's place, in memory.
    pub fn etcd(&self) -> PathBuf {
        self.0.join("etcd")
    }

    /// Where a process of the bed writes what it has to say.
    pub fn log(&self, process: &str) -> PathBuf {
        self.0.join(format!("{process}.log"))
    }

    /// The socket that takes orders.
    pub fn control(&self) -> PathBuf {
        self.0.join("control.sock")
    }

    /// Anything else.
    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Owned {
    /// A new folder; what killed beds have left is removed first.
    pub fn create(keep: bool) -> io::Result<Self> {
        let parent = std::env::temp_dir();
        sweep(&parent)?;
        let path = Builder::new().prefix(PREFIX).tempdir_in(&parent)?.keep();
        if keep {
            fs::write(path.join(KEPT), "")?;
        }
        let lock = File::create(path.join(LOCK))?;
        lock.lock()?;
        Ok(Self { folder: Folder(path), keep, _lock: lock })
    }

    /// Its paths.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        if !self.keep {
            // What cannot be removed now is swept by the next bed.
            drop(fs::remove_dir_all(self.folder.path()));
        }
    }
}

/// Removes the folders of beds that are no more. One without a lock file is being made this moment.
fn sweep(parent: &Path) -> io::Result<()> {
    for entry in fs::read_dir(parent)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with(PREFIX) && !path.join(KEPT).exists() && left_behind(&path) {
            // Somebody else's, or another bed sweeps as well.
            drop(fs::remove_dir_all(&path));
        }
    }
    Ok(())
}

fn left_behind(path: &Path) -> bool {
    File::open(path.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_killed_bed_left_is_swept() {
        let parent = tempfile::tempdir().unwrap();
        let made = |name: &str, files: &[&str]| {
            let path = parent.path().join(name);
            fs::create_dir(&path).unwrap();
            files.iter().for_each(|file| fs::write(path.join(file), "").unwrap());
            path
        };
        let dead = made("sluice-bed.dead", &[LOCK, "etcd.log"]);
        let kept = made("sluice-bed.kept", &[LOCK, KEPT]);
        let early = made("sluice-bed.early", &[]);
        let other = made("other", &[LOCK]);
        let alive = made("sluice-bed.alive", &[LOCK]);
        let lock = File::open(alive.join(LOCK)).unwrap();
        lock.lock().unwrap();
        sweep(parent.path()).unwrap();
        assert_eq!([&dead, &kept, &early, &other, &alive].map(|path| path.exists()), [false, true, true, true, true]);
    }
}
