//! `sluice run` as a process: what is in force follows the files, and it ends as it should.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use sluice_testkit::client::raw::Raw;
use sluice_testkit::sluice::{Launch, Sluice};

const LIMIT: Duration = Duration::from_secs(20);

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.path(file), text).unwrap();
    }

    async fn run(&self) -> Sluice {
        Launch::run(&[self.0.path()], &[8080, 8081]).start().await
    }
}

fn gateway(port: u16, more: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {{name: gateway}}\nspec:\n  \
         gatewayClassName: ack-gateway\n  {more}\n  listeners:\n  - {{name: http, protocol: HTTP, port: {port}}}\n"
    )
}

/// Answers `text` itself, so that no provider is needed.
fn answer(text: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: route}}\nspec:\n  \
         parentRefs: [{{name: gateway}}]\n  rules:\n  - filters:\n    - type: ExtensionRef\n      extensionRef: \
         {{group: gateway.envoyproxy.io, kind: HTTPRouteFilter, name: answer}}\n---\n\
         apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: HTTPRouteFilter\nmetadata: {{name: answer}}\nspec:\n  \
         directResponse: {{body: {{type: Inline, inline: {text}}}}}\n"
    )
}

async fn said(sluice: &Sluice) -> String {
    let request = "GET / HTTP/1.1\r\nHost: a.b\r\nConnection: close\r\n\r\n";
    Raw::once(sluice.listener("http"), request).await.text()
}

/// Asks again until it holds; each question is a request, so that there is nothing to sleep for.
async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> T, holds: impl Fn(&T) -> bool) -> T {
    let end = Instant::now() + LIMIT;
    loop {
        let told = ask().await;
        if holds(&told) {
            return told;
        }
        assert!(Instant::now() < end, "{what} did not happen");
    }
}

async fn page(sluice: &Sluice, path: &str) -> Value {
    let text = sluice.page(path).await;
    let body = text.split_once("\r\n\r\n").map_or(text.as_str(), |(_, body)| body);
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[tokio::test]
async fn an_edit_is_in_force_and_a_broken_file_changes_nothing() {
    let files = Files::new();
    files.write("gateway.yaml", &gateway(8080, ""));
    files.write("route.yaml", &answer("first"));
    let sluice = files.run().await;
    assert!(said(&sluice).await.contains("first"));

    files.write("route.yaml", &answer("second"));
    until("the edit", async || said(&sluice).await, |text| text.contains("second")).await;

    files.write("route.yaml", "spec: [");
    let finding = |page: &Value| page["findings"][0]["message"].as_str().is_some_and(|m| m.contains("is no YAML"));
    until("the finding", async || page(&sluice, "/statuses").await, finding).await;
    assert!(said(&sluice).await.contains("second"));

    files.write("route.yaml", &answer("third"));
    until("the mending", async || said(&sluice).await, |text| text.contains("third")).await;
    let logged = sluice.stderr();
    assert_eq!(logged.matches("the file is no YAML").count(), 1, "{logged}");
}

#[tokio::test]
async fn the_ready_line_is_as_promised() {
    let files = Files::new();
    files.write("gateway.yaml", &gateway(8080, ""));
    let sluice = files.run().await;
    let line = sluice.stdout().lines().next().unwrap().to_owned();
    let (admin, address) = (sluice.admin(), sluice.listener("http"));
    let listener = format!(r#"{{"gateway":"default/gateway","listener":"http","address":"{address}"}}"#);
    assert_eq!(line, format!(r#"{{"event":"ready","admin":"{admin}","listeners":[{listener}]}}"#));
    assert!(page(&sluice, "/listeners").await.to_string().contains(&address.to_string()));
    let status = page(&sluice, "/statuses").await["objects"]["Gateway default/gateway"].clone();
    assert_eq!(status["addresses"][0]["value"], "127.0.0.1", "{status}");
}

#[tokio::test]
async fn listeners_come_and_go_with_the_files() {
    let files = Files::new();
    files.write("route.yaml", &answer("here"));
    let sluice = files.run().await;
    assert_eq!(page(&sluice, "/listeners").await, serde_json::json!([]));
    files.write("gateway.yaml", &gateway(8081, ""));
    let one = |page: &Value| page.as_array().unwrap().len() == 1;
    let listeners = until("a listener", async || page(&sluice, "/listeners").await, one).await;
    let address = listeners[0]["address"].as_str().unwrap().parse().unwrap();
    let request = "GET / HTTP/1.1\r\nHost: a.b\r\nConnection: close\r\n\r\n";
    assert!(Raw::once(address, request).await.text().contains("here"));
    fs::remove_file(files.path("gateway.yaml")).unwrap();
    until("no listener", async || page(&sluice, "/listeners").await, |page| page.as_array().unwrap().is_empty()).await;
    let refused = async || tokio::net::TcpStream::connect(address).await.is_err();
    until("the port is closed", refused, |refused| *refused).await;
}

#[tokio::test]
async fn a_gateway_that_is_refused_as_a_whole_keeps_what_it_serves() {
    let files = Files::new();
    files.write("gateway.yaml", &gateway(8080, ""));
    files.write("route.yaml", &answer("kept"));
    let sluice = files.run().await;
    let parameters = "infrastructure: {parametersRef: {group: gateway.envoyproxy.io, kind: EnvoyProxy, name: missing}}";
    files.write("gateway.yaml", &gateway(8080, parameters));
    let refused = |page: &Value| page["objects"]["Gateway default/gateway"].to_string().contains("InvalidParameters");
    until("the refusal", async || page(&sluice, "/statuses").await, refused).await;
    assert!(said(&sluice).await.contains("kept"));
}

#[tokio::test]
async fn a_signal_ends_it_well() {
    let files = Files::new();
    files.write("gateway.yaml", &gateway(8080, ""));
    let mut sluice = files.run().await;
    sluice.terminate().await;
    assert_eq!(sluice.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_and_the_rest_serves() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let files = Files::new();
    let two = gateway(8080, "") + "  - {name: other, protocol: HTTP, port: 8082}\n";
    files.write("gateway.yaml", &two);
    files.write("route.yaml", &answer("here"));
    let port = format!("8082={}", taken.local_addr().unwrap().port());
    let sluice = Launch::run(&[files.0.path()], &[8080]).arg("--port").arg(port).start().await;
    assert!(said(&sluice).await.contains("here"));
    let status = page(&sluice, "/statuses").await["objects"]["Gateway default/gateway"].to_string();
    assert!(status.contains("PortUnavailable"), "{status}");
}

#[test]
fn an_admin_port_that_is_taken_is_a_failure() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let files = Files::new();
    files.write("gateway.yaml", &gateway(8080, ""));
    let admin = taken.local_addr().unwrap().to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluice"));
    let output = command.arg("run").arg(files.0.path()).args(["--admin", &admin, "--port", "8080=0"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains(&format!("the admin port cannot be bound at {admin}")));
}
