//! `sluice demo`, seen from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use serde_json::Value;
use sluice_testkit::client::http::Http;
use sluice_testkit::sluice::{Finished, Launch};

const COMPLETION: &str = r#"{"model":"qwen-plus","messages":[{"role":"user","content":"Is anybody there?"}]}"#;

fn demo() -> Launch {
    // Whoever runs the tests may have a key, and it is not to be spent here.
    Launch::command("demo", &[]).env("PROVIDER_API_KEY", "")
}

async fn once(launch: Launch) -> Finished {
    launch.arg("--once").arg("--port").arg("0").output().await
}

fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[tokio::test]
async fn it_shows_the_answer_and_what_the_gateway_did() {
    let Finished { status, stdout, stderr } = once(demo()).await;
    assert!(status.success(), "{stdout}{stderr}");
    assert_eq!(stderr, "");
    let (answer, account) = stdout.split_once("What the gateway did").unwrap();
    has(answer, &["> What is Sluice?", "You asked: \"What is Sluice?\"", "the moment it comes. Like this one."]);
    has(
        account,
        &[
            "http-bailian of Gateway kagent/model-gateway, at 127.0.0.1:",
            "httproute/kagent/bailian-route/rule/0",
            "/v1/chat/completions → /compatible-mode/v1/chat/completions",
            "→ dashscope-intl.aliyuncs.com\n",
            "\"Bearer placeholder\" → the one in Secret kagent/bailian-credential; the provider got that and no other",
            "HTTP/2 over TLSv1.3",
            "verified: is for dashscope-intl.aliyuncs.com, signed by Sluice demo CA",
            "5 in, 85 out; the first after",
            "the stream ended: done",
        ],
    );
    assert!(!stdout.contains("sk-demo"), "the key is shown:\n{stdout}");
    assert!(!stdout.contains('\u{1b}'), "colours in a pipe:\n{stdout}");
}

#[tokio::test]
async fn a_program_can_read_it() {
    let Finished { status, stdout, stderr } = once(demo().arg("--json").arg("Who are you?")).await;
    assert!(status.success(), "{stdout}{stderr}");
    let line: Value = serde_json::from_str(&stdout).unwrap();
    has(line["answer"].as_str().unwrap(), &["You asked: \"Who are you?\""]);
    let account = &line["account"];
    assert_eq!(account["path"]["to"], "/compatible-mode/v1/chat/completions");
    assert_eq!(account["credential"]["headers"], 1);
    assert_eq!(account["upstream"]["verified_name"], "dashscope-intl.aliyuncs.com");
    assert_eq!(account["tokens"]["ending"], "done");
    assert!(!stdout.contains("sk-demo"), "the key is shown:\n{stdout}");
}

#[tokio::test]
async fn it_goes_on_serving_until_it_is_ended() {
    let mut demo = demo().arg("--json").arg("--port").arg("0").start().await;
    let mut client = Http::http1(demo.listener("http-bailian")).await;
    let answer = client.post("/v1/chat/completions", COMPLETION).await;
    assert_eq!(answer.status, 200);
    let completion = answer.whole().await.json();
    has(completion["choices"][0]["message"]["content"].as_str().unwrap(), &["You asked: \"Is anybody there?\""]);
    assert_eq!(completion["usage"]["prompt_tokens"], 5);

    let lost = client.post("/v1/embeddings", COMPLETION).await;
    assert_eq!(lost.status, 404);
    has(&lost.whole().await.text(), &["not_found", "/compatible-mode/v1/embeddings"]);
    demo.wait_line("its line of the access log", |line| line.contains("/v1/embeddings")).await;

    demo.terminate().await;
    assert!(demo.ended().await.success());
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_with_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let Finished { status, stdout, stderr } = demo().arg("--port").arg(&port).output().await;
    assert_eq!(status.code(), Some(2), "{stdout}{stderr}");
    has(&stderr, &["error: the demo cannot listen on port", &port, "--port 8081"]);
}

#[tokio::test]
async fn a_key_that_cannot_be_a_header_is_told_and_not_shown() {
    let launch = Launch::command("demo", &[]).env("PROVIDER_API_KEY", "sk-real\u{1}key");
    let Finished { status, stdout, stderr } = once(launch).await;
    assert_eq!(status.code(), Some(2), "{stdout}{stderr}");
    has(&stderr, &["PROVIDER_API_KEY"]);
    assert!(!format!("{stdout}{stderr}").contains("sk-real"), "the key is shown:\n{stdout}{stderr}");
}
