//! The provider: it answers at once, and tells in each answer what has reached it.
//!
//! A `POST` is answered with a fixed chat completion, or with a stream of events or of a chat completion's tokens if a
//! header asks for one; anything else with 405, and HTTP/1.0 with 505, for a proxy that speaks it was set up for another
//! contest.

mod chat;
mod h2;
mod http1;
mod pace;

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use serde::{Deserialize, Serialize};
use sluice_testkit::ca::{Alpn, Ca};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::alarm::Alarm;

/// The name in its certificate.
pub const NAME: &str = "provider.bench.test";

/// A provider that has its ports and answers once it is served.
pub struct Mock {
    ca: Ca,
    plain: TcpListener,
    tls_h1: TcpListener,
    tls_h2: TcpListener,
}

/// Where it listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    /// HTTP/1.1 without TLS.
    pub plain: SocketAddr,
    /// TLS that offers `http/1.1`.
    pub tls_h1: SocketAddr,
    /// TLS that offers `h2`.
    pub tls_h2: SocketAddr,
}

impl Mock {
    /// Takes three ports of loopback.
    pub async fn bind() -> io::Result<Self> {
        let bind = || TcpListener::bind(("127.0.0.1", 0));
        Ok(Self { ca: Ca::new("side by side"), plain: bind().await?, tls_h1: bind().await?, tls_h2: bind().await? })
    }

    /// Its ports.
    pub fn addresses(&self) -> io::Result<Addresses> {
        let Self { ca: _, plain, tls_h1, tls_h2 } = self;
        Ok(Addresses { plain: plain.local_addr()?, tls_h1: tls_h1.local_addr()?, tls_h2: tls_h2.local_addr()? })
    }

    /// The authority that has signed its certificate, PEM.
    pub fn ca_pem(&self) -> &str {
        self.ca.pem()
    }

    /// Answers until it is dropped, on a runtime of one thread.
    pub async fn serve(self) -> io::Result<()> {
        let alarm = Alarm::start()?;
        let leaf = self.ca.leaf(&[NAME]);
        let (h1, h2) =
            (TlsAcceptor::from(leaf.server_config(Alpn::Http1)), TlsAcceptor::from(leaf.server_config(Alpn::H2)));
        tokio::try_join!(
            accept(self.plain, |stream| http1::serve(stream, Rc::clone(&alarm))),
            accept(self.tls_h1, |stream| {
                let (handshake, alarm) = (h1.accept(stream), Rc::clone(&alarm));
                async { http1::serve(handshake.await?, alarm).await }
            }),
            accept(self.tls_h2, |stream| {
                let (handshake, alarm) = (h2.accept(stream), Rc::clone(&alarm));
                async { h2::serve(handshake.await?, alarm).await }
            }),
        )?;
        Ok(())
    }
}

/// Serves each connection as a task of its own. One that breaks is missed by who asked.
async fn accept<F>(listener: TcpListener, serve: impl Fn(TcpStream) -> F) -> io::Result<()>
where
    F: Future<Output = io::Result<()>> + 'static,
{
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::task::spawn_local(serve(stream));
    }
}
