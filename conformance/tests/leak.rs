//! A key is found nowhere but upstream: not in any output of a debug build at trace level, not in what the admin port
//! shows, not in an error (the sixth "must show"). Neither is what a client authorised itself with.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sluice_testkit::ca::{Alpn, Ca};
use sluice_testkit::client::http::{Http, json};
use sluice_testkit::client::raw::Raw;
use sluice_testkit::client::sse::Events;
use sluice_testkit::provider::Provider;
use sluice_testkit::provider::answer::Answer;
use sluice_testkit::provider::raw::{RawProvider, RawStep};
use sluice_testkit::sluice::{Launch, Sluice};
use sluice_testkit::world::{self, Rule};

/// What must not be found: the key in `stringData`, the one in `data`, the one from the environment, the client's own.
/// Characters that encodings treat apart are among them.
const MARKERS: [&str; 4] =
    ["sk-marker/plain+7f3a9c51", "sk-marker/coded+2b8e6d04", "sk-marker/environ+94c1a7f3", "sk-marker/client+5d20e8b6"];

/// All that was said, and by whom.
#[derive(Default)]
struct Said(Vec<(String, String)>);

impl Said {
    fn add(&mut self, who: impl Into<String>, what: impl Into<String>) {
        self.0.push((who.into(), what.into()));
    }

    /// Every place where a marker can be read, in any of its spellings.
    fn leaks(&self) -> Vec<String> {
        let needles: Vec<_> = MARKERS.iter().flat_map(|marker| spellings(marker)).collect();
        let mut leaks = Vec::new();
        for (who, text) in &self.0 {
            for needle in &needles {
                if let Some(at) = text.find(needle.as_str()) {
                    let around: String =
                        text[..at].chars().rev().take(200).collect::<Vec<_>>().into_iter().rev().collect();
                    leaks.push(format!("{who}: {needle:?} after {around:?}"));
                }
            }
        }
        leaks
    }
}

/// Plain, base64 in each alignment, percent-encoded, reversed, hexadecimal, as a list of bytes.
fn spellings(marker: &str) -> Vec<String> {
    let bytes = marker.as_bytes();
    let mut all = vec![marker.to_owned(), marker.chars().rev().collect()];
    for skip in 0..3 {
        // Whole groups of three bytes, whatever stands before and after them.
        let aligned = &bytes[skip..];
        all.push(STANDARD.encode(&aligned[..aligned.len() / 3 * 3]));
    }
    all.push(bytes.iter().map(|byte| format!("%{byte:02X}")).collect());
    all.push(bytes.iter().map(|byte| format!("%{byte:02x}")).collect());
    all.push(marker.replace('/', "%2F").replace('+', "%2B"));
    all.push(marker.replace('/', "\\/"));
    all.push(bytes.iter().map(|byte| format!("{byte:02x}")).collect());
    all.push(bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(", "));
    all
}

/// The upstreams of the world below, each failing in its own way but the first.
struct Upstreams {
    good: Provider,
    closing: RawProvider,
    garbage: RawProvider,
    secured: Provider,
    silent: Provider,
    ca: Ca,
    _other_ca: Ca,
}

impl Upstreams {
    async fn start() -> Self {
        let (ca, other_ca) = (Ca::new("ours"), Ca::new("other"));
        let good = Provider::scripted(|seen| match seen.target.as_str() {
            "/good/stream" => Answer::sse(3, Duration::from_millis(5)),
            "/good/429" => Answer::json("{\"error\":{\"message\":\"slow down\"}}").with_status(429),
            "/good/cut" => Answer::sse(1, Duration::ZERO).body(vec![sluice_testkit::steps::Step::Cut]),
            _ => Answer::completion("hi"),
        });
        Self {
            good: good.await,
            closing: RawProvider::always(vec![RawStep::ReadHead]).await,
            garbage: RawProvider::always(vec![RawStep::ReadHead, RawStep::send("no HTTP\r\n\r\n")]).await,
            secured: Provider::tls(&other_ca.leaf(&["provider.test"]), Alpn::Both, Answer::json("{}")).await,
            silent: Provider::plain(Answer::silence()).await,
            ca,
            _other_ca: other_ca,
        }
    }

    fn world(&self) -> String {
        let keyed = |prefix: &str, backend: &str, filter: &str| Rule::forward(prefix, backend).extension(filter);
        let rules = [
            keyed("/good", "good", "plain"),
            keyed("/coded", "good", "coded"),
            keyed("/environ", "good", "environ"),
            Rule::forward("/open", "good"),
            keyed("/closing", "closing", "plain"),
            keyed("/garbage", "garbage", "plain"),
            keyed("/secured", "secured", "plain"),
            keyed("/nameless", "nameless", "plain"),
            keyed("/silent", "silent", "plain").timeouts("300ms", "300ms"),
            keyed("/missing", "good", "missing"),
            keyed("/broken", "good", "broken"),
        ];
        let coded = STANDARD.encode(format!("Bearer {}\n", MARKERS[1]));
        world::documents(&[
            world::gateway("gw", 8080),
            world::http_route("route", "gw", &rules),
            world::backend("good", self.good.address()),
            world::backend("closing", self.closing.address()),
            world::backend("garbage", self.garbage.address()),
            world::backend("secured", self.secured.address()),
            world::backend("silent", self.silent.address()),
            world::fqdn_backend("nameless", "does-not-exist.invalid", 443),
            world::tls_policy("secured", "secured", "provider.test", "ca"),
            world::ca_config_map("ca", self.ca.pem()),
            world::secret("plain", &format!("Bearer {}", MARKERS[0])),
            secret_with(&format!("data: {{credential: {coded}}}")).replace("NAME", "coded"),
            world::secret("environ", "Bearer ${SLUICE_LEAK_KEY}"),
            secret_with(&format!("stringData: {{credential: \"Bearer {}\\u0001\"}}", MARKERS[0]))
                .replace("NAME", "broken"),
            world::credential_filter("plain", "plain", true),
            world::credential_filter("coded", "coded", true),
            world::credential_filter("environ", "environ", true),
            world::credential_filter("missing", "no-such-secret", true),
            world::credential_filter("broken", "broken", true),
        ])
    }
}

fn secret_with(fields: &str) -> String {
    format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: NAME, namespace: ai}}\n{fields}\n")
}

/// Secrets that are wrong in ways whose messages quote what they are about.
fn malformed_secrets() -> Vec<String> {
    let key = MARKERS[0];
    let coded = STANDARD.encode(key);
    [
        format!("stringData: \"{key}\""),
        format!("stringData: {{credential: [\"{key}\"]}}"),
        format!("stringData: {{credential: {{inner: \"{key}\"}}}}"),
        format!("data: {{credential: \"{key}\"}}"),
        format!("data: {{credential: \"!{coded}\"}}"),
        format!("data: \"{coded}\""),
        format!("data: [{coded}]"),
        format!("type: [\"{key}\"]"),
        format!("stringData: {{\"{key}\": x}}"),
        format!("stringData: {{credential: \"{key}${{\"}}"),
        format!("stringData: {{credential: \"{key} ${{NO_SUCH_VARIABLE}}\"}}"),
        format!("stringData: {{credential: {key}\n bad: indentation"),
        format!("stringData:\n  credential: \"{key}\n"),
        format!("stringData: {{credential: \"{key}\", credential: \"{key}\"}}"),
        format!("stringData: {{credential: !!binary \"{coded}\"}}"),
        format!("stringData: {{credential: *{}}}", key.replace(['/', '+'], "-")),
        format!("immutable: \"{key}\"\nstringData: {{credential: \"{key}\"}}"),
    ]
    .iter()
    .map(|fields| secret_with(fields))
    .collect()
}

fn launch(command: &str, dir: &Path) -> Launch {
    let launch = match command {
        "run" => Launch::run(&[dir], &[8080]).arg("--log-level").arg("trace"),
        _ => Launch::command(command, &[dir]),
    };
    launch.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full").env("SLUICE_LEAK_KEY", MARKERS[2])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_key_is_ever_said() {
    let upstreams = Upstreams::start().await;
    let dir = tempfile::tempdir().unwrap();
    world::replace(&dir.path().join("world.yaml"), &upstreams.world());
    let mut said = Said::default();
    let sluice = launch("run", dir.path()).start().await;

    traffic(&sluice, &mut said).await;
    keys_arrived(&upstreams);
    pages(&sluice, &mut said, "before").await;
    for (index, secret) in malformed_secrets().iter().enumerate() {
        break_a_secret(&sluice, dir.path(), secret, index).await;
        pages(&sluice, &mut said, &format!("with malformed secret {index}")).await;
        commands(dir.path(), &mut said, &format!("malformed secret {index}")).await;
    }
    let cmdline = std::fs::read_to_string(format!("/proc/{}/cmdline", sluice.pid())).unwrap();
    said.add("the command line", cmdline);
    sluice.terminate().await;
    said.add("standard output", sluice.stdout());
    said.add("standard error", sluice.stderr());

    let leaks = said.leaks();
    assert!(leaks.is_empty(), "{} leaks\n{}", leaks.len(), leaks.join("\n"));
}

/// Requests that go well, and that fail in every way there is, each with the client's own key.
async fn traffic(sluice: &Sluice, said: &mut Said) {
    let address = sluice.listener("http");
    let client_key = MARKERS[3];
    for target in [
        "/good",
        "/good/stream",
        "/good/429",
        "/good/cut",
        "/coded",
        "/environ",
        "/open",
        "/closing",
        "/garbage",
        "/secured",
        "/nameless",
        "/silent",
        "/missing",
        "/broken",
        "/nowhere",
    ] {
        for mut client in [Http::http1(address).await, Http::h2c(address).await] {
            let mut request = json(target, "{\"model\":\"m\"}");
            let value = format!("Bearer {client_key}").parse().unwrap();
            request.headers_mut().insert(http::header::AUTHORIZATION, value);
            let answer = client.try_send(request).await.unwrap();
            let head = format!("{} {:?}", answer.status, answer.headers);
            said.add(target, format!("{head} {}", answer.whole().await.text()));
        }
    }
    for malformed in [
        "GET / HTTP/1.1\r\nAuthorization: Bearer KEY\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nAuthorization : Bearer KEY\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer KEY\0\r\n\r\n",
        "GET /bad target HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer KEY\r\n\r\n",
        "BAD\x01 / HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer KEY\r\n\r\n",
        "POST /good HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer KEY\r\nContent-Length: x\r\n\r\n",
        "POST /good HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer KEY\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "GET /good HTTP/1.1\r\nHost: h\r\nConnection: Authorization, close\r\nAuthorization: Bearer KEY\r\n\r\n",
        "TRACE /good HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer KEY\r\n\r\n",
        "GET /a%2Fb HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer KEY\r\n\r\n",
        "\x16\x03\x01 KEY\r\n\r\n",
    ] {
        let mut client = Raw::connect(address).await;
        client.send(malformed.replace("KEY", client_key)).await;
        client.finish().await;
        said.add(malformed, client.until_closed().await);
    }
    // A client that leaves in the middle.
    let mut client = Http::http1(address).await;
    drop(Events::of(client.post("/good/stream", "{}").await).next().await);
}

/// The test would pass without any key at all: they did go upstream.
fn keys_arrived(upstreams: &Upstreams) {
    let seen = upstreams.good.requests();
    for (prefix, marker) in
        [("/good", MARKERS[0]), ("/coded", MARKERS[1]), ("/environ", MARKERS[2]), ("/open", MARKERS[3])]
    {
        let mut requests = seen.iter().filter(|seen| seen.target.starts_with(prefix)).peekable();
        assert!(requests.peek().is_some(), "nothing went to {prefix}");
        assert!(requests.all(|seen| seen.all("authorization").join("|") == format!("Bearer {marker}") || seen.target == "/good"), "{prefix}");
    }
}

async fn pages(sluice: &Sluice, said: &mut Said, when: &str) {
    let index = sluice.page("/").await;
    let listed = index.lines().filter(|line| line.starts_with('/')).map(str::to_owned);
    let mut pages: Vec<_> = listed.collect();
    assert!(pages.len() >= 4, "the index lists the pages: {index}");
    pages.extend(["/statuses", "/listeners", "/no-such-page"].map(str::to_owned));
    for page in pages {
        let text = sluice.page(&page).await;
        assert!(!text.is_empty(), "{page} is empty");
        said.add(format!("{page} {when}"), text);
    }
}

/// Puts the Secret into the folder and waits until the program has read it.
async fn break_a_secret(sluice: &Sluice, dir: &Path, secret: &str, index: usize) {
    world::replace(&dir.join("malformed.yaml"), &secret.replace("NAME", "malformed"));
    // A second file that comes after it, whose route tells that both were read.
    let probe = world::http_route("probe", "gw", &[Rule::forward(&format!("/probe-{index}"), "good")]);
    world::replace(&dir.join("probe.yaml"), &probe);
    let address = sluice.listener("http");
    let served = async {
        while Raw::once(address, &format!("GET /probe-{index} HTTP/1.1\r\nHost: h\r\n\r\n")).await.status() == 404 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    sluice_testkit::wait::within("the malformed secret to be read", served).await;
}

async fn commands(dir: &Path, said: &mut Said, when: &str) {
    for command in ["check", "translate"] {
        let finished = launch(command, dir).output().await;
        assert!(!finished.stdout.is_empty(), "{command} said nothing: {}", finished.stderr);
        said.add(format!("{command}, {when}: stdout"), finished.stdout);
        said.add(format!("{command}, {when}: stderr"), finished.stderr);
    }
}

#[test]
fn spellings_are_found() {
    let text = |body: &str| {
        let mut said = Said::default();
        said.add("x", body);
        said.leaks().len()
    };
    assert_eq!(text("nothing here: <redacted>"), 0);
    for prefix in ["", "B", "Be", "Bearer "] {
        assert!(text(&STANDARD.encode(format!("{prefix}{}", MARKERS[0]))) > 0, "{prefix:?}");
    }
}
