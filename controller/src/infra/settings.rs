//! What infrastructure depends on beside the objects.

/// What every data plane of a cluster has in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where replicas find their controller, such as `https://sluice-controller.sluice-system.svc:18000`.
    pub controller_address: String,
    /// The controller's certificate authority, which replicas check it by.
    pub ca_pem: String,
    /// The data plane's image; an EnvoyProxy may name another.
    pub image: String,
    /// `Always`, `IfNotPresent` or `Never`; Kubernetes' own choice where nothing is said.
    pub image_pull_policy: Option<String>,
    /// Secrets of the Gateway's namespace that the image is fetched with; an EnvoyProxy may name others.
    pub image_pull_secrets: Vec<String>,
}

impl Settings {
    /// For telling whether EnvoyProxies can be followed at all, where nothing is going to be made of them.
    pub fn rehearsal() -> Self {
        Self {
            controller_address: "https://sluice-controller.sluice-system.svc:18000".to_owned(),
            ca_pem: String::new(),
            image: "sluice:latest".to_owned(),
            image_pull_policy: None,
            image_pull_secrets: Vec::new(),
        }
    }
}
