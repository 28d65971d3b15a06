//! The parts of a control plane, by name.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A part of the control plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Component {
    /// etcd
    Etcd,
    /// kube-apiserver
    Apiserver,
    /// kube-controller-manager
    #[value(alias = "kcm")]
    ControllerManager,
}

impl Component {
    /// The name of its program.
    pub fn program(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::Apiserver => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
        }
    }
}
