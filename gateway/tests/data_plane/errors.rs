//! What a client is told when the gateway answers in the upstream's place.

use http::StatusCode;
use sluice_gateway::cluster::{Backends, Cluster, Endpoint};
use sluice_gateway::route::{Action, AnswerBody, DirectResponse, RouteRule};
use sluice_testkit::client::raw::{End, Raw, Reply};
use sluice_testkit::provider::Provider;
use sluice_testkit::provider::answer::Answer;
use sluice_testkit::provider::raw::{RawProvider, RawStep};

use crate::plane::{Plane, backend, cluster, credential, forward, refusing, rule};

const SECRET: &str = "Bearer sk-marker-1234";

/// One rule for each way to fail, with a credential that must not be told.
async fn failing() -> (Plane, RawProvider, RawProvider) {
    let closing = RawProvider::always(vec![RawStep::ReadHead]).await;
    let garbage = RawProvider::always(vec![RawStep::ReadHead, RawStep::send("SSH-2.0-OpenSSH\r\n\r\n")]).await;
    let broken = AnswerBody::Broken("HTTPRouteFilter \"f\" refers to a Secret that does not exist".into());
    let broken = DirectResponse { status: StatusCode::INTERNAL_SERVER_ERROR, body: broken };
    let mut unresolved = backend(cluster("x", closing.address()));
    unresolved.target = sluice_gateway::cluster::Target::Unresolved;
    let mut weightless = backend(cluster("x", closing.address()));
    weightless.weight = 0;
    let nameless = Endpoint::Fqdn { hostname: "does-not-exist.invalid".into(), port: 443 };
    let refused = refusing().await;
    let mut rules = vec![
        rule("/broken", Action::Answer(broken)),
        rule("/unresolved", Action::Forward(Backends(vec![unresolved]))),
        rule("/weightless", Action::Forward(Backends(vec![weightless]))),
        rule("/backendless", Action::Forward(Backends(Vec::new()))),
        forward("/empty", Cluster { endpoints: Vec::new(), ..cluster("empty", refused) }),
        forward("/nameless", Cluster { endpoints: vec![nameless], ..cluster("nameless", refused) }),
        forward("/refused", cluster("refused", refused)),
        forward("/closing", cluster("closing", closing.address())),
        forward("/garbage", cluster("garbage", garbage.address())),
    ];
    rules.iter_mut().for_each(|rule| rule.edits.push(credential("authorization", SECRET, true)));
    (Plane::new(rules).await, closing, garbage)
}

const EXPECTED: [(&str, &[u16]); 10] = [
    ("/nowhere", &[404]),
    ("/broken", &[500]),
    ("/unresolved", &[500]),
    ("/weightless", &[500]),
    ("/backendless", &[500]),
    ("/empty", &[503]),
    ("/nameless", &[503]),
    ("/refused", &[503]),
    ("/closing", &[502, 503]),
    ("/garbage", &[502]),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_clients_get_errors_as_openai_has_them() {
    let (plane, _closing, _garbage) = failing().await;
    for (target, expected) in EXPECTED {
        let reply = plane.once(&post(target, "Accept: application/json\r\nContent-Type: application/json\r\n")).await;
        assert!(expected.contains(&reply.status()), "{target}: {}", reply.status());
        assert_eq!(reply.header("content-type"), "application/json", "{target}");
        let body = reply.json();
        let error = &body["error"];
        assert!(error["message"].as_str().is_some_and(|m| m.len() > 10), "{target}: {body}");
        assert!(error["type"].is_string() && error["code"].is_string(), "{target}: {body}");
        silent_about_the_secret(&reply, target);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_get_text_and_a_head_gets_no_body() {
    let (plane, _closing, _garbage) = failing().await;
    for (target, expected) in EXPECTED {
        let reply = plane.once(&format!("GET {target} HTTP/1.1\r\nHost: h\r\nAccept: text/html\r\n\r\n")).await;
        assert!(expected.contains(&reply.status()), "{target}: {}", reply.status());
        assert!(reply.header("content-type").starts_with("text/plain"), "{target}");
        silent_about_the_secret(&reply, target);
        let mut client = Raw::connect(plane.address).await;
        client.send(format!("HEAD {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")).await;
        assert!(expected.contains(&client.reply_to_head().await.status()), "{target}");
        assert_eq!(client.until_closed().await, "", "{target}: a HEAD was answered with a body");
    }
}

/// The text of an error says what happened, and where.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_name_the_object_at_fault() {
    let (plane, _closing, _garbage) = failing().await;
    for (target, word) in [
        ("/broken", "Secret"),
        ("/nameless", "does-not-exist.invalid"),
        ("/refused", "backend/test/refused"),
        ("/empty", "backend/test/empty"),
    ] {
        let text = plane.once(&post(target, "Accept: application/json\r\n")).await.text();
        assert!(text.contains(word), "{target}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_survives_errors_that_need_no_upstream() {
    let (plane, _closing, _garbage) = failing().await;
    let mut client = Raw::connect(plane.address).await;
    for (target, expected) in &EXPECTED[..5] {
        client.send(format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n")).await;
        assert_eq!(client.reply().await.status(), expected[0], "{target}");
    }
}

/// After an answer to a request whose body nobody read the connection may close, but not unsaid.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_closes_says_so() {
    let (plane, _closing, _garbage) = failing().await;
    for (target, expected) in EXPECTED {
        let mut client = Raw::connect(plane.address).await;
        client.send(post(target, "")).await;
        if client.reply().await.header("connection") != "close" {
            client.send(post(target, "")).await;
            assert!(expected.contains(&client.reply().await.status()), "{target}");
        }
    }
}

/// What a provider says, errors included, is its own: nothing is added, nothing is hidden.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_of_the_upstream_pass_unchanged() {
    for status in [400, 401, 404, 413, 429, 500, 502, 503, 504] {
        let body = format!("{{\"error\":{{\"message\":\"from upstream {status}\"}}}}");
        let provider = Provider::plain(Answer::json(body.clone()).with_status(status).header("retry-after", 7)).await;
        let plane = Plane::to(provider.address()).await;
        let reply = plane.once(&post("/", "Accept: application/json\r\n")).await;
        assert_eq!((reply.status(), reply.text(), reply.end), (status, body, End::Clean));
        assert_eq!((reply.header("retry-after"), reply.header("x-should-retry")), ("7", ""));
        assert_eq!(provider.requests().len(), 1, "{status} was retried");
    }
}

/// 504 aside, a retry is safe: the upstream has not had the request, or not answered it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_timeouts_forbid_a_retry() {
    let (plane, _closing, _garbage) = failing().await;
    for target in ["/refused", "/empty", "/nowhere"] {
        assert_eq!(plane.once(&post(target, "")).await.header("x-should-retry"), "", "{target}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_that_breaks_one_route_leaves_the_others() {
    let provider = Provider::plain(Answer::json("{}")).await;
    let body = AnswerBody::Broken("x".into());
    let broken = DirectResponse { status: StatusCode::INTERNAL_SERVER_ERROR, body };
    let rules: Vec<RouteRule> =
        vec![rule("/broken", Action::Answer(broken)), forward("/", cluster("ok", provider.address()))];
    let plane = Plane::new(rules).await;
    assert_eq!(plane.get("/broken").await.status(), 500);
    assert_eq!(plane.get("/fine").await.status(), 200);
}

fn post(target: &str, lines: &str) -> String {
    format!("POST {target} HTTP/1.1\r\nHost: h\r\n{lines}Content-Length: 2\r\n\r\n{{}}")
}

fn silent_about_the_secret(reply: &Reply, target: &str) {
    let told = format!("{:?} {}", reply.head, reply.text());
    assert!(!told.contains("sk-marker"), "{target}: {told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_reaches_a_client_that_is_still_sending() {
    let broken = AnswerBody::Broken("x".into());
    let broken = DirectResponse { status: StatusCode::INTERNAL_SERVER_ERROR, body: broken };
    let plane = Plane::new(vec![rule("/broken", Action::Answer(broken))]).await;
    let body = vec![b'x'; 20 << 20];
    for path in ["/nowhere", "/broken"] {
        let mut client = Raw::connect(plane.address).await;
        let head = format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", body.len());
        client.send(head).await;
        client.send(&body).await;
        let expected = if path == "/broken" { 500 } else { 404 };
        assert_eq!(client.reply().await.status(), expected, "{path}");
    }
}
