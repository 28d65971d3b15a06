//! TLS towards upstreams: who is called, who is believed, which version is spoken, which connections are shared.

use std::io::Write;

use sluice_gateway::cluster::{CaBundle, Cluster, Endpoint, Roots, UpstreamTls};
use sluice_gateway::engine::roots::SystemRoots;
use sluice_gateway::filter::RequestEdit;
use sluice_gateway::filter::rewrite::UrlRewrite;
use sluice_gateway::route::RouteRule;
use sluice_testkit::ca::{Alpn, Ca};
use sluice_testkit::client::raw::Raw;
use sluice_testkit::client::sse::{Events, StreamEnd};
use sluice_testkit::provider::Provider;
use sluice_testkit::provider::answer::Answer;

use crate::plane::{Plane, VERSIONS, cluster, forward, options, tls};

const NAME: &str = "provider.test";

fn secure(provider: &Provider, name: &str, ca: &Ca) -> Cluster {
    Cluster { tls: tls(name, ca), ..cluster("tls", provider.address()) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sni_is_the_policys_name_whatever_the_host() {
    let ca = Ca::new("a");
    let provider = Provider::tls(&ca.leaf(&[NAME]), Alpn::Both, Answer::json("{}")).await;
    let rewrite = UrlRewrite { hostname: Some("other.test".into()), path: None };
    let rule = RouteRule { edits: vec![RequestEdit::Rewrite(rewrite)], ..forward("/", secure(&provider, NAME, &ca)) };
    let plane = Plane::new(vec![rule]).await;
    assert_eq!(plane.get("/").await.status(), 200);
    let seen = provider.only_request();
    assert_eq!((seen.sni.as_deref(), seen.host()), (Some(NAME), "other.test"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alpn_chooses_the_version() {
    let ca = Ca::new("a");
    for (offered, version) in [
        (Alpn::Both, http::Version::HTTP_2),
        (Alpn::H2, http::Version::HTTP_2),
        (Alpn::Http1, http::Version::HTTP_11),
        (Alpn::Nothing, http::Version::HTTP_11),
    ] {
        let provider = Provider::tls(&ca.leaf(&[NAME]), offered, Answer::sse(3, std::time::Duration::ZERO)).await;
        let plane = Plane::new(vec![forward("/", secure(&provider, NAME, &ca))]).await;
        for client in VERSIONS {
            let mut client = plane.client(client).await;
            let (events, end) = Events::of(client.post("/v1/chat/completions", "{}").await).rest().await;
            assert_eq!((events.len(), end), (4, StreamEnd::Clean), "{offered:?}");
        }
        let seen = provider.requests();
        assert!(seen.iter().all(|seen| seen.version == version && seen.body[..] == b"{}"[..]), "{offered:?}: {seen:?}");
        assert!(seen.iter().all(|seen| seen.all("host").len() <= 1), "{offered:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_believed_without_the_right_name_and_authority() {
    let (ca, other) = (Ca::new("same name"), Ca::new("same name"));
    let provider = Provider::tls(&ca.leaf(&[NAME]), Alpn::Both, Answer::json("{}")).await;
    for (name, ca, what) in [("wrong.test", &ca, "name"), (NAME, &other, "authority")] {
        let plane = Plane::new(vec![forward("/", secure(&provider, name, ca))]).await;
        let reply = plane.once("GET / HTTP/1.1\r\nHost: h\r\nAccept: application/json\r\n\r\n").await;
        assert_eq!(reply.status(), 503, "wrong {what}");
        let message = reply.json()["error"]["message"].to_string();
        assert!(message.contains("TLS"), "wrong {what}: {message}");
    }
    assert!(provider.requests().is_empty(), "a request was sent to an upstream that is not believed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_follow_the_rules_of_certificates() {
    let ca = Ca::new("a");
    for (certified, asked, expected) in [
        ("*.provider.test", "api.provider.test", 200),
        ("*.provider.test", "a.b.provider.test", 503),
        ("*.provider.test", "provider.test", 503),
        ("API.provider.test", "api.provider.test", 200),
    ] {
        let provider = Provider::tls(&ca.leaf(&[certified]), Alpn::Both, Answer::json("{}")).await;
        let plane = Plane::new(vec![forward("/", secure(&provider, asked, &ca))]).await;
        assert_eq!(plane.get("/").await.status(), expected, "{certified} for {asked}");
    }
}

/// A connection that one policy verified must not serve another that would have refused it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn policies_share_no_connection() {
    let (ca, other) = (Ca::new("a"), Ca::new("b"));
    for offered in [Alpn::Both, Alpn::Http1] {
        let provider = Provider::tls(&ca.leaf(&[NAME, "two.test"]), offered, Answer::json("{}")).await;
        let rules = vec![
            forward("/good", secure(&provider, NAME, &ca)),
            forward("/bad", secure(&provider, NAME, &other)),
            forward("/two", secure(&provider, "two.test", &ca)),
        ];
        let plane = Plane::new(rules).await;
        let mut client = Raw::connect(plane.address).await;
        for (target, expected) in [("/good", 200), ("/good", 200), ("/two", 200), ("/bad", 503)] {
            client.send(format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n")).await;
            assert_eq!(client.reply().await.status(), expected, "{offered:?} {target}");
        }
        let names: Vec<_> = provider.requests().iter().map(|seen| seen.sni.clone().unwrap()).collect();
        assert_eq!(names, [NAME, NAME, "two.test"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_authority_counts_from_the_next_request_on() {
    let (ca, other) = (Ca::new("a"), Ca::new("b"));
    let provider = Provider::tls(&ca.leaf(&[NAME]), Alpn::Both, Answer::json("{}")).await;
    let plane = Plane::new(vec![forward("/", secure(&provider, NAME, &ca))]).await;
    for (ca, expected) in [(&ca, 200), (&other, 503), (&ca, 200)] {
        plane.apply(vec![forward("/", secure(&provider, NAME, ca))]).await;
        assert_eq!(plane.get("/").await.status(), expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bundles_of_several_authorities_believe_each() {
    let (one, two) = (Ca::new("a"), Ca::new("b"));
    let bundle = CaBundle::from_pem(format!("{}\n{}", one.pem(), two.pem()).as_bytes()).unwrap();
    let bundle = std::sync::Arc::new(bundle);
    for ca in [&one, &two] {
        let provider = Provider::tls(&ca.leaf(&[NAME]), Alpn::Both, Answer::json("{}")).await;
        let tls = UpstreamTls { hostname: NAME.into(), roots: Roots::Bundle(bundle.clone()) };
        let plane =
            Plane::new(vec![forward("/", Cluster { tls: Some(tls), ..cluster("c", provider.address()) })]).await;
        assert_eq!(plane.get("/").await.status(), 200);
    }
}

/// One certificate of the machine's bundle is malformed: the others count, and nothing panics.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn system_roots_survive_a_bad_certificate() {
    let ca = Ca::new("a");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n{}", ca.pem()).unwrap();
    let mut options = options();
    options.system_roots = SystemRoots::from_paths(Some(file.path()), None);
    let provider = Provider::tls(&ca.leaf(&[NAME]), Alpn::Both, Answer::json("{}")).await;
    let tls = UpstreamTls { hostname: NAME.into(), roots: Roots::System };
    let rule = forward("/", Cluster { tls: Some(tls), ..cluster("system", provider.address()) });
    let plane = Plane::with(options, vec![rule]).await;
    assert_eq!(plane.get("/").await.status(), 200);
}

/// curl's `--connect-to`: the connection goes elsewhere, name, SNI and Host stay.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connect_to_moves_the_connection_alone() {
    let ca = Ca::new("a");
    let provider = Provider::tls(&ca.leaf(&[NAME]), Alpn::Both, Answer::json("{}")).await;
    let mut options = options();
    options.connect_to = vec![format!("{NAME}:443:127.0.0.1:{}", provider.address().port()).parse().unwrap()];
    let endpoints = vec![Endpoint::Fqdn { hostname: NAME.into(), port: 443 }];
    let rule = forward("/", Cluster { endpoints, ..secure(&provider, NAME, &ca) });
    let plane = Plane::with(options, vec![rule]).await;
    let reply = plane.once(&format!("GET / HTTP/1.1\r\nHost: {NAME}\r\n\r\n")).await;
    assert_eq!(reply.status(), 200);
    let seen = provider.only_request();
    assert_eq!((seen.sni.as_deref(), seen.host()), (Some(NAME), NAME));
}
