"""HTTP/2 on one connection, by the `h2` package: streams side by side, flow control obeyed."""

import asyncio

import h2.config
import h2.connection
import h2.events

from answer import Request


async def serve(reader, writer, connection, answerer):
    """Answers requests until the client leaves."""
    await Http2(reader, writer, connection, answerer).run()


class Http2:
    def __init__(self, reader, writer, connection, answerer):
        self.reader, self.writer, self.connection, self.answerer = reader, writer, connection, answerer
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.requests, self.tasks, self.nth = {}, {}, 0
        self.window_grew = asyncio.Event()

    async def run(self):
        self.h2.initiate_connection()
        await self.flush()
        try:
            while data := await self.reader.read(65536):
                for event in self.h2.receive_data(data):
                    self.on(event)
                await self.flush()
        finally:
            for task in self.tasks.values():
                task.cancel()

    def on(self, event):
        match event:
            case h2.events.RequestReceived():
                self.requests[event.stream_id] = (event.headers, bytearray())
            case h2.events.DataReceived():
                self.requests[event.stream_id][1].extend(event.data)
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.StreamEnded():
                task = asyncio.create_task(self.answer(event.stream_id))
                self.tasks[event.stream_id] = task
            case h2.events.StreamReset():
                self.answerer.journal.write("client-reset", conn=self.connection.number, code=int(event.error_code))
                if task := self.tasks.pop(event.stream_id, None):
                    task.cancel()
            case h2.events.WindowUpdated():
                self.window_grew.set()

    async def answer(self, stream):
        fields, body = self.requests.pop(stream)
        pseudo = {name: value for name, value in fields if name.startswith(":")}
        headers = [("host", pseudo.get(":authority", ""))] + [(n, v) for n, v in fields if not n.startswith(":")]
        self.nth += 1
        request = Request(self.connection, self.nth, "HTTP/2", pseudo[":method"], pseudo[":path"], headers, bytes(body))

        async def send_head(status, headers):
            self.h2.send_headers(stream, [(":status", str(status)), *headers])
            await self.flush()

        async def send_body(data, is_last):
            await self.send(stream, data)
            if is_last:
                self.h2.end_stream(stream)
                await self.flush()

        await self.answerer.respond(request, send_head, send_body)
        self.tasks.pop(stream, None)

    async def send(self, stream, data):
        while data:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size, len(data))
            if room > 0:
                self.h2.send_data(stream, data[:room])
                data = data[room:]
                await self.flush()
            else:
                self.window_grew.clear()
                await self.window_grew.wait()

    async def flush(self):
        self.writer.write(self.h2.data_to_send())
        await self.writer.drain()
