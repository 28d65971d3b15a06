//! What the engine needs to know to connect to an address of a cluster.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::time::Duration;

use pingora_core::protocols::TcpKeepalive;
use pingora_core::upstreams::peer::HttpPeer;

use super::balance::Pick;
use super::bundle::Bundles;
use crate::cluster::{Cluster, Roots, UpstreamProtocol};
use crate::filter::RequestEdit;

/// Envoy Gateway's `connectTimeout`: TCP and TLS handshake together.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The same for each of the two steps, where other addresses can be tried after it: long enough for one lost SYN,
/// which is sent again after a second.
const IMPATIENT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long an unused connection is kept. Load balancers commonly close theirs after 60 s.
const POOL_IDLE: Duration = Duration::from_secs(50);
/// Streams at a time over one HTTP/2 connection, as many as servers commonly allow.
const MAX_STREAMS: usize = 100;

/// Makes peers.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    bundles: Bundles,
    /// New in each process, so that nobody can compute two keys that collide.
    keys: RandomState,
}

impl Peers {
    /// A peer for one attempt; the caller adds its own read and write timeouts.
    pub(crate) fn peer<'e>(
        &self,
        cluster: &Cluster,
        pick: Pick,
        edits: impl IntoIterator<Item = &'e RequestEdit>,
    ) -> HttpPeer {
        let name = cluster.tls.as_ref().map(|tls| tls.hostname.clone());
        let mut peer = HttpPeer::new(pick.address, name.is_some(), name.unwrap_or_default());
        let mut group = self.keys.build_hasher();
        cluster.name.hash(&mut group);
        self.secure(cluster, &mut peer, &mut group);
        set_protocol(cluster, &mut peer, &mut group);
        for edit in edits {
            if let RequestEdit::Credential(injection) = edit {
                injection.credential.hash_into(&mut group);
            }
        }
        peer.group_key = group.finish();
        set_limits(pick, &mut peer);
        peer
    }

    /// The engine's own pool key knows nothing of the CA: without ours, a connection that one policy verified would
    /// be given to another that would have refused it.
    fn secure(&self, cluster: &Cluster, peer: &mut HttpPeer, group: &mut impl Hasher) {
        let Some(tls) = &cluster.tls else { return "plain".hash(group) };
        ("tls", &tls.hostname).hash(group);
        match &tls.roots {
            Roots::System => "system".hash(group),
            Roots::Bundle(bundle) => {
                let bundle = self.bundles.of(bundle, &self.keys);
                ("bundle", bundle.digest).hash(group);
                peer.options.ca = Some(bundle.certificates);
            }
        }
    }
}

fn set_protocol(cluster: &Cluster, peer: &mut HttpPeer, group: &mut impl Hasher) {
    let (max, min) = match (cluster.protocol, &cluster.tls) {
        (UpstreamProtocol::H2c, _) => (2, 2),
        (UpstreamProtocol::Auto, Some(_)) => (2, 1),
        (UpstreamProtocol::Auto, None) => (1, 1),
    };
    (max, min).hash(group);
    peer.options.set_http_version(max, min);
    peer.options.max_h2_streams = MAX_STREAMS;
}

fn set_limits(pick: Pick, peer: &mut HttpPeer) {
    let step = if pick.more { IMPATIENT_TIMEOUT } else { CONNECT_TIMEOUT };
    peer.options.connection_timeout = Some(step);
    peer.options.total_connection_timeout = Some(CONNECT_TIMEOUT);
    peer.options.idle_timeout = Some(POOL_IDLE);
    peer.options.tcp_keepalive = Some(TcpKeepalive {
        idle: Duration::from_secs(60),
        interval: Duration::from_secs(10),
        count: 3,
        #[cfg(target_os = "linux")]
        user_timeout: Duration::ZERO,
    });
}
