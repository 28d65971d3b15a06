//! Replicas follow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use sluice_controller::distribute::Role;
use sluice_controller::distribute::acknowledged::Acknowledged;
use sluice_controller::distribute::protocol::{Ack, Nack, Said};
use sluice_testkit::client::raw::Raw;
use sluice_testkit::fleet;
use sluice_testkit::provider::Provider;
use sluice_testkit::provider::answer::Answer;
use sluice_testkit::wait::within;

use crate::bed::{Bed, gateway, snapshot, world};
use crate::caller::Caller;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_is_ready_with_its_first_snapshot() {
    let bed = Bed::start().await;
    let replica = bed.replica("a").await;
    bed.acknowledged("the replica to come", |replicas| replicas.connected.contains_key("a").then_some(())).await;
    assert_eq!(replica.ready().await, 503);
    let version = bed.publish(world(3, "/"));
    bed.all_serve(1, &version).await;
    assert_eq!(replica.ready().await, 200);
    let listener = bed.listener("a").await;
    assert_eq!(Raw::once(listener, "GET /none HTTP/1.1\r\nHost: h\r\n\r\n").await.status(), 404);
}

/// Not one request fails while the controller is away, and what it says afterwards is in force.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_controller_comes_and_goes() {
    let provider = Provider::plain(Answer::completion("here")).await;
    let world = |routes: usize| {
        let backend = fleet::backend(provider.address());
        let others = fleet::objects(routes).into_iter().filter(|object| object["kind"] != "Backend");
        snapshot(&others.chain([backend]).collect::<Vec<_>>())
    };
    let mut bed = Bed::start().await;
    let first = bed.publish(world(3));
    let replica = bed.replica("a").await;
    bed.all_serve(1, &first).await;
    let listener = bed.listener("a").await;

    let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (stopped, counter) = (Arc::clone(&stop), Arc::clone(&served));
    let clients = tokio::spawn(async move {
        while !stopped.load(Ordering::SeqCst) {
            let reply = Raw::once(listener, "GET /route-1 HTTP/1.1\r\nHost: h\r\n\r\n").await;
            assert_eq!(reply.status(), 200);
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    let more = async |count: usize| {
        let until = served.load(Ordering::SeqCst) + count;
        within("requests to be served", async {
            while served.load(Ordering::SeqCst) < until {
                tokio::task::yield_now().await;
            }
        })
        .await;
    };
    for routes in 4..7 {
        bed.distributor = None;
        more(50).await;
        assert_eq!(replica.ready().await, 200, "it has what it had");
        bed.begin().await;
        let version = bed.publish(world(routes));
        bed.all_serve(1, &version).await;
        more(5).await;
    }
    stop.store(true, Ordering::SeqCst);
    clients.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_token_is_followed_by_the_next() {
    let bed = Bed::start().await;
    let version = bed.publish(world(2, "/"));
    let leader = bed.leader("a", &format!("{}@300", Bed::token()));
    let token = leader.token.clone();
    let _replica = crate::bed::TestReplica::start(leader).await;
    bed.all_serve(1, &version).await;
    std::fs::write(token, Bed::token()).unwrap();
    let mut shown = bed.authentications.subscribe();
    within("the token to be shown again", shown.wait_for(|times| *times >= 2)).await.unwrap();
    let next = bed.publish(world(2, "/v2"));
    bed.all_serve(1, &next).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_ends_with_the_last_state_everywhere() {
    let bed = Bed::start().await;
    let first = bed.publish(world(20, "/"));
    let mut replicas = Vec::new();
    for index in 0..20 {
        replicas.push(bed.replica(&format!("replica-{index}")).await);
    }
    bed.all_serve(20, &first).await;
    let worlds: Vec<_> = (0..300).map(|index| world(20, &format!("/v{index}"))).collect();
    let before = bed.metric("sluice_stream_updates_total");
    let mut last = String::new();
    for world in worlds {
        last = bed.publish(world);
    }
    bed.all_serve(20, &last).await;
    let updates = bed.metric("sluice_stream_updates_total") - before;
    assert!((20.0..=6000.0).contains(&updates), "{updates} updates");
    assert_eq!(bed.metric("sluice_stream_nacks_total"), 0.0);
    assert_eq!(bed.metric("sluice_stream_replicas"), 20.0);
}

/// However much is published meanwhile, a replica that has not answered gets nothing, and then the newest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn updates_wait_for_the_answer_and_are_folded() {
    let bed = Bed::start().await;
    let first = bed.publish(world(5, "/"));
    let mut caller = Caller::with_token(&bed, Bed::token()).await;
    caller.hello("ai/gateway", "slow").await;
    assert_eq!(caller.update().await.version, first);
    for index in 0..50 {
        bed.publish(world(5, &format!("/v{index}")));
    }
    let last = bed.publish(world(6, "/last"));
    caller.say(Said::Ack(Ack { version: first, listeners: Vec::new() })).await;
    let update = caller.update().await;
    assert_eq!((update.version, update.complete), (last.clone(), true));
    let mut names: Vec<_> = update.upserts.iter().map(|r| r.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["route/httproute/ai/route-5"], "route-4 is as it was at first");
    caller.say(Said::Ack(Ack { version: last.clone(), listeners: Vec::new() })).await;
    bed.all_serve(1, &last).await;
    assert_eq!(bed.metric("sluice_stream_updates_total"), 2.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_version_is_told_and_not_sent_again() {
    let bed = Bed::start().await;
    let first = bed.publish(world(2, "/"));
    let mut caller = Caller::with_token(&bed, Bed::token()).await;
    caller.hello("ai/gateway", "old").await;
    caller.update().await;
    caller.say(Said::Ack(Ack { version: first.clone(), listeners: Vec::new() })).await;
    let second = bed.publish(world(2, "/v2"));
    assert_eq!(caller.update().await.version, second);
    let message = "resource route/httproute/ai/route-1: rules[0].action: not known".to_owned();
    caller.say(Said::Nack(Nack { version: second.clone(), message: message.clone() })).await;
    let refused = bed.acknowledged("the refusal", |replicas| replicas.connected["old"].refused.clone()).await;
    assert_eq!((refused.version, refused.message), (second, message));
    let serves = bed.acknowledged("what it serves", |replicas| replicas.connected["old"].version.clone()).await;
    assert_eq!(serves, first, "the last good one");
    let third = bed.publish(world(2, "/v3"));
    let update = caller.update().await;
    assert_eq!((update.version, update.upserts.len()), (third, 1), "what differs from the last good one");
    assert_eq!(bed.metric("sluice_stream_nacks_total"), 1.0);
}

/// A Gateway that is gone: its replicas are the infrastructure's business, and go on until it ends them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_replicas_of_a_deleted_gateway_are_left_alone() {
    let bed = Bed::start().await;
    let version = bed.publish(world(2, "/"));
    let replica = bed.replica("a").await;
    bed.all_serve(1, &version).await;
    bed.distributor.as_ref().unwrap().publish([].into());
    let listener = bed.listener("a").await;
    assert_eq!(replica.ready().await, 200);
    assert_eq!(Raw::once(listener, "GET /none HTTP/1.1\r\nHost: h\r\n\r\n").await.status(), 404);
    let published = bed.acknowledged("the board", |replicas| Some(replicas.published.clone())).await;
    assert_eq!(published, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_go_to_the_controller_that_leads() {
    let bed = Bed::start().await;
    let (leader, role) = bed.second().await;
    bed.publish(world(2, "/follower"));
    let snapshots = || [(gateway(), world(3, "/leader"))].into();
    let version = leader.publish(snapshots()).remove(&gateway()).unwrap();
    bed.role.send_replace(Role::Follower { leader: Some(leader.address()) });
    let _replica = bed.replica("a").await;
    let mut board = leader.acknowledged();
    let serves = |board: &Acknowledged| board.0[&gateway()].current().any(|r| r.version.as_ref() == Some(&version));
    within("the leader to have the replica", board.wait_for(serves)).await.unwrap();

    // The roles change, while the stream runs.
    bed.role.send_replace(Role::Leader);
    role.send_replace(Role::Follower { leader: Some(bed.address) });
    let version = bed.publish(world(4, "/leader"));
    bed.all_serve(1, &version).await;
}
