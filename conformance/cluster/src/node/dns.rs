//! The DNS server of the cluster: UDP and TCP in, answers out.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::node::address;
use crate::node::error::Error;
use crate::node::names::Names;
use crate::node::tool;

const PORT: u16 = 53;
/// What tells a machine's programs where to ask.
const RESOLVER: &str = "/etc/resolv.conf";
/// How long a TCP client may be silent.
const PATIENCE: Duration = Duration::from_secs(10);
/// What fits into a UDP answer without EDNS (RFC 1035 section 4.2.1).
const SMALL: usize = 512;

/// Starts the server among `tasks`.
///
/// # Errors
/// Its address is not there, or taken.
pub(crate) async fn start(names: watch::Receiver<Arc<Names>>, tasks: &mut JoinSet<()>) -> Result<(), Error> {
    let address = SocketAddr::from((address::DNS, PORT));
    let fail = |error: std::io::Error| Error::new(format!("DNS at {address}"), error);
    let udp = UdpSocket::bind(address).await.map_err(fail)?;
    let tcp = TcpListener::bind(address).await.map_err(fail)?;
    tasks.spawn(serve_udp(udp, names.clone()));
    tasks.spawn(serve_tcp(tcp, names));
    Ok(())
}

/// Makes this mount namespace ask the server, for the names of Services first as a pod does.
///
/// # Errors
/// The file cannot be written or mounted.
pub(crate) async fn use_here(state: &Path) -> Result<(), Error> {
    let file = state.join("resolv.conf");
    let text = format!("nameserver {}\nsearch svc.cluster.local cluster.local\n", address::DNS);
    std::fs::write(&file, text).map_err(|error| Error::new(file.display(), error))?;
    tool::feed("mount", &["--bind", &file.display().to_string(), RESOLVER], "").await
}

/// Undoes [`use_here`].
///
/// # Errors
/// It is not mounted any more.
pub(crate) async fn use_no_longer() -> Result<(), Error> {
    tool::feed("umount", &[RESOLVER], "").await
}

async fn serve_udp(socket: UdpSocket, names: watch::Receiver<Arc<Names>>) {
    let mut buffer = vec![0; 4096];
    loop {
        // An error here is the refusal of an answer sent before: nothing to stop for.
        let Ok((length, client)) = socket.recv_from(&mut buffer).await else { continue };
        let Ok(query) = Message::from_vec(&buffer[..length]) else { continue };
        let current = Arc::clone(&names.borrow());
        let answer = current.answer(&query);
        let room = query.edns.as_ref().map_or(SMALL, |edns| usize::from(edns.max_payload()).max(SMALL));
        let bytes = match answer.to_vec() {
            Ok(bytes) if bytes.len() <= room => bytes,
            Ok(_) => answer.truncate().to_vec().unwrap_or_default(),
            Err(_) => continue,
        };
        let _ = socket.send_to(&bytes, client).await;
    }
}

async fn serve_tcp(listener: TcpListener, names: watch::Receiver<Arc<Names>>) {
    let mut clients = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                let names = names.clone();
                clients.spawn(async move {
                    // A client that goes away in the middle is its own affair.
                    let _ = converse(stream, names).await;
                });
            },
            Some(_) = clients.join_next() => {}
        }
    }
}

async fn converse(mut stream: TcpStream, names: watch::Receiver<Arc<Names>>) -> std::io::Result<()> {
    loop {
        let length = timeout(PATIENCE, stream.read_u16()).await??;
        let mut query = vec![0; usize::from(length)];
        timeout(PATIENCE, stream.read_exact(&mut query)).await??;
        let query = Message::from_vec(&query).map_err(std::io::Error::other)?;
        let current = Arc::clone(&names.borrow());
        let answer = current.answer(&query).to_vec().map_err(std::io::Error::other)?;
        let length = u16::try_from(answer.len()).map_err(std::io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes()[..], &answer].concat()).await?;
    }
}
