//! The names that clusters are reached by, each resolved again and again in the background.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::resolver::Resolver;

/// A TTL of 0 would ask without pause.
const SHORTEST_REFRESH: Duration = Duration::from_secs(1);
/// Envoy Gateway's `dnsRefreshRate`. A longer TTL is not trusted for longer.
const LONGEST_REFRESH: Duration = Duration::from_secs(30);
/// How long the last answer stays in use while the name servers fail.
const KEEP: Duration = Duration::from_secs(3600);
/// The resolver has limits of its own; this one makes sure that the refreshing never stops.
const LOOKUP_LIMIT: Duration = Duration::from_secs(30);

/// All names in use.
#[derive(Debug)]
pub(crate) struct Names {
    resolver: Resolver,
    names: RwLock<HashMap<String, Name>>,
    /// Told each time an answer changes, whichever it is.
    changed: watch::Sender<()>,
}

/// What is known about a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The first lookup is under way.
    Pending,
    /// Its addresses.
    Known(Vec<IpAddr>),
    /// It could not be resolved, and has no answer from before.
    Failed(String),
}

#[derive(Debug)]
struct Name {
    answer: Arc<ArcSwap<Answer>>,
    refresh: JoinHandle<()>,
}

impl Drop for Name {
    fn drop(&mut self) {
        self.refresh.abort();
    }
}

impl Names {
    pub(crate) fn new(resolver: Resolver) -> Self {
        Self { resolver, names: RwLock::default(), changed: watch::Sender::new(()) }
    }

    /// Stops refreshing the names that are not `wanted`, and starts those that are new. Needs a tokio runtime.
    pub(crate) fn retain(&self, wanted: &BTreeSet<String>) {
        self.names.write().unwrap_or_else(PoisonError::into_inner).retain(|name, _| wanted.contains(name));
        for name in wanted {
            self.answer(name);
        }
    }

    /// What is known about a name now. One that was never asked for starts being refreshed: a request that still runs
    /// under a replaced snapshot may need a name that the newest one no longer has.
    pub(crate) fn answer(&self, hostname: &str) -> Arc<Answer> {
        if let Some(name) = self.names.read().unwrap_or_else(PoisonError::into_inner).get(hostname) {
            return name.answer.load_full();
        }
        let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
        names.entry(hostname.to_owned()).or_insert_with(|| self.start(hostname)).answer.load_full()
    }

    /// Tells when answers change, from now on.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    fn start(&self, hostname: &str) -> Name {
        let answer = Arc::new(ArcSwap::from_pointee(Answer::Pending));
        let refresh = Refresh {
            hostname: hostname.to_owned(),
            resolver: self.resolver.clone(),
            answer: Arc::clone(&answer),
            changed: self.changed.clone(),
            failures: 0,
            good_at: None,
        };
        Name { answer, refresh: tokio::spawn(refresh.run()) }
    }
}

/// The task behind one name.
struct Refresh {
    hostname: String,
    resolver: Resolver,
    answer: Arc<ArcSwap<Answer>>,
    changed: watch::Sender<()>,
    failures: u32,
    good_at: Option<Instant>,
}

impl Refresh {
    async fn run(mut self) {
        loop {
            let pause = self.once().await;
            tokio::time::sleep(pause).await;
        }
    }

    /// Looks the name up; returns how long until the next time.
    async fn once(&mut self) -> Duration {
        let lookup = tokio::time::timeout(LOOKUP_LIMIT, self.resolver.resolve(&self.hostname)).await;
        match lookup.unwrap_or_else(|_| Err("the lookup takes too long".to_owned())) {
            Ok(found) => {
                self.failures = 0;
                self.good_at = Some(Instant::now());
                self.set(Answer::Known(found.addresses));
                found.ttl.clamp(SHORTEST_REFRESH, LONGEST_REFRESH)
            }
            Err(why) => self.failed(why),
        }
    }

    fn failed(&mut self, why: String) -> Duration {
        let kept = self.good_at.is_some_and(|at| at.elapsed() < KEEP);
        if self.failures == 0 {
            tracing::warn!(hostname = self.hostname, error = why, kept, "a backend's name does not resolve");
        }
        if !kept {
            self.set(Answer::Failed(why));
        }
        let pause = backoff(self.failures);
        self.failures = self.failures.saturating_add(1);
        pause
    }

    fn set(&self, next: Answer) {
        if **self.answer.load() != next {
            tracing::debug!(hostname = self.hostname, answer = ?next, "a backend's name resolves differently");
            self.answer.store(Arc::new(next));
            self.changed.send_replace(());
        }
    }
}

/// 1 s, 2 s, 4 s, … up to the usual refresh.
fn backoff(failures: u32) -> Duration {
    SHORTEST_REFRESH.saturating_mul(1 << failures.min(5)).min(LONGEST_REFRESH)
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::ResponseCode;

    use super::*;
    use crate::upstream::name_server::{NameServer, Zone};

    const NAME: &str = "api.example.test";

    fn ips(text: &[&str]) -> Vec<IpAddr> {
        text.iter().map(|ip| ip.parse().unwrap()).collect()
    }

    fn zone(text: &[&str], ttl: u32) -> Zone {
        Zone::Addresses(ips(text), ttl)
    }

    fn known(text: &[&str]) -> Answer {
        Answer::Known(ips(text))
    }

    /// The task of one name, to be run step by step.
    async fn refresh(first: Zone) -> (NameServer, Refresh) {
        let server = NameServer::start(first).await;
        let refresh = Refresh {
            hostname: NAME.to_owned(),
            resolver: Resolver::with_name_servers(&[server.address]).unwrap(),
            answer: Arc::new(ArcSwap::from_pointee(Answer::Pending)),
            changed: watch::Sender::new(()),
            failures: 0,
            good_at: None,
        };
        (server, refresh)
    }

    async fn check(refresh: &mut Refresh, expected: Answer, pause: u64) {
        assert_eq!(refresh.once().await, Duration::from_secs(pause));
        assert_eq!(**refresh.answer.load(), expected);
    }

    #[tokio::test]
    async fn it_follows_the_records_and_their_ttl() {
        let (server, mut refresh) = refresh(zone(&["10.0.0.1"], 7)).await;
        check(&mut refresh, known(&["10.0.0.1"]), 7).await;
        server.set(zone(&["10.0.0.3", "10.0.0.2"], 0));
        check(&mut refresh, known(&["10.0.0.2", "10.0.0.3"]), 1).await;
        server.set(zone(&["10.0.0.2"], 86_400));
        check(&mut refresh, known(&["10.0.0.2"]), 30).await;
        server.set(Zone::Alias(3, ips(&["10.0.0.4"]), 20));
        check(&mut refresh, known(&["10.0.0.4"]), 3).await;
        assert_eq!(server.asked(), vec![format!("A {NAME}."); 4]);
    }

    #[tokio::test]
    async fn ipv6_is_taken_only_without_ipv4() {
        let (server, mut refresh) = refresh(zone(&["::1", "10.0.0.1"], 5)).await;
        check(&mut refresh, known(&["10.0.0.1"]), 5).await;
        server.set(zone(&["::1", "::2"], 5));
        check(&mut refresh, known(&["::1", "::2"]), 5).await;
    }

    #[tokio::test]
    async fn the_last_good_answer_stays() {
        let (server, mut refresh) = refresh(zone(&["10.0.0.1"], 1)).await;
        check(&mut refresh, known(&["10.0.0.1"]), 1).await;
        let failures = [Zone::Fails(ResponseCode::NXDomain), Zone::Fails(ResponseCode::ServFail), zone(&[], 5)];
        for (failure, pause) in failures.into_iter().zip([1, 2, 4]) {
            server.set(failure);
            check(&mut refresh, known(&["10.0.0.1"]), pause).await;
        }
        server.set(zone(&["10.0.0.2"], 1));
        check(&mut refresh, known(&["10.0.0.2"]), 1).await;
    }

    #[tokio::test]
    async fn without_an_answer_the_failure_is_told() {
        for (zone, why) in [
            (Zone::Fails(ResponseCode::NXDomain), "the name has no address"),
            (zone(&[], 5), "the name has no address"),
            (Zone::Fails(ResponseCode::ServFail), "Server Failure"),
        ] {
            let (_server, mut refresh) = refresh(zone).await;
            refresh.once().await;
            let Answer::Failed(told) = (**refresh.answer.load()).clone() else { panic!("{:?}", refresh.answer) };
            assert!(told.to_lowercase().contains(&why.to_lowercase()), "{told}");
        }
    }

    #[tokio::test]
    async fn an_answer_is_not_kept_for_ever() {
        let (server, mut refresh) = refresh(zone(&["10.0.0.1"], 1)).await;
        refresh.once().await;
        server.set(Zone::Fails(ResponseCode::NXDomain));
        refresh.good_at = Instant::now().checked_sub(KEEP);
        refresh.once().await;
        assert!(matches!(**refresh.answer.load(), Answer::Failed(_)));
    }

    #[tokio::test]
    async fn a_machine_without_name_servers_says_so() {
        let resolver = Resolver::with_name_servers(&[]).unwrap();
        assert_eq!(resolver.resolve(NAME).await.unwrap_err(), "no name server can be reached");
    }

    #[test]
    fn failures_are_retried_more_and_more_slowly() {
        let pauses: Vec<_> = [0, 1, 2, 3, 4, 5, u32::MAX].map(|n| backoff(n).as_secs()).into();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
    }
}
