//! What stands between the load generator and the mock.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A proxy that is measured, or what it is measured against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lower")]
pub(crate) enum Proxy {
    /// The program under test.
    Sluice,
    /// What it is to be compared with.
    Envoy,
    /// A web server that is a reverse proxy, too.
    Nginx,
    /// A load balancer.
    Haproxy,
    /// An AI gateway in Rust; measured when its program is named.
    Agentgateway,
    /// An AI gateway in Python; for orientation.
    Litellm,
    /// Hands bytes on and reads nothing of them: what any proxy costs at least.
    Floor,
    /// No proxy at all.
    Direct,
}

impl Proxy {
    /// As tables say it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sluice => "Sluice",
            Self::Envoy => "Envoy",
            Self::Nginx => "nginx",
            Self::Haproxy => "HAProxy",
            Self::Agentgateway => "agentgateway",
            Self::Litellm => "LiteLLM",
            Self::Floor => "floor",
            Self::Direct => "direct",
        }
    }

    /// Whether requests reach the mock as the load generator has sent them.
    pub(crate) fn leaves_requests_alone(self) -> bool {
        matches!(self, Self::Floor | Self::Direct)
    }
}
