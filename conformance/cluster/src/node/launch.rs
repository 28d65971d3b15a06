//! What a container's process finds when it starts: root, mounts, files, user, environment, arguments. Written by the
//! node, read by [`crate::node::init`] inside the container's namespaces.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// One start of one container.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Launch {
    /// An empty folder: the container's root is mounted there.
    pub(crate) scratch: PathBuf,
    /// What is mounted where, in this order.
    pub(crate) mounts: Vec<Mount>,
    /// Files of the container's own, by path.
    pub(crate) files: BTreeMap<PathBuf, Vec<u8>>,
    /// Who it runs as; none: root.
    pub(crate) user: Option<User>,
    /// Whether its root cannot be written.
    pub(crate) read_only_root: bool,
    /// Where it starts.
    pub(crate) working_dir: PathBuf,
    /// The program and its arguments.
    pub(crate) argv: Vec<String>,
    /// All of its environment.
    pub(crate) env: BTreeMap<String, String>,
}

/// A folder or file of this machine, seen by the container at another path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mount {
    pub(crate) source: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) read_only: bool,
}

/// A user other than root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) groups: Vec<u32>,
}

impl std::fmt::Debug for Launch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The environment may hold a Secret's value.
        f.debug_struct("Launch").field("argv", &self.argv).field("mounts", &self.mounts).finish_non_exhaustive()
    }
}
