//! Whoever is not a data plane of the Gateway gets nothing.

use std::time::Duration;

use sluice_controller::distribute::protocol::{FOLLOW, Hello, Said};
use sluice_testkit::ca::Ca;
use sluice_testkit::client::raw::Raw;
use tonic::Code;

use crate::bed::{Bed, TestReplica, world};
use crate::caller::{Caller, call};

/// A stranger is told the same, whatever it asks for and whatever it shows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_valid_token_there_is_nothing() {
    let bed = Bed::start().await;
    bed.publish(world(2, "/"));
    let health = "/grpc.health.v1.Health/Watch";
    let reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    for method in [FOLLOW, health, reflection, "/"] {
        for shown in
            [None, Some("Bearer "), Some("Bearer wrong"), Some("Basic ai/gateway-sluice"), Some("ai/gateway-sluice")]
        {
            let status = call(&bed, method, shown).await.map(|_| ()).unwrap_err();
            assert_eq!(
                (status.code(), status.message()),
                (Code::Unauthenticated, "no valid token"),
                "{method} {shown:?}"
            );
            assert!(status.metadata().is_empty() || status.metadata().get("sluice-leader").is_none());
        }
    }
    let status = call(&bed, health, Some("Bearer ai/gateway-sluice")).await.map(|_| ()).unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert!(bed.metric("sluice_stream_refused_total") >= 20.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_gateways_token_gets_nothing() {
    let bed = Bed::start().await;
    bed.publish(world(2, "/"));
    for (token, gateway) in [
        ("ai/other-sluice", "ai/gateway"),
        ("other/gateway-sluice", "ai/gateway"),
        ("other/gateway-sluice", "other/unknown"),
        ("ai/gateway-sluice", "ai/other"),
        ("ai/gateway-sluice", "ai/none"),
        ("ai/gateway-sluice", "gateway"),
        ("ai/default", "ai/gateway"),
    ] {
        let mut caller = Caller::with_token(&bed, token).await;
        caller.hello(gateway, "stranger").await;
        let status = caller.end().await;
        assert_eq!(
            (status.code(), status.message()),
            (Code::PermissionDenied, "not for this caller"),
            "{token} {gateway}"
        );
    }
    bed.acknowledged("the board", |replicas| replicas.connected.is_empty().then_some(())).await;
    assert_eq!(bed.metric("sluice_stream_updates_total"), 0.0);
}

/// Before the first publish nobody knows whose a Gateway is: callers wait, and learn nothing by it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_served_before_the_first_publish() {
    let bed = Bed::start().await;
    let mut caller = Caller::with_token(&bed, Bed::token()).await;
    caller.hello("ai/gateway", "early").await;
    let mut stranger = Caller::with_token(&bed, "ai/default").await;
    stranger.hello("ai/none", "stranger").await;
    // There is nothing to wait for but time.
    assert!(caller.is_silent(Duration::from_millis(200)).await);
    let version = bed.publish(world(2, "/"));
    assert_eq!(caller.update().await.version, version);
    assert_eq!(stranger.end().await.code(), Code::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_keep_to_the_protocol_is_sent_away() {
    let bed = Bed::start().await;
    bed.publish(world(2, "/"));
    let mut caller = Caller::with_token(&bed, Bed::token()).await;
    caller.say(Said::Ack(Default::default())).await;
    assert_eq!(caller.end().await.code(), Code::InvalidArgument);
    let mut caller = Caller::with_token(&bed, Bed::token()).await;
    caller.hello("ai/gateway", "twice").await;
    caller.update().await;
    caller.say(Said::Hello(Hello::default())).await;
    assert_eq!(caller.end().await.code(), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_does_no_harm() {
    let bed = Bed::start().await;
    let version = bed.publish(world(2, "/"));
    let mut idle = Vec::new();
    for garbage in [
        &b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"[..],
        b"\x16\x03\x01\xff\xff\xff",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"",
    ] {
        for _ in 0..20 {
            let mut client = Raw::connect(bed.address).await;
            client.send(garbage).await;
            idle.push(client);
        }
    }
    let _replica = bed.replica("a").await;
    bed.all_serve(1, &version).await;
}

/// A server that has the address and not the authority's certificate gets no token.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_speaks_only_to_its_controller() {
    let bed = Bed::start().await;
    let version = bed.publish(world(2, "/"));
    let mut leader = bed.leader("a", Bed::token());
    leader.ca = bed.dir.path().join("foreign.crt");
    std::fs::write(&leader.ca, Ca::new("foreign").pem()).unwrap();
    let ca = leader.ca.clone();
    let replica = TestReplica::start(leader).await;
    let other = bed.replica("b").await;
    bed.all_serve(1, &version).await;
    assert_eq!((replica.ready().await, other.ready().await), (503, 200));
    assert_eq!(bed.metric("sluice_stream_refused_total"), 0.0, "no request was made");
    // The file is read again for the next attempt.
    std::fs::copy(bed.ca(), ca).unwrap();
    bed.all_serve(2, &version).await;
}
