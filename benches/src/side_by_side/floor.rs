//! The least that can stand in between: a forwarder of bytes that knows nothing of what they say.

use std::io;
use std::net::SocketAddr;

use tokio::io::copy_bidirectional_with_sizes;
use tokio::net::{TcpListener, TcpStream};

/// For each direction of a connection.
const BUFFER: usize = 64 << 10;

/// Connects each client of `listener` to the target, until it is dropped, on a runtime of one thread.
pub async fn forward(listener: TcpListener, target: SocketAddr) -> io::Result<()> {
    loop {
        let (client, _) = listener.accept().await?;
        // A connection that breaks is missed by who asked.
        tokio::task::spawn_local(connect(client, target));
    }
}

async fn connect(mut client: TcpStream, target: SocketAddr) -> io::Result<()> {
    let mut server = TcpStream::connect(target).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    copy_bidirectional_with_sizes(&mut client, &mut server, BUFFER, BUFFER).await?;
    Ok(())
}
