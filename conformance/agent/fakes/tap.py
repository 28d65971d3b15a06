"""A byte-exact TCP tap: passes on what it reads and writes each read down, with its time.

    python fakes/tap.py HOST:PORT RECORD

It listens on a free port of the loopback address and prints {"port": N}. One JSON object a line of the record:
{"t", "conn", "dir": ">" from the client or "<" to it, "data": latin-1} or {"t", "conn", "dir", "event"}.
"""

import asyncio
import itertools
import json
import sys
import time


class Tap:
    def __init__(self, host, port, record):
        self.host, self.port, self.record = host, port, record
        self.numbers = itertools.count(1)

    def write(self, number, direction, **what):
        self.record.write(json.dumps({"t": time.time(), "conn": number, "dir": direction, **what}) + "\n")
        self.record.flush()

    async def accept(self, reader, writer):
        number = next(self.numbers)
        self.write(number, ">", event="open")
        try:
            upstream_reader, upstream_writer = await asyncio.open_connection(self.host, self.port, limit=1 << 22)
        except OSError as reason:
            self.write(number, "<", event=f"not reached: {reason!r}")
            writer.transport.abort()
            return
        async with asyncio.TaskGroup() as both:
            both.create_task(self.pass_on(number, ">", reader, upstream_writer))
            both.create_task(self.pass_on(number, "<", upstream_reader, writer))
        writer.close()
        upstream_writer.close()

    async def pass_on(self, number, direction, reader, writer):
        try:
            while data := await reader.read(65536):
                self.write(number, direction, data=data.decode("latin-1"))
                writer.write(data)
                await writer.drain()
            self.write(number, direction, event="end")
            writer.write_eof()
        except OSError as reason:
            self.write(number, direction, event=f"broken: {reason!r}")
            writer.transport.abort()


async def main():
    host, port = sys.argv[1].rsplit(":", 1)
    with open(sys.argv[2], "a", encoding="utf-8") as record:
        server = await asyncio.start_server(Tap(host, int(port), record).accept, "127.0.0.1", 0, limit=1 << 22)
        print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
