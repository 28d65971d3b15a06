//! What translation depends on beside the objects.

use crate::infra::settings::Settings as Pods;

/// The controller name of our classes, unless the shell is told another. A name of our own: two controllers that
/// answer to one name would overwrite each other's statuses, so taking over Envoy Gateway's
/// (`gateway.envoyproxy.io/gatewayclass-controller`) is for whoever runs us in its place to say.
pub const CONTROLLER_NAME: &str = "sluice.dev/gatewayclass-controller";

/// The class that exists without an object in standalone mode.
pub const IMPLICIT_CLASS: &str = "ack-gateway";

/// What translation depends on beside the objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// A GatewayClass with this `spec.controllerName` is ours.
    pub controller_name: String,
    /// A class that is ours where no GatewayClass of its name is given.
    pub implicit_class: Option<String>,
    /// What data planes run on.
    pub infrastructure: Infrastructure,
}

/// What data planes run on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Infrastructure {
    /// A process of this machine: standalone mode's own, or one that the controller starts.
    Process,
    /// Pods that are made for each Gateway.
    Kubernetes(Pods),
}

impl Infrastructure {
    /// What pods have in common, if there are any.
    pub(crate) fn of_pods(&self) -> Option<&Pods> {
        match self {
            Self::Process => None,
            Self::Kubernetes(settings) => Some(settings),
        }
    }
}

impl Default for Settings {
    /// Standalone mode's.
    fn default() -> Self {
        Self {
            controller_name: CONTROLLER_NAME.to_owned(),
            implicit_class: Some(IMPLICIT_CLASS.to_owned()),
            infrastructure: Infrastructure::Process,
        }
    }
}
