//! The program `sluice proxy`: what it says, what it does not, and how it ends.

use sluice_testkit::client::raw::Raw;
use sluice_testkit::fleet;
use sluice_testkit::provider::Provider;
use sluice_testkit::provider::answer::Answer;
use sluice_testkit::sluice::Launch;

use crate::bed::{Bed, snapshot};

/// The token is no less a secret than the provider's key.
const TOKEN: &str = "ai/gateway-sluice";
const KEY: &str = "fleet-marker-key";

fn launch(bed: &Bed, token: &str) -> Launch {
    let leader = bed.leader("process", token);
    let flags = [
        ("--controller", leader.controller.to_string()),
        ("--controller-ca", leader.ca.display().to_string()),
        ("--token", leader.token.display().to_string()),
        ("--gateway", leader.gateway),
        ("--replica", leader.replica),
        ("--bind", "127.0.0.1".to_owned()),
        ("--port", format!("{}=0", fleet::PORT)),
        ("--admin", "127.0.0.1:0".to_owned()),
        ("--log-level", "trace".to_owned()),
    ];
    let launch = Launch::command("proxy", &[]).env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full");
    flags.into_iter().fold(launch, |launch, (flag, value)| launch.arg(flag).arg(value))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_serves_without_a_controller_says_no_secret_and_drains() {
    let provider = Provider::plain(Answer::completion("here")).await;
    let backend = fleet::backend(provider.address());
    let others = fleet::objects(3).into_iter().filter(|object| object["kind"] != "Backend");
    let mut bed = Bed::start().await;
    bed.publish(snapshot(&others.chain([backend]).collect::<Vec<_>>()));
    let mut sluice = launch(&bed, TOKEN).start().await;
    bed.distributor = None;

    let reply = Raw::once(sluice.listener("http"), "GET /route-2 HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert_eq!(reply.status(), 200, "{}", sluice.stderr());
    assert_eq!(provider.only_request().all("authorization"), [format!("Bearer {KEY}")]);
    assert!(sluice.page("/ready").await.contains("ready"));
    let mut said = format!("{}{}", sluice.page("/config_dump").await, sluice.page("/metrics").await);
    sluice.wait_line("the access log", |line| line.contains("/route-2")).await;
    sluice.terminate().await;
    assert!(sluice.ended().await.success());
    said += &format!("{}{}", sluice.stdout(), sluice.stderr());
    assert!(said.contains("\"started\"") && said.contains("in force"), "{said}");
    for secret in [KEY, TOKEN] {
        assert!(!said.contains(secret), "{secret} is said:\n{said}");
    }
}
