//! Which rule takes a request, and what the request looks like upstream.

use std::sync::Arc;

use http::StatusCode;
use sluice_gateway::cluster::{Backends, Target};
use sluice_gateway::filter::headers::HeaderModifier;
use sluice_gateway::filter::redirect::Redirect;
use sluice_gateway::filter::rewrite::{PathRewrite, UrlRewrite};
use sluice_gateway::filter::{RequestEdit, ResponseEdit};
use sluice_gateway::listener::Listener;
use sluice_gateway::route::table::RouteEntry;
use sluice_gateway::route::{Action, AnswerBody, DirectResponse, Precedence, RouteRule};
use sluice_gateway::snapshot::Snapshot;
use sluice_testkit::client::raw::Raw;
use sluice_testkit::provider::Provider;
use sluice_testkit::provider::answer::Answer;

use crate::plane::{PORT, Plane, backend, cluster, forward, listener, options, rule};

fn rewriting(provider: &Provider) -> RouteRule {
    let rewrite = UrlRewrite {
        hostname: Some("provider.test".into()),
        path: Some(PathRewrite::prefix("/v1", "/compatible-mode/v1")),
    };
    RouteRule { edits: vec![RequestEdit::Rewrite(rewrite)], ..forward("/v1", cluster("llm", provider.address())) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prefix_and_host_are_rewritten_and_the_query_is_kept_byte_for_byte() {
    let provider = Provider::plain(Answer::json("{}")).await;
    let plane = Plane::new(vec![rewriting(&provider)]).await;
    for (sent, expected) in [
        ("/v1/chat/completions", "/compatible-mode/v1/chat/completions"),
        ("/v1", "/compatible-mode/v1"),
        ("/v1/", "/compatible-mode/v1/"),
        ("/v1/x?a=%20b&&c=d+e&u=%2F..%2f", "/compatible-mode/v1/x?a=%20b&&c=d+e&u=%2F..%2f"),
        ("/v1/x?", "/compatible-mode/v1/x?"),
        ("/v1/a%20b%C3%A9", "/compatible-mode/v1/a%20b%C3%A9"),
    ] {
        assert_eq!(plane.get(sent).await.status(), 200, "{sent}");
        let seen = provider.requests().pop().unwrap();
        assert_eq!(seen.target, expected);
        assert_eq!(seen.all("host"), ["provider.test"]);
        assert_eq!(seen.all("x-forwarded-host"), ["gateway.test"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_rewrite_the_request_goes_up_as_it_came() {
    let provider = Provider::plain(Answer::echo()).await;
    let plane = Plane::to(provider.address()).await;
    let request = "POST /v1/x?y=1 HTTP/1.1\r\nHost: Gateway.Test:8080\r\nX-Stainless-Lang: python\r\nAccept-Encoding: gzip, deflate\r\nUser-Agent: AsyncOpenAI/Python 3.54.0\r\nContent-Length: 4\r\n\r\nbody";
    assert_eq!(plane.once(request).await.text(), "body");
    let seen = provider.only_request();
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/v1/x?y=1"));
    assert_eq!(seen.all("host"), ["Gateway.Test:8080"]);
    for (name, value) in [
        ("x-stainless-lang", "python"),
        ("accept-encoding", "gzip, deflate"),
        ("user-agent", "AsyncOpenAI/Python 3.54.0"),
        ("content-length", "4"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
    ] {
        assert_eq!(seen.all(name), [value], "{name}");
    }
    assert!(seen.all("x-forwarded-host").is_empty());
    assert_eq!(seen.header("x-request-id").len(), 36);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forwarding_headers_that_a_client_makes_up_do_not_stand() {
    let provider = Provider::plain(Answer::json("{}")).await;
    let plane = Plane::to(provider.address()).await;
    let request = "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Request-Id: mine\r\nProxy-Authorization: x\r\nKeep-Alive: 5\r\nTE: gzip\r\nConnection: keep-alive, x-hop\r\nX-Hop: 1\r\n\r\n";
    plane.once(request).await;
    let seen = provider.only_request();
    assert_eq!(seen.header("x-forwarded-for"), "1.2.3.4,127.0.0.1");
    assert_eq!(seen.all("x-forwarded-proto"), ["http"]);
    assert_ne!(seen.header("x-request-id"), "mine");
    for name in ["proxy-authorization", "keep-alive", "x-hop", "te"] {
        assert!(seen.all(name).is_empty(), "{name} went upstream");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_longest_prefix_takes_a_request_and_none_is_a_404() {
    let (long, short) = (Provider::plain(Answer::json("1")).await, Provider::plain(Answer::json("2")).await);
    let rules = vec![forward("/v1", cluster("s", short.address())), forward("/v1/chat", cluster("l", long.address()))];
    let plane = Plane::new(rules).await;
    for (target, expected) in [("/v1/chat", "1"), ("/v1/chat/x", "1"), ("/v1/chats", "2"), ("/v1?a", "2")] {
        assert_eq!(plane.get(target).await.text(), expected, "{target}");
    }
    for target in ["/", "/v1beta", "/v"] {
        assert_eq!(plane.get(target).await.status(), 404, "{target}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_matched_is_what_is_forwarded() {
    let provider = Provider::plain(Answer::json("{}")).await;
    let admin = rule("/admin", Action::Answer(fixed(403, "no")));
    let plane = Plane::new(vec![admin, forward("/", cluster("all", provider.address()))]).await;
    for dodge in ["/x/../admin", "//admin", "/x/%2e%2E/admin", "/./admin"] {
        assert_eq!(plane.get(dodge).await.status(), 403, "{dodge}");
    }
    assert!(provider.requests().is_empty());
    let reply = plane.get("/a%2Fb?q=%2F").await;
    assert_eq!((reply.status(), reply.header("location")), (307, "/a/b?q=%2F"));
    assert_eq!(plane.get("/v1//a/./b?x=//").await.status(), 200);
    assert_eq!(provider.only_request().target, "/v1/a/b?x=//");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_are_modified_both_ways() {
    let provider = Provider::plain(Answer::json("{}").header("x-internal", "1").header("x-kept", "1")).await;
    let pair = |name: &str, value: &str| (name.parse().unwrap(), value.parse().unwrap());
    let request = HeaderModifier { set: vec![pair("x-a", "set")], add: vec![], remove: vec!["x-b".parse().unwrap()] };
    let response =
        HeaderModifier { set: vec![], add: vec![pair("x-kept", "2")], remove: vec!["x-internal".parse().unwrap()] };
    let rule = RouteRule {
        edits: vec![RequestEdit::Headers(request)],
        response_edits: vec![ResponseEdit::Headers(response)],
        ..forward("/", cluster("c", provider.address()))
    };
    let plane = Plane::new(vec![rule]).await;
    let reply = plane.once("GET / HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nX-A: 2\r\nX-B: 1\r\n\r\n").await;
    let seen = provider.only_request();
    assert_eq!((seen.all("x-a"), seen.all("x-b").len()), (vec!["set"], 0));
    assert_eq!((reply.head.all("x-kept"), reply.head.all("x-internal").len()), (vec!["1", "2"], 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redirects_and_fixed_answers_need_no_upstream_and_keep_the_connection() {
    let redirect =
        Redirect { scheme: Some("https".into()), hostname: None, port: None, path: None, status: StatusCode::FOUND };
    let plane =
        Plane::new(vec![rule("/r", Action::Redirect(redirect)), rule("/f", Action::Answer(fixed(418, "tea")))]).await;
    let mut client = Raw::connect(plane.address).await;
    client.send("GET /r/a?b HTTP/1.1\r\nHost: h.test:8080\r\nAuthorization: Bearer mine\r\n\r\n").await;
    let reply = client.reply().await;
    assert_eq!((reply.status(), reply.header("location")), (302, "https://h.test/r/a?b"));
    client.send("GET /f HTTP/1.1\r\nHost: h.test\r\n\r\n").await;
    let reply = client.reply().await;
    assert_eq!((reply.status(), reply.header("content-type"), reply.text().as_str()), (418, "text/plain", "tea"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fixed_answers_and_redirects_carry_the_rules_headers() {
    let redirect = Redirect { scheme: None, hostname: None, port: None, path: None, status: StatusCode::FOUND };
    let marked = |rule: RouteRule| {
        let modifier = HeaderModifier {
            set: vec![("x-mark".parse().unwrap(), "set".parse().unwrap())],
            ..HeaderModifier::default()
        };
        RouteRule { response_edits: vec![ResponseEdit::Headers(modifier)], ..rule }
    };
    let rules = [rule("/f", Action::Answer(fixed(418, "tea"))), rule("/r", Action::Redirect(redirect))];
    let plane = Plane::new(rules.map(marked).into()).await;
    for path in ["/f", "/r"] {
        assert_eq!(plane.get(path).await.header("x-mark"), "set", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn weights_are_shares() {
    let (heavy, light) = (Provider::plain(Answer::json("1")).await, Provider::plain(Answer::json("2")).await);
    let share = |weight, provider: &Provider, name| {
        let mut backend = backend(cluster(name, provider.address()));
        backend.weight = weight;
        backend
    };
    let backends = Backends(vec![share(3, &heavy, "a"), share(1, &light, "b"), share(0, &light, "c")]);
    let plane = Plane::new(vec![rule("/", Action::Forward(backends))]).await;
    let mut client = Raw::connect(plane.address).await;
    for _ in 0..100 {
        client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
        assert_eq!(client.reply().await.status(), 200);
    }
    let (a, b) = (heavy.requests().len(), light.requests().len());
    assert_eq!(a + b, 100);
    assert!((70..=80).contains(&a), "75 of 100 were due, {a} came");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_backend_gets_its_share_of_500() {
    let provider = Provider::plain(Answer::json("1")).await;
    let mut broken = backend(cluster("b", provider.address()));
    broken.target = Target::Unresolved;
    let backends = Backends(vec![backend(cluster("a", provider.address())), broken]);
    let plane = Plane::new(vec![rule("/", Action::Forward(backends))]).await;
    let mut failed = 0;
    for _ in 0..40 {
        match plane.get("/").await.status() {
            200 => {}
            500 => failed += 1,
            other => panic!("{other}"),
        }
    }
    assert!((15..=25).contains(&failed), "20 of 40 were due, {failed} came");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_most_specific_listener_decides() {
    let provider = Provider::plain(Answer::json("{}")).await;
    let to = |name: &str, hostname: Option<&str>, prefix: &str| {
        let rule = forward(prefix, cluster("c", provider.address()));
        let entry = RouteEntry { hosts: Vec::new(), precedence: Precedence::default(), rule: Arc::new(rule) };
        Listener { hostname: hostname.map(|h| h.parse().unwrap()), ..listener(name, PORT, vec![entry]) }
    };
    let listeners = vec![to("any", None, "/"), to("wild", Some("*.a.test"), "/w"), to("one", Some("x.a.test"), "/x")];
    let plane = Plane::with(options(), Vec::new()).await;
    plane.server.apply(vec![Snapshot::new("test/gateway".into(), Vec::new(), listeners)]).await;
    for (host, target, expected) in [
        ("other.test", "/q", 200),
        ("x.a.test", "/x", 200),
        ("X.A.test:8080", "/x", 200),
        ("x.a.test", "/w", 404),
        ("y.a.test", "/w", 200),
        ("y.a.test", "/x", 404),
    ] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(plane.once(&request).await.status(), expected, "{host}{target}");
    }
}

fn fixed(status: u16, body: &'static str) -> DirectResponse {
    let body = AnswerBody::Fixed { content_type: Some("text/plain".parse().unwrap()), body: body.into() };
    DirectResponse { status: StatusCode::from_u16(status).unwrap(), body }
}
