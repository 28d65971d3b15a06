//! Installing Sluice's controller, by each of the ways that the README tells.

use std::io;
use std::path::{Path, PathBuf};

use crate::command::{helm, kubectl};

/// The namespace that the README and the plain manifests use.
pub const NAMESPACE: &str = "sluice-system";
/// The controller as the API server knows it.
pub const USER: &str = "system:serviceaccount:sluice-system:sluice-controller";

/// A way to install the controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// `helm install`
    Helm,
    /// `kubectl apply` of the plain manifests
    Manifests,
}

impl Way {
    /// Installs the controller, and waits until it is ready. `values` are Helm's, as `replicas=2`; the manifests have none.
    ///
    /// # Errors
    /// A command fails, or the controller does not become ready within two minutes.
    pub async fn install(self, values: &[&str]) -> io::Result<()> {
        match self {
            Self::Helm => {
                let chart = in_deploy("helm/sluice");
                let mut args = vec!["install", "sluice", &chart, "--namespace", NAMESPACE, "--create-namespace"];
                values.iter().for_each(|value| args.extend(["--set", value]));
                helm(&args).await?;
            }
            Self::Manifests => drop(kubectl(&["apply", "-f", &in_deploy("manifests")]).await?),
        }
        rolled_out(NAMESPACE, "sluice-controller").await
    }

    /// Takes it away, as the README says; the namespace stays with Helm, and goes with the manifests.
    ///
    /// # Errors
    /// A command fails.
    pub async fn uninstall(self) -> io::Result<()> {
        match self {
            Self::Helm => helm(&["uninstall", "sluice", "--namespace", NAMESPACE, "--wait"]).await.map(drop),
            Self::Manifests => kubectl(&["delete", "-f", &in_deploy("manifests")]).await.map(drop),
        }
    }
}

/// Installs upstream's definitions, as the README says.
///
/// # Errors
/// kubectl fails.
pub async fn install_definitions() -> io::Result<()> {
    kubectl(&["apply", "--server-side", "-f", &in_deploy("crds")]).await?;
    kubectl(&["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]).await.map(drop)
}

/// Waits until all pods of a Deployment are of its newest form, and ready.
///
/// # Errors
/// They are not within two minutes.
pub async fn rolled_out(namespace: &str, deployment: &str) -> io::Result<()> {
    let name = format!("deployment/{deployment}");
    kubectl(&["-n", namespace, "rollout", "status", &name, "--timeout=120s"]).await.map(drop)
}

/// A path in the tree's folder `deploy`.
pub fn in_deploy(path: &str) -> String {
    in_tree("deploy").join(path).display().to_string()
}

/// A path in the tree.
pub fn in_tree(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}
