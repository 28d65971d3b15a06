//! One DNS lookup: the addresses of a name and how long they hold.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};

const RESOLV_CONF: &str = "/etc/resolv.conf";
const HOSTS: &str = "/etc/hosts";

/// Asks name servers. Keeps nothing: its callers know best how long an answer is good for.
///
/// Written names are taken as absolute; those of a single label are tried with the search domains after that. IPv4 is
/// preferred as in Envoy's `V4_PREFERRED`: AAAA is asked for only when the name has no A record.
#[derive(Clone)]
pub struct Resolver(Arc<Source>);

/// What a lookup found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resolved {
    /// Never empty; sorted, so that the order of records does not look like a change.
    pub(crate) addresses: Vec<IpAddr>,
    /// The smallest one of the records.
    pub(crate) ttl: Duration,
}

enum Source {
    /// The machine's configuration, read again when its files change.
    System(Mutex<Option<Loaded>>),
    Fixed(TokioResolver),
}

struct Loaded {
    stamp: Stamp,
    resolver: TokioResolver,
}

/// When the files of the configuration were last written.
type Stamp = [Option<SystemTime>; 2];

impl Resolver {
    /// Uses `/etc/resolv.conf` and `/etc/hosts`, and notices when they change.
    ///
    /// A machine without name servers resolves what is in its hosts file, and everything else fails with a clear
    /// error. (The C library would ask port 53 of the loopback address then, and could tell no TTL.)
    pub fn system() -> Self {
        Self(Arc::new(Source::System(Mutex::new(None))))
    }

    /// Asks these name servers by UDP and TCP, and no hosts file.
    ///
    /// # Errors
    /// The resolver cannot be set up.
    pub fn with_name_servers(servers: &[SocketAddr]) -> Result<Self, String> {
        let servers = servers.iter().map(|server| {
            let at_port = |mut connection: ConnectionConfig| {
                connection.port = server.port();
                connection
            };
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(at_port).to_vec();
            NameServerConfig::new(server.ip(), true, connections)
        });
        let config = ResolverConfig::from_name_servers(servers.collect());
        let mut options = ResolverOpts::default();
        options.use_hosts_file = hickory_resolver::config::ResolveHosts::Never;
        Ok(Self(Arc::new(Source::Fixed(build(config, options).map_err(|error| error.to_string())?))))
    }

    /// Looks a name up.
    ///
    /// # Errors
    /// No name server gave an answer with an address in it: why.
    pub(crate) async fn resolve(&self, hostname: &str) -> Result<Resolved, String> {
        let resolver = self.0.resolver()?;
        let name = if hostname.contains('.') { format!("{hostname}.") } else { hostname.to_owned() };
        match lookup(&resolver, &name, RecordType::A).await? {
            Some(found) => Ok(found),
            None => {
                lookup(&resolver, &name, RecordType::AAAA).await?.ok_or_else(|| "the name has no address".to_owned())
            }
        }
    }
}

impl Source {
    fn resolver(&self) -> Result<TokioResolver, String> {
        match self {
            Self::Fixed(resolver) => Ok(resolver.clone()),
            Self::System(loaded) => {
                let mut loaded = loaded.lock().unwrap_or_else(PoisonError::into_inner);
                let stamp = [RESOLV_CONF, HOSTS].map(|file| std::fs::metadata(file).and_then(|m| m.modified()).ok());
                match &*loaded {
                    Some(current) if current.stamp == stamp => Ok(current.resolver.clone()),
                    _ => {
                        let resolver = from_system().map_err(|error| error.to_string())?;
                        *loaded = Some(Loaded { stamp, resolver: resolver.clone() });
                        Ok(resolver)
                    }
                }
            }
        }
    }
}

fn from_system() -> Result<TokioResolver, NetError> {
    let (config, options) = hickory_resolver::system_conf::read_system_conf().unwrap_or_else(|error| {
        tracing::warn!(%error, "no name servers in {RESOLV_CONF}; names resolve by {HOSTS} only");
        (ResolverConfig::from_name_servers(Vec::new()), ResolverOpts::default())
    });
    build(config, options)
}

fn build(config: ResolverConfig, mut options: ResolverOpts) -> Result<TokioResolver, NetError> {
    options.cache_size = 0;
    // The name as it stands comes before the name with a search domain.
    options.ndots = 0;
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    *builder.options_mut() = options;
    builder.build()
}

/// `None` when the name exists without such records, or does not exist.
async fn lookup(resolver: &TokioResolver, name: &str, kind: RecordType) -> Result<Option<Resolved>, String> {
    let answer = match resolver.lookup(name, kind).await {
        Ok(answer) => answer,
        Err(error) if error.is_no_records_found() => return Ok(None),
        Err(NetError::NoConnections) => return Err("no name server can be reached".to_owned()),
        Err(error) => return Err(error.to_string()),
    };
    let mut addresses: Vec<_> = answer.answers().iter().filter_map(|record| address(&record.data)).collect();
    addresses.sort_unstable();
    addresses.dedup();
    let ttl = answer.answers().iter().map(|record| record.ttl).min().unwrap_or_default();
    Ok((!addresses.is_empty()).then(|| Resolved { addresses, ttl: Duration::from_secs(u64::from(ttl)) }))
}

fn address(data: &RData) -> Option<IpAddr> {
    match data {
        RData::A(a) => Some(IpAddr::V4(a.0)),
        RData::AAAA(aaaa) => Some(IpAddr::V6(aaaa.0)),
        _ => None,
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self.0 {
            Source::System(_) => "Resolver(system)",
            Source::Fixed(_) => "Resolver(fixed)",
        })
    }
}
