//! Peers against real servers: what the engine connects to, whom it trusts, which connections it shares.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::process::Command;
use std::sync::Arc;

use http::{Request, Version};
use pingora_core::protocols::Stream;
use pingora_core::protocols::http::v1::client::HttpSession;
use pingora_error::ErrorType;
use pingora_http::RequestHeader;
use sluice_gateway::cluster::{CaBundle, Cluster, Endpoint, Roots, UpstreamProtocol, UpstreamTls};
use sluice_gateway::engine::Engine;
use sluice_gateway::engine::roots::SystemRoots;
use sluice_gateway::filter::RequestEdit;
use sluice_gateway::filter::credential::{Credential, CredentialInjection};
use sluice_gateway::upstream::{Connected, Connection, Connections, Connector, Loopback, Resolver, Slot, Upstreams};
use sluice_testkit::ca::{Alpn, Ca};
use sluice_testkit::provider::Provider;
use sluice_testkit::provider::answer::Answer;
use tempfile::NamedTempFile;
use tokio::task::JoinSet;

const NAME: &str = "api.example.test";

/// The engine's client side with what stands before it.
struct Client {
    connections: Connections,
    upstreams: Arc<Upstreams>,
}

impl Client {
    fn new(roots: &SystemRoots) -> Self {
        let engine = Engine::new(roots).unwrap();
        let connections = Connections::new(Arc::new(Connector::new(engine.conf())));
        let upstreams = Upstreams::new(Vec::new(), Loopback::Reachable, Resolver::with_name_servers(&[]).unwrap());
        Self { connections, upstreams }
    }

    /// Trusts nobody by itself.
    fn without_roots() -> Self {
        Self::new(&SystemRoots::from_paths(None, None))
    }

    /// One GET; says whether the connection was one from the pool.
    async fn get(&self, cluster: &Arc<Cluster>, edits: &[RequestEdit]) -> Result<bool, ErrorType> {
        let pick = self.upstreams.pick(cluster, &[]).await.unwrap();
        let way = self.upstreams.way(cluster, pick, edits);
        let Connected { connection, reused } = self.connections.get(&way).await.map_err(|e| e.etype().clone())?;
        match connection {
            Connection::Http1(stream) => self.connections.keep(&way, get_over_http1(stream).await),
            Connection::Http2(slot) => get_over_http2(slot).await,
        }
        Ok(reused)
    }
}

fn head() -> Box<RequestHeader> {
    let mut head = RequestHeader::build("GET", b"/", None).unwrap();
    head.insert_header("host", NAME).unwrap();
    Box::new(head)
}

async fn get_over_http1(stream: Stream) -> Stream {
    let mut session = HttpSession::new(stream);
    session.write_request_header(head()).await.unwrap();
    session.finish_body().await.unwrap();
    session.read_response().await.unwrap();
    while session.read_body_bytes().await.unwrap().is_some() {}
    session.into_inner()
}

async fn get_over_http2(mut slot: Slot) {
    let head = Request::get(format!("https://{NAME}/")).version(Version::HTTP_2).body(()).unwrap();
    let (answer, _) = slot.send(head, true).unwrap();
    let mut body = answer.await.unwrap().into_body();
    while let Some(bytes) = body.data().await {
        bytes.unwrap();
    }
}

fn cluster(provider: &Provider, tls: Option<UpstreamTls>) -> Arc<Cluster> {
    let endpoints = vec![Endpoint::Ip(provider.address())];
    Arc::new(Cluster { name: "backend/ai/qwen".to_owned(), endpoints, tls, protocol: UpstreamProtocol::Auto })
}

fn tls(hostname: &str, roots: Roots) -> Option<UpstreamTls> {
    Some(UpstreamTls { hostname: hostname.to_owned(), roots })
}

fn bundle(authorities: &[&Ca]) -> Roots {
    let pem: String = authorities.iter().map(|ca| ca.pem()).collect();
    Roots::Bundle(Arc::new(CaBundle::from_pem(pem.as_bytes()).unwrap()))
}

async fn provider(ca: &Ca, alpn: Alpn) -> Provider {
    Provider::tls(&ca.leaf(&[NAME]), alpn, Answer::status(200)).await
}

#[tokio::test]
async fn certificates_are_verified_by_name_and_signer() {
    let (ca, other) = (Ca::new("one"), Ca::new("other"));
    let provider = provider(&ca, Alpn::Both).await;
    let client = Client::without_roots();
    for (hostname, roots, accepted) in [
        (NAME, bundle(&[&ca]), true),
        (NAME, bundle(&[&other, &ca]), true),
        (NAME, bundle(&[&other]), false),
        ("other.example.test", bundle(&[&ca]), false),
        (NAME, Roots::System, false),
    ] {
        let result = client.get(&cluster(&provider, tls(hostname, roots.clone())), &[]).await;
        match accepted {
            true => assert_eq!(result, Ok(false), "{hostname} {roots:?}"),
            false => assert_eq!(result, Err(ErrorType::TLSHandshakeFailure), "{hostname} {roots:?}"),
        }
    }
    assert!(provider.requests().iter().all(|seen| seen.sni.as_deref() == Some(NAME)));
    assert_eq!(provider.requests().len(), 2);
}

/// The engine's pool alone would hand the connection that the right CA verified to the policy with the wrong one.
#[tokio::test]
async fn a_pooled_connection_is_for_its_own_policy_alone() {
    for alpn in [Alpn::Http1, Alpn::Both] {
        let (ca, other) = (Ca::new("one"), Ca::new("other"));
        let provider = provider(&ca, alpn).await;
        let client = Client::without_roots();
        let right = cluster(&provider, tls(NAME, bundle(&[&ca])));
        let wrong = cluster(&provider, tls(NAME, bundle(&[&other])));
        assert_eq!(client.get(&right, &[]).await, Ok(false));
        assert_eq!(client.get(&right, &[]).await, Ok(true));
        assert_eq!(client.get(&wrong, &[]).await, Err(ErrorType::TLSHandshakeFailure));
        assert_eq!(client.get(&right, &[]).await, Ok(true), "the good one is still there");
    }
}

#[tokio::test]
async fn a_pooled_connection_is_for_its_own_credential_and_backend_alone() {
    let provider = Provider::plain(Answer::status(200)).await;
    let client = Client::without_roots();
    let credential = |value: &str| {
        let credential = Credential::new(value.as_bytes()).unwrap();
        let header = http::header::AUTHORIZATION;
        [RequestEdit::Credential(CredentialInjection { header, credential, overwrite: true })]
    };
    let one = cluster(&provider, None);
    let other = Arc::new(Cluster { name: "backend/ai/other".to_owned(), ..Cluster::clone(&one) });
    for (cluster, edits) in [(&one, credential("1")), (&one, credential("2")), (&other, credential("1"))] {
        assert_eq!(client.get(cluster, &edits).await, Ok(false));
        assert_eq!(client.get(cluster, &edits).await, Ok(true));
    }
    assert_eq!(provider.journal().connections(), 3);
}

#[tokio::test]
async fn the_http_version_follows_alpn_and_the_protocol() {
    let ca = Ca::new("one");
    let client = Client::without_roots();
    for (alpn, version) in [
        (Alpn::Both, Version::HTTP_2),
        (Alpn::H2, Version::HTTP_2),
        (Alpn::Http1, Version::HTTP_11),
        (Alpn::Nothing, Version::HTTP_11),
    ] {
        let provider = provider(&ca, alpn).await;
        client.get(&cluster(&provider, tls(NAME, bundle(&[&ca]))), &[]).await.unwrap();
        assert_eq!(provider.only_request().version, version, "{alpn:?}");
    }
    for (protocol, version) in [(UpstreamProtocol::Auto, Version::HTTP_11), (UpstreamProtocol::H2c, Version::HTTP_2)] {
        let provider = Provider::plain(Answer::status(200)).await;
        client.get(&Arc::new(Cluster { protocol, ..Cluster::clone(&cluster(&provider, None)) }), &[]).await.unwrap();
        assert_eq!(provider.only_request().version, version, "{protocol:?}");
    }
}

#[tokio::test]
async fn first_requests_share_the_connection_that_is_being_made() {
    let ca = Ca::new("one");
    let client = Arc::new(Client::without_roots());
    for (alpn, connections) in [(Alpn::Both, 1..=1), (Alpn::Http1, 1..=64)] {
        let provider = provider(&ca, alpn).await;
        let cluster = cluster(&provider, tls(NAME, bundle(&[&ca])));
        let mut asking = JoinSet::new();
        for _ in 0..64 {
            let (client, cluster) = (Arc::clone(&client), Arc::clone(&cluster));
            asking.spawn(async move { client.get(&cluster, &[]).await });
        }
        let asked = asking.join_all().await;
        assert!(asked.iter().all(Result::is_ok), "{asked:?}");
        assert!(connections.contains(&provider.journal().connections()), "{}", provider.journal().connections());
    }
}

/// Runs itself in a process of its own, where `SSL_CERT_FILE` is set from the start.
#[tokio::test]
async fn system_roots_survive_a_malformed_certificate() {
    if std::env::var_os("SLUICE_TEST_CHILD").is_some() {
        return trusts_the_good_ones().await;
    }
    let file = NamedTempFile::new().unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "system_roots_survive_a_malformed_certificate", "--nocapture"])
        .env("SLUICE_TEST_CHILD", "1")
        .env("SSL_CERT_FILE", file.path())
        .env_remove("SSL_CERT_DIR")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && told.contains("1 passed"), "{told}{}", String::from_utf8_lossy(&child.stderr));
}

async fn trusts_the_good_ones() {
    let (ca, other, stranger) = (Ca::new("one"), Ca::new("other"), Ca::new("stranger"));
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let file = std::env::var_os("SSL_CERT_FILE").unwrap();
    std::fs::write(file, [ca.pem(), garbage, other.pem()].concat()).unwrap();
    let roots = SystemRoots::load();
    assert_eq!((roots.usable, roots.skipped.len()), (2, 1), "{roots:?}");
    let client = Client::new(&roots);
    for (signer, accepted) in [(&ca, true), (&other, true), (&stranger, false)] {
        let provider = provider(signer, Alpn::Both).await;
        assert_eq!(client.get(&cluster(&provider, tls(NAME, Roots::System)), &[]).await.is_ok(), accepted);
    }
}
