//! Connections that speak HTTP/2, each shared by many requests.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};
use std::time::Instant;

use super::link::{Link, Slot};
use super::sweep::{POOL_IDLE, swept};

/// The pool. The oldest with room is used, so that those beyond the need grow idle.
#[derive(Default)]
pub(super) struct Shared {
    links: RwLock<HashMap<u64, Vec<Arc<Link>>>>,
}

impl Shared {
    /// Starts with none. Must be called on a tokio runtime if idle connections are to be closed in time.
    pub(super) fn new() -> Arc<Self> {
        swept(Self::default(), |shared| shared.drop_unfit(Instant::now()))
    }

    /// Room for a request. `key` stands for all that connections may differ in.
    pub(super) fn take(&self, key: u64) -> Option<Slot> {
        let links = self.links.read().unwrap_or_else(PoisonError::into_inner);
        links.get(&key)?.iter().find_map(Link::slot)
    }

    /// Adds a connection.
    pub(super) fn put(&self, key: u64, link: Arc<Link>) {
        let mut links = self.write();
        let links = links.entry(key).or_default();
        links.retain(|link| !link.is_retired());
        links.push(link);
    }

    /// Lets none of a kind carry more requests.
    pub(super) fn retire(&self, key: u64) {
        for link in self.write().remove(&key).unwrap_or_default() {
            link.retire();
        }
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<u64, Vec<Arc<Link>>>> {
        self.links.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that is let go closes itself when its last request has ended.
    fn drop_unfit(&self, now: Instant) {
        self.write().retain(|_, links| {
            links.retain(|link| !link.is_retired() && link.idle_for(now) < POOL_IDLE);
            links.shrink_to_fit();
            !links.is_empty()
        });
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let links = self.links.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Shared").field("connections", &links.values().map(Vec::len).sum::<usize>()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use h2::RecvStream;
    use h2::server::{self, SendResponse};
    use http::{Request, Response, StatusCode};
    use tokio::io::DuplexStream;

    use super::*;
    use crate::upstream::link::MAX_STREAMS;

    const KEY: u64 = 7;

    type Server = server::Connection<DuplexStream, Bytes>;
    type Asked = (Request<RecvStream>, SendResponse<Bytes>);

    /// A pool with one connection, and its other end.
    async fn pool(builder: &server::Builder) -> (Shared, Server) {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let (link, server) = tokio::join!(Link::over(ours, None), builder.handshake(theirs));
        let shared = Shared::default();
        shared.put(KEY, link.unwrap());
        (shared, server.unwrap())
    }

    /// Asks, and has the server run until it has got the request.
    async fn ask(slot: &mut Slot, server: &mut Server) -> (h2::client::ResponseFuture, Asked) {
        let head = Request::get("http://a.test/").version(http::Version::HTTP_2).body(()).unwrap();
        let (answer, _) = slot.send(head, true).unwrap();
        (answer, server.accept().await.unwrap().unwrap())
    }

    fn answer(asked: &mut Asked) {
        asked.1.send_response(Response::new(()), true).unwrap();
    }

    /// Runs the server until the answer is there, which may be the last thing that it does.
    async fn status(answer: h2::client::ResponseFuture, server: &mut Server) -> StatusCode {
        let serving = async {
            server.accept().await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            answer = answer => answer.unwrap().status(),
            () = serving => unreachable!(),
        }
    }

    /// Runs the server until its other end has gone.
    async fn ended(server: &mut Server) {
        while let Some(Ok(_)) = server.accept().await {}
    }

    #[tokio::test]
    async fn a_connection_has_room_for_so_many() {
        let (shared, _server) = pool(&server::Builder::new()).await;
        let mut slots: Vec<_> = (0..MAX_STREAMS).map(|_| shared.take(KEY).unwrap()).collect();
        assert!(shared.take(KEY).is_none() && shared.take(KEY + 1).is_none());
        slots.pop();
        assert!(shared.take(KEY).is_some());
    }

    #[tokio::test]
    async fn the_server_may_want_fewer() {
        let (shared, mut server) = pool(server::Builder::new().max_concurrent_streams(2)).await;
        let mut first = shared.take(KEY).unwrap();
        // Its settings came before its answer.
        let (coming, mut asked) = ask(&mut first, &mut server).await;
        answer(&mut asked);
        assert_eq!(status(coming, &mut server).await, 200);
        let second = shared.take(KEY).unwrap();
        assert!(shared.take(KEY).is_none());
        drop(second);
        assert!(shared.take(KEY).is_some());
    }

    #[tokio::test]
    async fn a_connection_that_ends_carries_what_it_has() {
        let (shared, mut server) = pool(&server::Builder::new()).await;
        let mut slot = shared.take(KEY).unwrap();
        let (coming, mut asked) = ask(&mut slot, &mut server).await;
        server.graceful_shutdown();
        tokio::select! {
            _ = server.accept() => panic!("with a request open"),
            () = async { while shared.take(KEY).is_some() { tokio::task::yield_now().await; } } => {}
        }
        answer(&mut asked);
        assert_eq!(status(coming, &mut server).await, 200);
        shared.drop_unfit(Instant::now());
        assert!(shared.links.read().unwrap().is_empty());
    }

    #[tokio::test]
    async fn idle_connections_are_closed_in_time() {
        let (shared, mut server) = pool(&server::Builder::new()).await;
        let slot = shared.take(KEY).unwrap();
        shared.drop_unfit(Instant::now() + 2 * POOL_IDLE);
        drop(slot);
        shared.drop_unfit(Instant::now() + POOL_IDLE - Duration::from_secs(1));
        assert!(shared.take(KEY).is_some(), "not before its time, nor while it carries a request");
        shared.drop_unfit(Instant::now() + POOL_IDLE);
        assert!(shared.take(KEY).is_none());
        ended(&mut server).await;
    }

    #[tokio::test]
    async fn one_that_is_given_up_ends_with_its_last_request() {
        let (shared, mut server) = pool(&server::Builder::new()).await;
        let mut slot = shared.take(KEY).unwrap();
        let (coming, mut asked) = ask(&mut slot, &mut server).await;
        slot.retire_connection();
        assert!(shared.take(KEY).is_none());
        shared.drop_unfit(Instant::now());
        answer(&mut asked);
        assert_eq!(status(coming, &mut server).await, 200);
        drop((slot, asked));
        ended(&mut server).await;
    }
}
