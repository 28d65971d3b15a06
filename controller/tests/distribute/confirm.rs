//! What a replica holds, and a controller that has just started does not know, is not taken for deleted.

use std::sync::atomic::Ordering;
use std::time::Duration;

use sluice_controller::distribute::acknowledged::Replicas;
use sluice_testkit::wait::within;

use crate::bed::{Bed, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shorter_list_after_a_restart_is_confirmed_first() {
    let mut bed = Bed::start().await;
    let first = bed.publish(world(3, "/"));
    let _replica = bed.replica("a").await;
    bed.all_serve(1, &first).await;
    assert!(bed.confirmation.asked.lock().unwrap().is_empty(), "a new replica has nothing to lose");

    bed.distributor = None;
    bed.confirmation.is_real.store(false, Ordering::SeqCst);
    bed.begin().await;
    let shorter = bed.publish(world(1, "/"));
    let asked = within("the question", async {
        loop {
            if let Some(lost) = bed.confirmation.asked.lock().unwrap().first().cloned() {
                return lost;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let lost = asked.await.objects.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(lost, ["HTTPRoute ai/route-1", "HTTPRoute ai/route-2"]);
    let served = |replicas: &Replicas| replicas.connected.get("a")?.version.clone();
    assert_eq!(bed.acknowledged("the replica", served).await, first, "it keeps what it has");

    // The list was short: the whole one follows.
    let whole = bed.publish(world(3, "/v2"));
    bed.all_serve(1, &whole).await;

    // From now on the controller knows what there was.
    let deleted = bed.publish(world(2, "/v2"));
    bed.all_serve(1, &deleted).await;
    assert_ne!(shorter, deleted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_gone_for_certain_goes() {
    let mut bed = Bed::start().await;
    let first = bed.publish(world(3, "/"));
    let _replica = bed.replica("a").await;
    bed.all_serve(1, &first).await;
    bed.distributor = None;
    bed.begin().await;
    let shorter = bed.publish(world(1, "/"));
    bed.all_serve(1, &shorter).await;
    assert_eq!(bed.confirmation.asked.lock().unwrap().len(), 1);
}
