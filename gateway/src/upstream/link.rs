//! A connection that speaks HTTP/2 (RFC 9113) and carries many requests at a time.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::SendStream;
use h2::client::{Builder, Connection, ResponseFuture, SendRequest};
use http::Request;
use tokio::io::{AsyncRead, AsyncWrite};

/// Streams at a time over one connection, as many as servers commonly allow.
pub(super) const MAX_STREAMS: usize = 100;
/// What an upstream may send before it is read: 8 MiB each 100 ms are 80 MiB a second. An answer that its client does not
/// take fills no more memory than this.
const WINDOW: u32 = 8 << 20;
/// The most that an upstream may put into one frame.
const MAX_FRAME: u32 = 64 << 10;

/// The connection.
pub(super) struct Link {
    /// Never sends: each request has a clone.
    sender: SendRequest<Bytes>,
    running: AtomicUsize,
    retired: AtomicBool,
    idle_since: Mutex<Instant>,
    tls_version: Option<&'static str>,
}

/// Room for one request on a connection that others share.
pub struct Slot {
    link: Arc<Link>,
    sender: SendRequest<Bytes>,
}

impl Link {
    /// Makes a connection of a stream whose other end speaks HTTP/2. To be called on a tokio runtime, which runs it.
    ///
    /// # Errors
    /// The stream is closed.
    pub(super) async fn over<S>(stream: S, tls_version: Option<&'static str>) -> Result<Arc<Self>, h2::Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut builder = Builder::new();
        // What may be pushed is nothing; of how many streams does not matter then.
        builder.enable_push(false).max_concurrent_streams(1).initial_max_send_streams(MAX_STREAMS);
        builder.max_frame_size(MAX_FRAME).initial_window_size(WINDOW).initial_connection_window_size(WINDOW);
        let (sender, connection) = builder.handshake(stream).await?;
        let link = Arc::new(Self {
            sender,
            running: AtomicUsize::new(0),
            retired: AtomicBool::new(false),
            idle_since: Mutex::new(Instant::now()),
            tls_version,
        });
        tokio::spawn(run(connection, Arc::downgrade(&link)));
        Ok(link)
    }

    /// Room for one more request, if there is any.
    pub(super) fn slot(self: &Arc<Self>) -> Option<Slot> {
        if self.is_retired() {
            return None;
        }
        let most = MAX_STREAMS.min(self.sender.current_max_send_streams());
        let more = |running| (running < most).then_some(running + 1);
        self.running.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()?;
        let mut slot = Slot { link: Arc::clone(self), sender: self.sender.clone() };
        // A sender that has sent nothing never waits; that the connection ends, it says at once.
        match slot.sender.poll_ready(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => Some(slot),
            Poll::Ready(Err(_)) | Poll::Pending => {
                self.retire();
                None
            }
        }
    }

    /// Lets it carry no more requests; it is closed when those that it carries have ended.
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
    }

    pub(super) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
    }

    /// For how long it has carried no request.
    pub(super) fn idle_for(&self, now: Instant) -> Duration {
        match self.running.load(Ordering::Acquire) {
            0 => now.saturating_duration_since(*self.idle_since.lock().unwrap_or_else(PoisonError::into_inner)),
            _ => Duration::ZERO,
        }
    }
}

impl Slot {
    /// Sends the head of a request; `ends` says that nothing follows.
    ///
    /// # Errors
    /// The connection ends, or HTTP/2 has no such head.
    pub fn send(&mut self, head: Request<()>, ends: bool) -> Result<(ResponseFuture, SendStream<Bytes>), h2::Error> {
        self.sender.send_request(head, ends)
    }

    /// Lets the connection carry no more requests.
    pub fn retire_connection(&self) {
        self.link.retire();
    }

    /// The version of TLS, such as `TLSv1.3`; `None` without TLS.
    pub(super) fn tls_version(&self) -> Option<&'static str> {
        self.link.tls_version
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.link.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            *self.link.idle_since.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        }
    }
}

/// Reads and writes for as long as the connection lasts: until its other end closes it, or nobody has a sender any more.
async fn run<S>(connection: Connection<S, Bytes>, link: Weak<Link>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut connection = pin!(connection);
    let ended = loop {
        if let Poll::Ready(ended) = poll_fn(|cx| Poll::Ready(connection.as_mut().poll(cx))).await {
            break ended;
        }
        woken().await;
        // Whoever can run now does so first: one write then carries the requests of them all, and one read their answers.
        tokio::task::yield_now().await;
    };
    tracing::debug!(?ended, "a shared connection has ended");
    if let Some(link) = link.upgrade() {
        link.retire();
    }
}

/// Waits until what was polled before in the same task wakes it.
async fn woken() {
    let mut waits = true;
    poll_fn(|_| if std::mem::take(&mut waits) { Poll::Pending } else { Poll::Ready(()) }).await;
}
