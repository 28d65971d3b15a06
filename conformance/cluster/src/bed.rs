//! The bed that a test runs in.

use std::io;
use std::path::PathBuf;

use crate::audit::AuditLog;
use crate::component::Component;
use crate::control::{Action, Order, ask};
use crate::folder::Folder;

/// The bed around this process.
#[derive(Debug, Clone)]
pub struct Bed {
    folder: Folder,
}

/// One part of its control plane.
#[derive(Debug, Clone)]
pub struct ComponentOf {
    socket: PathBuf,
    component: Component,
}

impl Bed {
    /// The bed that `$SLUICE_BED` names.
    ///
    /// # Errors
    /// This process runs in none.
    pub fn from_env() -> io::Result<Self> {
        let path = std::env::var_os("SLUICE_BED");
        let path =
            path.ok_or_else(|| io::Error::other("this is no bed; run it by conformance/cluster/run -- COMMAND"))?;
        Ok(Self { folder: Folder::at(path) })
    }

    /// Its folder: logs, keys, kubeconfig.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// What its API server was asked.
    pub fn audit_log(&self) -> AuditLog {
        AuditLog::at(self.folder.audit_log())
    }

    /// etcd
    pub fn etcd(&self) -> ComponentOf {
        self.component(Component::Etcd)
    }

    /// kube-apiserver
    pub fn apiserver(&self) -> ComponentOf {
        self.component(Component::Apiserver)
    }

    /// kube-controller-manager
    pub fn controller_manager(&self) -> ComponentOf {
        self.component(Component::ControllerManager)
    }

    /// Any part of the control plane.
    pub fn component(&self, component: Component) -> ComponentOf {
        ComponentOf { socket: self.folder.control(), component }
    }
}

impl ComponentOf {
    /// Starts it; returns when it is ready.
    pub async fn start(&self) -> io::Result<()> {
        self.order(Action::Start).await.map(drop)
    }

    /// Asks it to end; returns when it has.
    pub async fn stop(&self) -> io::Result<()> {
        self.order(Action::Stop).await.map(drop)
    }

    /// Ends it without a word.
    pub async fn kill(&self) -> io::Result<()> {
        self.order(Action::Kill).await.map(drop)
    }

    /// Lets it hang: its connections stay, nothing answers.
    pub async fn pause(&self) -> io::Result<()> {
        self.order(Action::Pause).await.map(drop)
    }

    /// Ends a pause.
    pub async fn resume(&self) -> io::Result<()> {
        self.order(Action::Resume).await.map(drop)
    }

    /// Any order; returns the line that the bed answers with.
    pub async fn order(&self, action: Action) -> io::Result<String> {
        ask(&self.socket, Order::Component(self.component, action)).await
    }
}
