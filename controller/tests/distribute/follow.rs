//! Replicas follow.

use sluice_controller::distribute::Role;
use sluice_controller::distribute::acknowledged::Acknowledged;
use sluice_testkit::client::raw::Raw;
use sluice_testkit::wait::within;

use crate::bed::{Bed, gateway, world};

async fn page(admin: std::net::SocketAddr, path: &str) -> (u16, String) {
    let reply = Raw::once(admin, &format!("GET {path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n")).await;
    (reply.status(), reply.text())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_is_ready_with_its_first_snapshot() {
    let bed = Bed::start().await;
    let replica = bed.replica("a").await;
    bed.acknowledged("the replica to come", |replicas| replicas.connected.contains_key("a").then_some(())).await;
    assert_eq!(page(replica.admin, "/ready").await.0, 503);
    let version = bed.publish(world(3, "/"));
    bed.all_serve(1, &version).await;
    assert_eq!(page(replica.admin, "/ready").await.0, 200);
    let board = bed.board();
    let replicas = &board.0[&gateway()];
    let listener = replicas.current().next().unwrap().listeners["http"].clone().unwrap();
    assert_eq!(Raw::once(listener, "GET /none HTTP/1.1\r\nHost: h\r\n\r\n").await.status(), 404);
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
