//! An upstream that speaks bytes: for answers that no HTTP library would write.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::steps::Gate;
use crate::wait::within;

/// One step on a connection; after the last it is closed.
#[derive(Debug, Clone)]
pub enum RawStep {
    /// Reads up to and with the empty line after a head.
    ReadHead,
    /// Reads that many bytes.
    Read(usize),
    /// Writes bytes.
    Send(Bytes),
    /// Waits until the test opens the gate.
    Await(Gate),
    /// Keeps the connection, silent, until the other side closes it.
    Hang,
}

impl RawStep {
    /// Writes text.
    pub fn send(text: &str) -> Self {
        Self::Send(Bytes::copy_from_slice(text.as_bytes()))
    }
}

/// The upstream; each connection plays the steps that the script says for its number (from 0).
pub struct RawProvider {
    address: SocketAddr,
    received: Arc<Received>,
    accepting: JoinHandle<()>,
}

struct Received {
    connections: Mutex<Vec<Vec<u8>>>,
    closed: AtomicUsize,
    changes: watch::Sender<()>,
}

impl RawProvider {
    /// Plays the same steps on each connection.
    pub async fn always(steps: Vec<RawStep>) -> Self {
        Self::start(move |_| steps.clone()).await
    }

    /// Plays the steps that belong to the connection's number.
    pub async fn start(script: impl Fn(usize) -> Vec<RawStep> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Received {
            connections: Mutex::default(),
            closed: AtomicUsize::new(0),
            changes: watch::Sender::new(()),
        });
        let accepting = tokio::spawn(accept(listener, script, Arc::clone(&received)));
        Self { address, received, accepting }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All bytes received so far, one text per connection.
    pub fn received(&self) -> Vec<String> {
        let connections = self.received.connections.lock().unwrap();
        connections.iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
    }

    /// Waits until the other side, too, has closed that many of the connections whose script has ended.
    #[track_caller]
    pub fn closed(&self, count: usize) -> impl Future<Output = ()> {
        let mut changes = self.received.changes.subscribe();
        within("connections closed by both sides", async move {
            while self.received.closed.load(Ordering::SeqCst) < count {
                drop(changes.changed().await);
            }
        })
    }

    /// Waits until what was received satisfies `holds`.
    #[track_caller]
    pub fn wait(&self, what: &str, holds: impl Fn(&[String]) -> bool) -> impl Future<Output = ()> {
        let mut changes = self.received.changes.subscribe();
        within(what, async move {
            while !holds(&self.received()) {
                drop(changes.changed().await);
            }
        })
    }
}

impl Drop for RawProvider {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, script: impl Fn(usize) -> Vec<RawStep>, received: Arc<Received>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let number = {
            let mut list = received.connections.lock().unwrap();
            list.push(Vec::new());
            list.len() - 1
        };
        received.changes.send_replace(());
        let talk = Talk { stream, number, buffered: Vec::new(), received: Arc::clone(&received) };
        connections.spawn(talk.play(script(number)));
    }
}

struct Talk {
    stream: TcpStream,
    number: usize,
    buffered: Vec<u8>,
    received: Arc<Received>,
}

impl Talk {
    async fn play(mut self, steps: Vec<RawStep>) {
        for step in steps {
            let goes_on = match step {
                RawStep::ReadHead => self.read_head().await,
                RawStep::Read(length) => self.read(length).await,
                RawStep::Send(bytes) => self.stream.write_all(&bytes).await.is_ok(),
                RawStep::Await(gate) => {
                    gate.passed().await;
                    true
                }
                RawStep::Hang => {
                    while self.fill().await {}
                    false
                }
            };
            if !goes_on {
                return;
            }
        }
        drop(self.stream.shutdown().await);
        self.await_close().await;
    }

    /// Reads to the end, or to an error; what still comes was not asked for, and does not count as received.
    async fn await_close(mut self) {
        let mut rest = Vec::new();
        while let Ok(1..) = self.stream.read_buf(&mut rest).await {
            rest.clear();
        }
        self.received.closed.fetch_add(1, Ordering::SeqCst);
        self.received.changes.send_replace(());
    }

    async fn read_head(&mut self) -> bool {
        loop {
            if let Some(end) = self.buffered.windows(4).position(|w| w == b"\r\n\r\n") {
                self.buffered.drain(..end + 4);
                return true;
            }
            if !self.fill().await {
                return false;
            }
        }
    }

    async fn read(&mut self, length: usize) -> bool {
        while self.buffered.len() < length {
            if !self.fill().await {
                return false;
            }
        }
        self.buffered.drain(..length);
        true
    }

    async fn fill(&mut self) -> bool {
        let before = self.buffered.len();
        let Ok(1..) = self.stream.read_buf(&mut self.buffered).await else { return false };
        self.received.connections.lock().unwrap()[self.number].extend_from_slice(&self.buffered[before..]);
        self.received.changes.send_replace(());
        true
    }
}
