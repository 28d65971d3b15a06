//! One DNS lookup: the addresses of a name and how long they hold.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};
use hickory_resolver::system_conf::parse_resolv_conf;
use hickory_resolver::{Hosts, TokioResolver};

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
    System(System),
    Fixed(TokioResolver),
}

/// The machine's configuration, read again when its files change.
struct System {
    resolv_conf: PathBuf,
    hosts: PathBuf,
    loaded: Mutex<Option<(Stamp, TokioResolver)>>,
}

/// When the files of the configuration were last written, and how long they are.
type Stamp = [Option<(SystemTime, u64)>; 2];

impl Resolver {
    /// Uses `/etc/resolv.conf` and `/etc/hosts`, and notices when they change.
    ///
    /// A machine without name servers resolves what is in its hosts file, and everything else fails with a clear
    /// error. (The C library would ask port 53 of the loopback address then, and could tell no TTL.)
    pub fn system() -> Self {
        Self::from_files(Path::new(RESOLV_CONF), Path::new(HOSTS))
    }

    /// The same with other files.
    pub fn from_files(resolv_conf: &Path, hosts: &Path) -> Self {
        let (resolv_conf, hosts) = (resolv_conf.to_owned(), hosts.to_owned());
        Self(Arc::new(Source::System(System { resolv_conf, hosts, loaded: Mutex::default() })))
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
        let resolver = build(config, ResolverOpts::default()).map_err(|error| error.to_string())?;
        Ok(Self(Arc::new(Source::Fixed(resolver))))
    }

    /// Looks a name up.
    ///
    /// # Errors
    /// No name server gave an answer with an address in it: why.
    pub(crate) async fn resolve(&self, hostname: &str) -> Result<Resolved, String> {
        let resolver = match &*self.0 {
            Source::System(system) => system.resolver()?,
            Source::Fixed(resolver) => resolver.clone(),
        };
        let name = if hostname.contains('.') { format!("{hostname}.") } else { hostname.to_owned() };
        match lookup(&resolver, &name, RecordType::A).await? {
            Some(found) => Ok(found),
            None => {
                lookup(&resolver, &name, RecordType::AAAA).await?.ok_or_else(|| "the name has no address".to_owned())
            }
        }
    }
}

impl System {
    fn resolver(&self) -> Result<TokioResolver, String> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = [&self.resolv_conf, &self.hosts].map(|file| stamp(file).ok());
        match &*loaded {
            Some((then, resolver)) if *then == stamp => Ok(resolver.clone()),
            _ => {
                let resolver = self.load().map_err(|error| error.to_string())?;
                *loaded = Some((stamp, resolver.clone()));
                Ok(resolver)
            }
        }
    }

    fn load(&self) -> Result<TokioResolver, NetError> {
        let conf = fs::read(&self.resolv_conf).map_err(NetError::from).and_then(parse_resolv_conf);
        let (config, options) = conf.unwrap_or_else(|error| {
            tracing::warn!(%error, file = %self.resolv_conf.display(), "no name server: names resolve by hosts file only");
            (ResolverConfig::from_name_servers(Vec::new()), ResolverOpts::default())
        });
        let mut resolver = build(config, options)?;
        let mut hosts = Hosts::default();
        if let Err(error) = File::open(&self.hosts).and_then(|file| hosts.read_hosts_conf(file)) {
            tracing::warn!(%error, file = %self.hosts.display(), "the hosts file is not used");
        }
        resolver.set_hosts(Arc::new(hosts));
        Ok(resolver)
    }
}

fn stamp(file: &Path) -> io::Result<(SystemTime, u64)> {
    let metadata = fs::metadata(file)?;
    Ok((metadata.modified()?, metadata.len()))
}

fn build(config: ResolverConfig, mut options: ResolverOpts) -> Result<TokioResolver, NetError> {
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
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
        // The hosts file may have the other kind.
        Err(NetError::NoConnections) if kind == RecordType::A => return Ok(None),
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

#[cfg(test)]
mod tests {
    use hickory_proto::op::ResponseCode;

    use super::*;
    use crate::upstream::name_server::{NameServer, Zone};

    async fn check(resolver: &Resolver, hostname: &str, expected: Result<&str, &str>) {
        let found = resolver.resolve(hostname).await.map(|found| format!("{:?}", found.addresses));
        assert_eq!(found.as_deref().map_err(String::as_str), expected, "{hostname}");
    }

    #[tokio::test]
    async fn without_resolv_conf_the_hosts_file_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let hosts = directory.path().join("hosts");
        fs::write(&hosts, "10.0.0.1 one.test\n::5 six.test\n10.0.0.2 two\n").unwrap();
        let resolver = Resolver::from_files(&directory.path().join("missing"), &hosts);
        check(&resolver, "one.test", Ok("[10.0.0.1]")).await;
        check(&resolver, "six.test", Ok("[::5]")).await;
        check(&resolver, "two", Ok("[10.0.0.2]")).await;
        check(&resolver, "other.test", Err("no name server can be reached")).await;
        fs::write(&hosts, "10.0.0.1 one.test\n::5 six.test\n10.0.0.3 other.test\n").unwrap();
        check(&resolver, "other.test", Ok("[10.0.0.3]")).await;
    }

    #[tokio::test]
    async fn this_machine_knows_itself() {
        check(&Resolver::system(), "localhost", Ok("[127.0.0.1]")).await;
    }

    #[tokio::test]
    async fn a_failing_a_record_is_no_reason_for_ipv6() {
        let server = NameServer::start(Zone::Fails(ResponseCode::ServFail)).await;
        Resolver::with_name_servers(&[server.address]).unwrap().resolve("a.test").await.unwrap_err();
        assert!(server.asked().iter().all(|question| question == "A a.test."));
    }

    #[tokio::test]
    async fn a_name_that_cannot_be_is_an_error() {
        let server = NameServer::start(Zone::Fails(ResponseCode::NXDomain)).await;
        let resolver = Resolver::with_name_servers(&[server.address]).unwrap();
        for hostname in ["a..test", &"a".repeat(64), ""] {
            resolver.resolve(hostname).await.unwrap_err();
        }
    }
}
