//! Connections to upstreams: made, used again, given back.

use std::sync::Arc;

use pingora_core::connectors::ConnectorOptions;
use pingora_core::connectors::http::v2::Connector;
use pingora_core::protocols::Stream;
use pingora_core::protocols::http::client::HttpSession;
use pingora_core::protocols::http::v2::client::Http2Session;
use pingora_core::server::configuration::ServerConf;
use pingora_error::{Error, ErrorType, Result};

use super::idle::{Idle, POOL_IDLE};
use super::peer::Way;

/// All connections of the process.
pub struct Connections {
    /// Connects, and shares connections that speak HTTP/2.
    connector: Connector,
    /// Those that speak HTTP/1.1.
    idle: Arc<Idle>,
    /// How many of one kind may be idle.
    most_idle: usize,
}

/// A way to the upstream.
pub enum Connection {
    /// A connection of its own, which speaks HTTP/1.1.
    Http1(Stream),
    /// A stream of a connection that is shared.
    Http2(Box<Http2Session>),
}

/// A connection, and whether it has had requests before.
pub struct Connected {
    /// The connection.
    pub connection: Connection,
    /// Whether it has had requests before.
    pub reused: bool,
}

impl Connections {
    /// Starts with none; to be called on a tokio runtime.
    pub fn new(conf: &ServerConf) -> Self {
        let connector = Connector::new(Some(ConnectorOptions::from_server_conf(conf)));
        Self { connector, idle: Idle::new(), most_idle: conf.upstream_keepalive_pool_size * conf.threads.max(1) }
    }

    /// A connection that waits and speaks HTTP/1.1, or a shared or a new one. Only what [`Way`] says is the same is used
    /// for each other.
    ///
    /// # Errors
    /// It could not be made, or its TLS policy refuses the upstream.
    pub async fn get(&self, way: &Way) -> Result<Connected> {
        if let Some(connected) = self.idle(way) {
            return Ok(connected);
        }
        if way.peer.options.alpn.get_max_http_version() == 2
            && let Some(session) = self.connector.reused_http_session(&way.peer).await?
        {
            return Ok(Connected { connection: Connection::Http2(Box::new(session)), reused: true });
        }
        Ok(Connected { connection: self.connect(way).await?, reused: false })
    }

    /// What [`Connections::get`] looks for first, and needs no waiting.
    pub(crate) fn idle(&self, way: &Way) -> Option<Connected> {
        let stream = self.idle.take(way.pool)?;
        Some(Connected { connection: Connection::Http1(stream), reused: true })
    }

    async fn connect(&self, way: &Way) -> Result<Connection> {
        Ok(match self.connector.new_http_session::<_, ()>(&way.peer).await? {
            HttpSession::H1(session) => Connection::Http1(session.into_inner()),
            HttpSession::H2(session) => Connection::Http2(Box::new(session)),
            HttpSession::Custom(()) => return Error::e_explain(ErrorType::InternalError, "an unknown protocol"),
        })
    }

    /// Gives back a connection that can have another request.
    pub fn keep(&self, way: &Way, stream: Stream) {
        self.idle.put(way.pool, stream, self.most_idle);
    }

    /// Gives back a stream that has ended.
    pub fn release(&self, way: &Way, session: Http2Session) {
        self.connector.release_http_session(session, &way.peer, Some(POOL_IDLE));
    }

    /// From now on HTTP/1.1 is spoken with this upstream, which asked for it or speaks no good HTTP/2.
    pub fn prefer_http1(&self, way: &Way) {
        self.connector.prefer_h1(&way.peer);
    }
}

impl Connection {
    /// The version of TLS, such as `TLSv1.3`; `None` without TLS.
    pub fn tls_version(&self) -> Option<&'static str> {
        let tls = match self {
            Self::Http1(stream) => stream.get_ssl_digest(),
            Self::Http2(session) => session.digest().and_then(|digest| digest.ssl_digest.clone()),
        };
        tls.map(|tls| if tls.version.contains("1_3") || tls.version.contains("1.3") { "TLSv1.3" } else { "TLSv1.2" })
    }
}
