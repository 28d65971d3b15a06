//! What the engine needs to know to connect to an address of a cluster.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use hashbrown::DefaultHashBuilder;
use pingora_core::protocols::TcpKeepalive;
use pingora_core::upstreams::peer::{HttpPeer, Peer};

use super::balance::Pick;
use super::bundle::Bundles;
use crate::cluster::{Cluster, Roots, UpstreamProtocol};
use crate::filter::RequestEdit;

/// Envoy Gateway's `connectTimeout`: TCP and TLS handshake together.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The same for each of the two steps, where other addresses can be tried after it: long enough for one lost SYN,
/// which is sent again after a second.
const IMPATIENT_TIMEOUT: Duration = Duration::from_secs(2);

/// Makes peers, and keeps them: a request finds the one it needs.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    bundles: Bundles,
    /// New in each process, so that nobody can compute two keys that collide.
    keys: RandomState,
    ways: RwLock<HashMap<WayKey, Arc<Way>, DefaultHashBuilder>>,
}

/// The way to one address of a cluster, with the credentials of one kind of request.
#[derive(Debug)]
pub struct Way {
    pub(super) peer: HttpPeer,
    /// Connections that have the same one may be used for each other.
    pub(super) pool: u64,
    /// What the upstream chose last. A new connection is then for one request at a time, and none waits for another's.
    pub(super) speaks_http1: AtomicBool,
    /// Whose object stays where it is for as long as this does.
    cluster: Arc<Cluster>,
}

/// Tells ways apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct WayKey {
    /// Where the cluster's object is.
    cluster: usize,
    address: SocketAddr,
    more: bool,
    credentials: u64,
}

impl Way {
    /// Whether TLS is spoken.
    pub fn is_tls(&self) -> bool {
        self.peer.is_tls()
    }

    /// Whether a new connection may turn out to be one for many requests at a time.
    pub(super) fn may_be_shared(&self) -> bool {
        self.peer.options.alpn.get_max_http_version() == 2 && !self.speaks_http1.load(Ordering::Relaxed)
    }

    /// Whether the upstream is not asked which version it speaks.
    pub(super) fn is_http2_alone(&self) -> bool {
        self.peer.options.alpn.get_min_http_version() == 2
    }
}

impl Peers {
    /// The way for one attempt; made when it is the first of its kind.
    pub(crate) fn way<'e>(
        &self,
        cluster: &Arc<Cluster>,
        pick: Pick,
        edits: impl IntoIterator<Item = &'e RequestEdit>,
    ) -> Arc<Way> {
        let credentials = self.credentials(edits);
        let key = WayKey { cluster: Arc::as_ptr(cluster).addr(), address: pick.address, more: pick.more, credentials };
        if let Some(way) = self.ways.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Arc::clone(way);
        }
        let peer = self.peer(cluster, pick, credentials);
        let (pool, speaks_http1) = (peer.reuse_hash(), AtomicBool::new(false));
        let way = Arc::new(Way { pool, speaks_http1, peer, cluster: Arc::clone(cluster) });
        self.ways.write().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&way));
        way
    }

    /// Forgets ways to clusters that no snapshot has any more.
    pub(crate) fn forget_unused(&self) {
        let mut ways = self.ways.write().unwrap_or_else(PoisonError::into_inner);
        let mut holders = HashMap::<usize, usize>::new();
        for key in ways.keys() {
            *holders.entry(key.cluster).or_default() += 1;
        }
        ways.retain(|key, way| {
            Arc::strong_count(&way.cluster) > holders.get(&key.cluster).copied().unwrap_or_default()
        });
    }

    fn credentials<'e>(&self, edits: impl IntoIterator<Item = &'e RequestEdit>) -> u64 {
        let mut hash = self.keys.build_hasher();
        for edit in edits {
            if let RequestEdit::Credential(injection) = edit {
                injection.header.hash(&mut hash);
                injection.credential.hash_into(&mut hash);
            }
        }
        hash.finish()
    }

    fn peer(&self, cluster: &Cluster, pick: Pick, credentials: u64) -> HttpPeer {
        let name = cluster.tls.as_ref().map(|tls| tls.hostname.clone());
        let mut peer = HttpPeer::new(pick.address, name.is_some(), name.unwrap_or_default());
        let mut group = self.keys.build_hasher();
        cluster.name.hash(&mut group);
        self.secure(cluster, &mut peer, &mut group);
        set_protocol(cluster, &mut peer, &mut group);
        credentials.hash(&mut group);
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
}

fn set_limits(pick: Pick, peer: &mut HttpPeer) {
    let step = if pick.more { IMPATIENT_TIMEOUT } else { CONNECT_TIMEOUT };
    peer.options.connection_timeout = Some(step);
    peer.options.total_connection_timeout = Some(CONNECT_TIMEOUT);
    peer.options.tcp_keepalive = Some(TcpKeepalive {
        idle: Duration::from_secs(60),
        interval: Duration::from_secs(10),
        count: 3,
        #[cfg(target_os = "linux")]
        user_timeout: Duration::ZERO,
    });
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::{Ipv4Addr, SocketAddrV4};

    use sluice_testkit::ca::Ca;

    use super::*;
    use crate::cluster::{CaBundle, UpstreamTls};
    use crate::filter::credential::{Credential, CredentialInjection};

    const PICK: Pick = Pick { address: SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 443)), more: false };

    fn cluster(name: &str, tls: Option<UpstreamTls>) -> Cluster {
        Cluster { name: name.to_owned(), endpoints: Vec::new(), tls, protocol: UpstreamProtocol::Auto }
    }

    fn tls(hostname: &str, roots: Roots) -> Option<UpstreamTls> {
        Some(UpstreamTls { hostname: hostname.to_owned(), roots })
    }

    fn credential(value: &str) -> RequestEdit {
        let (header, credential) = (http::header::AUTHORIZATION, Credential::new(value.as_bytes()).unwrap());
        RequestEdit::Credential(CredentialInjection { header, credential, overwrite: true })
    }

    fn bundle(pem: &str) -> Roots {
        Roots::Bundle(Arc::new(CaBundle::from_pem(pem.as_bytes()).unwrap()))
    }

    #[test]
    fn no_two_share_a_connection() {
        let peers = Peers::default();
        let (one, other) = (Ca::new("one").pem().to_owned(), Ca::new("other").pem().to_owned());
        let clusters = [
            cluster("a", None),
            cluster("b", None),
            Cluster { protocol: UpstreamProtocol::H2c, ..cluster("a", None) },
            cluster("a", tls("x.test", Roots::System)),
            cluster("a", tls("y.test", Roots::System)),
            cluster("a", tls("x.test", bundle(&one))),
            cluster("a", tls("x.test", bundle(&other))),
            cluster("a", tls("x.test", bundle(&[one.clone(), other].concat()))),
            cluster("b", tls("x.test", bundle(&one))),
        ];
        let edits = [vec![], vec![credential("Bearer 1")], vec![credential("Bearer 2")]];
        let clusters = clusters.map(Arc::new);
        let key = |cluster: &Arc<Cluster>, edits: &Vec<RequestEdit>| peers.way(cluster, PICK, edits).pool;
        let keys = || clusters.iter().flat_map(|c| edits.iter().map(|e| key(c, e))).collect::<Vec<_>>();
        let first = keys();
        assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), clusters.len() * edits.len());
        assert_eq!(first, keys(), "and the same ones do");
        let published_again = Arc::new(cluster("a", tls("x.test", bundle(&one))));
        assert_eq!(key(&published_again, &edits[0]), first[5 * edits.len()]);
    }

    #[test]
    fn a_way_lasts_as_long_as_its_cluster() {
        let (peers, cluster) = (Peers::default(), Arc::new(cluster("a", None)));
        let way = |more| peers.way(&cluster, Pick { more, ..PICK }, []);
        assert!(Arc::ptr_eq(&way(true), &way(true)));
        assert!(!Arc::ptr_eq(&way(true), &way(false)));
        peers.forget_unused();
        assert_eq!(peers.ways.read().unwrap().len(), 2);
        drop(cluster);
        peers.forget_unused();
        assert_eq!(peers.ways.read().unwrap().len(), 0);
    }

    #[test]
    fn bundles_are_parsed_once() {
        let peers = Peers::default();
        let pem = Ca::new("one").pem().to_owned();
        let ca = || peers.peer(&cluster("a", tls("x.test", bundle(&pem))), PICK, 0).options.ca.unwrap();
        assert!(Arc::ptr_eq(&ca(), &ca()));
    }

    #[test]
    fn patience_depends_on_what_is_left_to_try() {
        let peer = |more| Peers::default().peer(&cluster("a", None), Pick { more, ..PICK }, 0);
        let steps = [false, true].map(|more| peer(more).options.connection_timeout);
        assert_eq!(steps, [Some(CONNECT_TIMEOUT), Some(IMPATIENT_TIMEOUT)]);
    }
}
