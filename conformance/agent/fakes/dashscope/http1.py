"""HTTP/1.1 on one connection: keep-alive, Content-Length and chunked bodies both ways."""

import asyncio

from answer import Request


async def serve(reader, writer, connection, answerer):
    """Answers requests until the client leaves or asks to close."""
    nth = 0
    while True:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, version = first.split(" ", 2)
        headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines if line]
        fields = {name.lower(): value for name, value in headers}
        body = await read_body(reader, writer, fields)
        nth += 1
        request = Request(connection, nth, version, method, path, headers, body)
        response = Response(writer)
        await answerer.respond(request, response.head, response.body)
        if fields.get("connection", "").lower() == "close":
            return


async def read_body(reader, writer, fields):
    if fields.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if "chunked" not in fields.get("transfer-encoding", "").lower():
        return await reader.readexactly(int(fields.get("content-length", 0)))
    body = b""
    while length := int((await reader.readline()).split(b";")[0], 16):
        body += await reader.readexactly(length)
        await reader.readline()
    while (await reader.readline()).strip():
        pass
    return body


class Response:
    """Writes one answer; chunked unless its head says a length."""

    def __init__(self, writer):
        self.writer, self.chunked = writer, False

    async def head(self, status, headers):
        self.chunked = not any(name == "content-length" for name, _ in headers)
        if self.chunked:
            headers = [*headers, ("transfer-encoding", "chunked")]
        lines = [f"HTTP/1.1 {status} Status", *(f"{name}: {value}" for name, value in headers), "", ""]
        self.writer.write("\r\n".join(lines).encode("latin-1"))
        await self.writer.drain()

    async def body(self, data, is_last):
        if self.chunked:
            data = b"%x\r\n%s\r\n" % (len(data), data) + (b"0\r\n\r\n" if is_last else b"")
        self.writer.write(data)
        await self.writer.drain()
