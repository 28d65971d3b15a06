"""A scripted stand-in for DashScope's OpenAI-compatible API: TLS of a private CA, HTTP/2 and HTTP/1.1.

    PROVIDER_API_KEY=… python fakes/dashscope --certificate server.pem --journal FILE [--alpn h2,http/1.1]

It listens on a free port of the loopback address, if not told another place, prints {"port": N} on a line when it does, and writes what it saw
into the journal, handshakes that failed too. The key comes by the environment, since arguments can be read by others.
"""

import argparse
import asyncio
import json
import os
import socket
import ssl

import http1
import http2
from answer import Answerer, Connection
from journal import Journal


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--certificate", required=True, help="PEM: key, certificate, issuer")
    parser.add_argument("--journal", required=True)
    parser.add_argument("--hostname", default="dashscope-intl.aliyuncs.com")
    parser.add_argument("--alpn", default="h2,http/1.1")
    parser.add_argument("--listen", default="127.0.0.1:0", metavar="ADDRESS:PORT")
    return parser.parse_args()


def tls(options):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.certificate)
    context.set_alpn_protocols(options.alpn.split(","))
    return context


async def serve_connection(number, accepted, context, answerer):
    """Shakes hands on one accepted socket and serves it. The name asked for is kept even when the handshake fails."""
    loop, journal, asked = asyncio.get_running_loop(), answerer.journal, {}
    journal.write("accept", conn=number)
    context.sni_callback = lambda ssl_object, name, _: asked.__setitem__("sni", name)
    reader = asyncio.StreamReader(limit=64 << 20)
    protocol = asyncio.StreamReaderProtocol(reader)
    try:
        transport, _ = await loop.connect_accepted_socket(lambda: protocol, accepted, ssl=context)
    except (OSError, asyncio.CancelledError) as reason:
        journal.write("handshake-failed", conn=number, sni=asked.get("sni"), reason=str(reason) or repr(reason))
        return
    writer = asyncio.StreamWriter(transport, protocol, reader, loop)
    connection = Connection(number, asked.get("sni"), transport.get_extra_info("ssl_object").selected_alpn_protocol())
    journal.write("connect", conn=number, sni=connection.sni, alpn=connection.alpn)
    try:
        serve = http2.serve if connection.alpn == "h2" else http1.serve
        await serve(reader, writer, connection, answerer)
    except (OSError, asyncio.IncompleteReadError) as reason:
        journal.write("peer-gone", conn=number, reason=repr(reason))
    finally:
        journal.write("close", conn=number)
        writer.close()


async def main():
    options = arguments()
    key = os.environ["PROVIDER_API_KEY"]
    answerer = Answerer(options.hostname, key, Journal(options.journal, key))
    address, port = options.listen.rsplit(":", 1)
    listener = socket.create_server((address, int(port)), backlog=256)
    listener.setblocking(False)
    print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
    loop, number, connections = asyncio.get_running_loop(), 0, set()
    while True:
        accepted, _ = await loop.sock_accept(listener)
        number += 1
        # A context for each connection: its SNI callback then belongs to that connection alone.
        task = asyncio.create_task(serve_connection(number, accepted, tls(options), answerer))
        connections.add(task)
        task.add_done_callback(connections.discard)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
