//! Connections to upstreams: made, used again, given back.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use pingora_core::connectors::{ConnectorOptions, TransportConnector};
use pingora_core::protocols::{ALPN, Stream};
use pingora_core::server::configuration::ServerConf;
use pingora_error::{ErrorType, OkOrErr, OrErr, Result};

use super::idle::Idle;
use super::link::{Link, Slot};
use super::making::{self, Made, Making, Turn};
use super::peer::Way;
use super::shared::Shared;

/// How connections are made: one for the process, since it holds the trust anchors.
pub struct Connector {
    /// Connects, and speaks TLS.
    transport: TransportConnector,
    /// How many of one kind each [`Connections`] may have idle.
    most_idle: usize,
}

/// Connections that are used for each other.
pub struct Connections {
    connector: Arc<Connector>,
    /// Those that speak HTTP/1.1.
    idle: Arc<Idle>,
    /// Those that speak HTTP/2.
    shared: Arc<Shared>,
    making: Making,
}

/// A way to the upstream.
pub enum Connection {
    /// A connection of its own, which speaks HTTP/1.1.
    Http1(Stream),
    /// Room on a connection that is shared.
    Http2(Slot),
}

/// A connection, and whether it has had requests before.
pub struct Connected {
    /// The connection.
    pub connection: Connection,
    /// Whether it has had requests before.
    pub reused: bool,
}

impl Connector {
    /// Made by the engine's settings.
    pub fn new(conf: &ServerConf) -> Self {
        let transport = TransportConnector::new(Some(ConnectorOptions::from_server_conf(conf)));
        Self { transport, most_idle: conf.upstream_keepalive_pool_size }
    }
}

impl Connections {
    /// Starts with none; to be called on the tokio runtime that is to close them when they are old.
    pub fn new(connector: Arc<Connector>) -> Self {
        Self { connector, idle: Idle::new(), shared: Shared::new(), making: Making::default() }
    }

    /// A connection that waits, a shared or a new one. Only what [`Way`] says is the same is used for each other.
    ///
    /// # Errors
    /// It could not be made, or its TLS policy refuses the upstream.
    pub async fn get(&self, way: &Way) -> Result<Connected> {
        loop {
            if let Some(connected) = self.idle(way) {
                return Ok(connected);
            }
            if !way.may_be_shared() {
                return self.connect(way).await;
            }
            match self.making.turn(way.pool) {
                Turn::Make(maker) => {
                    let connected = self.connect(way).await;
                    let shared = matches!(&connected, Ok(Connected { connection: Connection::Http2(_), .. }));
                    maker.tell(if shared { Made::Shared } else { Made::Alone });
                    return connected;
                }
                Turn::Wait(made) => {
                    if making::wait(made).await == Made::Alone {
                        return self.connect(way).await;
                    }
                }
            }
        }
    }

    /// What [`Connections::get`] looks for first, and needs no waiting.
    pub(crate) fn idle(&self, way: &Way) -> Option<Connected> {
        let shared = || self.shared.take(way.pool).map(Connection::Http2);
        let own = || self.idle.take(way.pool).map(Connection::Http1);
        let connection = if way.may_be_shared() { shared().or_else(own) } else { own().or_else(shared) };
        connection.map(|connection| Connected { connection, reused: true })
    }

    async fn connect(&self, way: &Way) -> Result<Connected> {
        let stream = self.connector.transport.new_stream(&way.peer).await?;
        let speaks_http2 = match stream.selected_alpn_proto() {
            Some(protocol) => protocol == ALPN::H2,
            // Without TLS nobody is asked, and the cluster says it.
            None => !way.is_tls() && way.is_http2_alone(),
        };
        way.speaks_http1.store(!speaks_http2, Ordering::Relaxed);
        let connection = if speaks_http2 { self.share(way, stream).await? } else { Connection::Http1(stream) };
        Ok(Connected { connection, reused: false })
    }

    async fn share(&self, way: &Way, stream: Stream) -> Result<Connection> {
        let tls_version = tls_version(&stream);
        let link = Link::over(stream, tls_version).await.or_err(ErrorType::HandshakeError, "of HTTP/2")?;
        let slot = link.slot().or_err(ErrorType::H2Error, "a new connection takes no request")?;
        self.shared.put(way.pool, link);
        Ok(Connection::Http2(slot))
    }

    /// Gives back a connection that can have another request.
    pub fn keep(&self, way: &Way, stream: Stream) {
        self.idle.put(way.pool, stream, self.connector.most_idle);
    }

    /// From now on HTTP/1.1 is spoken with this upstream, which asked for it or speaks no good HTTP/2.
    pub fn prefer_http1(&self, way: &Way) {
        if !way.is_http2_alone() {
            self.connector.transport.prefer_h1(&way.peer);
            self.shared.retire(way.pool);
        }
    }
}

impl Connection {
    /// The version of TLS, such as `TLSv1.3`; `None` without TLS.
    pub fn tls_version(&self) -> Option<&'static str> {
        match self {
            Self::Http1(stream) => tls_version(stream),
            Self::Http2(slot) => slot.tls_version(),
        }
    }
}

fn tls_version(stream: &Stream) -> Option<&'static str> {
    let tls = stream.get_ssl_digest()?;
    Some(if tls.version.contains("1_3") || tls.version.contains("1.3") { "TLSv1.3" } else { "TLSv1.2" })
}
