//! Why an answer is not the upstream's own, whole one: Envoy's response flags.

use serde::{Serialize, Serializer};

/// Envoy's response flags, as far as they can happen here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ResponseFlag {
    /// Nothing to say.
    #[default]
    None,
    /// No route matches.
    NoRoute,
    /// The route's cluster does not exist.
    NoCluster,
    /// The cluster has no endpoint that can be used.
    NoHealthyUpstream,
    /// No connection to the upstream.
    UpstreamConnectionFailure,
    /// The upstream closed the connection amid the exchange.
    UpstreamConnectionTermination,
    /// The upstream reset the stream.
    UpstreamRemoteReset,
    /// A time limit of the route ran out.
    UpstreamRequestTimeout,
    /// Too many requests wait for the upstream.
    UpstreamOverflow,
    /// Every permitted attempt failed.
    UpstreamRetryLimitExceeded,
    /// The client left.
    DownstreamConnectionTermination,
    /// The client broke the protocol.
    DownstreamProtocolError,
    /// The upstream broke the protocol.
    UpstreamProtocolError,
    /// Nothing moved for as long as a stream may be silent.
    StreamIdleTimeout,
    /// The time limit of a stream as a whole ran out.
    DurationTimeout,
    /// The gateway itself reset it.
    LocalReset,
    /// A rate limit of the gateway.
    RateLimited,
    /// The gateway is overloaded.
    OverloadManager,
}

impl ResponseFlag {
    /// Envoy's letters (`config/access_log/usage`, `%RESPONSE_FLAGS%`).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "-",
            Self::NoRoute => "NR",
            Self::NoCluster => "NC",
            Self::NoHealthyUpstream => "UH",
            Self::UpstreamConnectionFailure => "UF",
            Self::UpstreamConnectionTermination => "UC",
            Self::UpstreamRemoteReset => "UR",
            Self::UpstreamRequestTimeout => "UT",
            Self::UpstreamOverflow => "UO",
            Self::UpstreamRetryLimitExceeded => "URX",
            Self::DownstreamConnectionTermination => "DC",
            Self::DownstreamProtocolError => "DPE",
            Self::UpstreamProtocolError => "UPE",
            Self::StreamIdleTimeout => "SI",
            Self::DurationTimeout => "DT",
            Self::LocalReset => "LR",
            Self::RateLimited => "RL",
            Self::OverloadManager => "OM",
        }
    }
}

impl Serialize for ResponseFlag {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}
