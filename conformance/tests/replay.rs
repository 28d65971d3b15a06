//! Replays the recorded traffic of real agents through `sluice run` on the walk-through's own objects: what a provider
//! gets and what a client gets back, byte for byte, without Python.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use sluice_testkit::ca::{Alpn, Ca};
use sluice_testkit::capture;
use sluice_testkit::client::raw::{End, Framing, Piece, Raw};
use sluice_testkit::provider::Provider;
use sluice_testkit::provider::answer::Answer;
use sluice_testkit::provider::journal::Seen;
use sluice_testkit::sluice::{Launch, Sluice};
use sluice_testkit::steps::{Gate, Step};
use sluice_testkit::world::walkthrough;

const PROVIDER: &str = "dashscope-intl.aliyuncs.com";
const MCP: &str = "ack-mcp-server.kube-system.svc.cluster.local";
const KEY: &str = "sk-replay-4f1d9c";
const LISTENER: &str = "http-bailian";

#[tokio::test]
async fn model_calls_of_kagent_0_10_4_streamed() {
    model_calls("kagent-0.10.4-stream.llm", Alpn::Both).await;
    model_calls("kagent-0.10.4-stream.llm", Alpn::Http1).await;
}

#[tokio::test]
async fn model_calls_of_kagent_0_10_4_whole() {
    model_calls("kagent-0.10.4-nostream.llm", Alpn::Both).await;
    model_calls("kagent-0.10.4-nostream.llm", Alpn::Http1).await;
}

#[tokio::test]
async fn model_calls_of_kagent_0_7_7() {
    model_calls("kagent-0.7.7.llm", Alpn::Both).await;
    model_calls("kagent-0.7.7.llm", Alpn::Http1).await;
}

#[tokio::test]
async fn tool_calls_of_kagent_0_10_4_beside_streams() {
    tool_calls("kagent-0.10.4-stream.mcp").await;
}

#[tokio::test]
async fn tool_calls_of_kagent_0_10_4() {
    tool_calls("kagent-0.10.4-nostream.mcp").await;
}

#[tokio::test]
async fn tool_calls_of_kagent_0_7_7() {
    tool_calls("kagent-0.7.7.mcp").await;
}

/// The agent's model calls, one after another on one connection.
async fn model_calls(name: &str, alpn: Alpn) {
    let (requests, answers) = (capture::requests(name), Arc::new(capture::answers(name)));
    assert_eq!((requests.len(), answers.len()), (3, 3), "{name}");
    let gates: Arc<Vec<Vec<Gate>>> = Arc::new(answers.iter().map(|answer| gates(answer.chunks.len())).collect());
    let ca = Ca::new("private authority");
    let (script_answers, script_gates, asked) = (Arc::clone(&answers), Arc::clone(&gates), AtomicUsize::new(0));
    let script = move |_: &Seen| {
        let nth = asked.fetch_add(1, Ordering::SeqCst);
        play(&script_answers[nth], &script_gates[nth])
    };
    let provider = Provider::tls_scripted(&ca.leaf(&[PROVIDER]), alpn, Arc::new(script)).await;
    let folder = tempfile::tempdir().unwrap();
    let sluice =
        run(&ca, folder.path(), &[walkthrough()], |launch| launch.connect_to(PROVIDER, 443, provider.address())).await;

    let mut client = Raw::connect(sluice.listener(LISTENER)).await;
    for ((request, answer), gates) in requests.iter().zip(answers.iter()).zip(gates.iter()) {
        client.send(&request.bytes).await;
        receive(&mut client, answer, gates).await;
    }
    let seen = provider.requests();
    assert_eq!(seen.len(), requests.len(), "one request upstream for each one sent");
    for (seen, request) in seen.iter().zip(&requests) {
        let rest = request.target.strip_prefix("/v1").unwrap();
        assert_eq!(seen.target, format!("/compatible-mode/v1{rest}"));
        assert_eq!((seen.sni.as_deref(), seen.host()), (Some(PROVIDER), PROVIDER));
        assert_eq!(seen.all("authorization"), [format!("Bearer {KEY}")]);
        assert_passed_on(seen, request, &["host", "authorization", "connection"]);
    }
    let said = sluice.stdout() + &sluice.stderr();
    assert!(!said.contains(KEY), "the key is in what the gateway printed");
}

/// The agent's MCP session: an event stream that stays open, and messages on a second connection beside it.
async fn tool_calls(name: &str) {
    let requests = capture::requests(name);
    let mut answers = capture::answers(name);
    let events = answers.remove(0);
    let (stream_gates, whole) = (gates(events.chunks.len()), gates(1));
    whole[0].open();
    let ((stream, messages), accepted) = (requests.split_first().unwrap(), answers);
    assert_eq!((stream.target.as_str(), messages.len()), ("/sse", accepted.len()), "{name}");

    // After its last event the recorded stream stays open: it is the agent that leaves.
    let mut events_script = play(&events, &stream_gates);
    events_script = events_script.body(steps(&events.chunks, &stream_gates).chain([Step::Hang]).collect());
    let accepted_script = play(&accepted[0], &whole);
    let by_target =
        move |seen: &Seen| if seen.target == "/sse" { events_script.clone() } else { accepted_script.clone() };
    let server = Provider::scripted(by_target).await;
    let (ca, folder) = (Ca::new("private authority"), tempfile::tempdir().unwrap());
    let objects = [walkthrough(), Path::new(env!("CARGO_MANIFEST_DIR")).join("agent/objects/mcp.yaml")];
    let sluice = run(&ca, folder.path(), &objects, |launch| launch.connect_to(MCP, 8000, server.address())).await;

    let mut listening = Raw::connect(sluice.listener(LISTENER)).await;
    listening.send(&stream.bytes).await;
    let head = listening.head().await;
    assert_eq!(head.status, events.status);
    let mut framing = head.framing();
    let mut posting = Raw::connect(sluice.listener(LISTENER)).await;
    for (nth, (chunk, gate)) in events.chunks.iter().zip(&stream_gates).enumerate() {
        assert_eq!(next(&mut listening, &mut framing, chunk.len()).await, chunk, "event {nth}");
        // The first event names where messages go; each answer comes as an event of its own.
        if let Some(message) = messages.get(nth) {
            posting.send(&message.bytes).await;
            let reply = posting.reply().await;
            assert_eq!((reply.status(), &reply.body[..]), (202, &b"Accepted"[..]));
        }
        gate.open();
    }
    for message in messages.iter().skip(events.chunks.len()) {
        posting.send(&message.bytes).await;
        assert_eq!(posting.reply().await.status(), 202);
    }
    drop(listening);
    server.journal().wait_end(0).await;
    let seen = server.requests();
    assert_eq!(seen.len(), requests.len());
    for (seen, request) in seen.iter().zip(&requests) {
        assert_eq!(seen.target, request.target);
        assert!(seen.all("authorization").is_empty(), "the provider's key is not for this server");
        assert_passed_on(seen, request, &["connection"]);
    }
}

/// Starts the program on the objects, with the provider's authority as the system's trust anchors.
async fn run(ca: &Ca, folder: &Path, objects: &[PathBuf], more: impl FnOnce(Launch) -> Launch) -> Sluice {
    let anchors = folder.join("ca.pem");
    std::fs::write(&anchors, ca.pem()).unwrap();
    let objects: Vec<&Path> = objects.iter().map(PathBuf::as_path).collect();
    more(Launch::run(&objects, &[8080]).env("PROVIDER_API_KEY", KEY).env("SSL_CERT_FILE", anchors)).start().await
}

fn gates(n: usize) -> Vec<Gate> {
    (0..n).map(|_| Gate::default()).collect()
}

/// The recorded answer, each chunk held back until the client has the one before.
fn play(answer: &capture::Answer, gates: &[Gate]) -> Answer {
    let framing = ["transfer-encoding", "connection", "date"];
    let kept = answer.headers.iter().filter(|(name, _)| !framing.contains(&name.to_ascii_lowercase().as_str()));
    let played = Answer::status(answer.status).body(steps(&answer.chunks, gates).collect());
    kept.fold(played, |played, (name, value)| played.header(name.as_str(), value))
}

fn steps(chunks: &[Bytes], gates: &[Gate]) -> impl Iterator<Item = Step> {
    let pairs: Vec<_> = chunks.iter().cloned().zip(gates.iter().cloned()).collect();
    pairs.into_iter().flat_map(|(chunk, gate)| [Step::Send(chunk), Step::Await(gate)])
}

/// Reads an answer chunk by chunk: each must come down alone, since the next is sent only then.
async fn receive(client: &mut Raw, answer: &capture::Answer, gates: &[Gate]) {
    let head = client.head().await;
    assert_eq!(head.status, answer.status);
    for (name, value) in &answer.headers {
        let framing = ["transfer-encoding", "connection", "date", "content-length"];
        if !framing.contains(&name.to_ascii_lowercase().as_str()) {
            assert_eq!(head.all(name), [value], "answer header {name}");
        }
    }
    let mut framing = head.framing();
    for (nth, (chunk, gate)) in answer.chunks.iter().zip(gates).enumerate() {
        assert_eq!(next(client, &mut framing, chunk.len()).await, chunk, "chunk {nth}");
        gate.open();
    }
    let Piece::End(end) = client.piece(&mut framing).await else { panic!("more came than was recorded") };
    assert_eq!(end, End::Clean);
}

/// The next `length` bytes of a body.
async fn next(client: &mut Raw, framing: &mut Framing, length: usize) -> Bytes {
    let mut got = BytesMut::new();
    while got.len() < length {
        match client.piece(framing).await {
            Piece::Data(_, data) => got.extend_from_slice(&data),
            Piece::End(end) => panic!("the body ended ({end:?}) after {} of {length} bytes", got.len()),
        }
    }
    got.freeze()
}

/// Body and headers arrived as the agent sent them; `but` are those that the gateway answers for.
fn assert_passed_on(seen: &Seen, request: &capture::Request, but: &[&str]) {
    assert_eq!(seen.body, request.body, "the request's body");
    for (name, value) in &request.headers {
        let name = name.to_ascii_lowercase();
        if !but.contains(&name.as_str()) {
            let got = if name == "host" { vec![seen.host()] } else { seen.all(&name) };
            assert_eq!(got, [value.as_str()], "request header {name}");
        }
    }
}
