//! How much travels.

use sluice_testkit::fleet;

use crate::bed::{Bed, snapshot, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_edited_route_among_5000_is_a_small_update() {
    let bed = Bed::start().await;
    let first = bed.publish(world(5000, "/"));
    let _replica = bed.replica("a").await;
    bed.all_serve(1, &first).await;
    let before = bed.metric("sluice_stream_sent_bytes_total");
    assert!(before > 500_000.0, "the first update carries everything: {before}");

    let second = bed.publish(world(5000, "/v2"));
    bed.all_serve(1, &second).await;
    let edited = bed.metric("sluice_stream_sent_bytes_total");
    assert!(edited - before < 1000.0, "{} bytes for one edited route", edited - before);

    // Half of the routes go.
    let third = bed.publish(world(2500, "/v2"));
    bed.all_serve(1, &third).await;
    let removed = bed.metric("sluice_stream_sent_bytes_total") - edited;
    assert!(removed < 100_000.0, "{removed} bytes for 2,500 removals");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_travels_when_nothing_changed() {
    let bed = Bed::start().await;
    let first = bed.publish(world(10, "/"));
    let replica = bed.replica("a").await;
    bed.all_serve(1, &first).await;
    let sent = bed.metric("sluice_stream_updates_total");
    assert_eq!(bed.publish(snapshot(&[&fleet::objects(9)[..], &[fleet::route(9, "/")]].concat())), first);
    // The update that goes to a replica that comes anew marks the time.
    drop(replica);
    let _other = bed.replica("b").await;
    bed.acknowledged("the other replica", |replicas| replicas.connected.get("b")?.version.clone()).await;
    assert_eq!(bed.metric("sluice_stream_updates_total"), sent + 1.0);
}

/// A replica that comes back with all of it is sent none of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_replica_brings_is_not_sent_again() {
    let mut bed = Bed::start().await;
    let version = bed.publish(world(10, "/"));
    let _replica = bed.replica("a").await;
    bed.all_serve(1, &version).await;
    bed.distributor = None;
    bed.begin().await;
    assert_eq!(bed.publish(world(10, "/")), version);
    bed.all_serve(1, &version).await;
    assert_eq!(bed.metric("sluice_stream_updates_total"), 0.0);
    let next = bed.publish(world(10, "/v2"));
    bed.all_serve(1, &next).await;
    let sent = bed.metric("sluice_stream_sent_bytes_total");
    assert!(sent < 1000.0, "{sent} bytes for one edited route");
}
