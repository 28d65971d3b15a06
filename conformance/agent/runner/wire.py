"""Reads HTTP/1.1 messages out of a tap's record, and knows when each byte passed."""

import json
from dataclasses import dataclass, field


@dataclass
class Message:
    """A request or an answer. `frames` are the (first, last) times of the body's chunks, or of the whole body."""

    start: str
    headers: dict[str, str]
    body: bytes
    frames: list[tuple[float, float]]
    whole: bool


@dataclass
class Conversation:
    """One connection: the bytes of each direction in the reads they came in, and which side ended first (> or <)."""

    up: list[tuple[float, bytes]] = field(default_factory=list)
    down: list[tuple[float, bytes]] = field(default_factory=list)
    ended_by: str | None = None

    def requests(self):
        return messages(self.up)

    def answers(self):
        """Answers; one whose body was cut off is among them, and says so."""
        return messages(self.down)

    def raw(self):
        return b"".join(data for _, data in self.up), b"".join(data for _, data in self.down)


def conversations(record):
    """The connections in the record, in the order they were opened."""
    found = {}
    with open(record, encoding="utf-8") as lines:
        # The last line may still be being written.
        for line in (line for line in lines if line.endswith("\n")):
            entry = json.loads(line)
            one = found.setdefault(entry["conn"], Conversation())
            if "data" in entry:
                (one.up if entry["dir"] == ">" else one.down).append((entry["t"], entry["data"].encode("latin-1")))
            elif entry["event"] != "open":
                one.ended_by = one.ended_by or entry["dir"]
    return list(found.values())


def messages(reads):
    reader, out = Reader(reads), []
    try:
        while not reader.at_end():
            out.append(reader.message())
    except Cut:
        pass
    return out


class Cut(Exception):
    """The bytes end inside a message."""


class Reader:
    """A place in the bytes of one direction."""

    def __init__(self, reads):
        self.data, self.place, self.ends = b"".join(data for _, data in reads), 0, []
        total = 0
        for time, data in reads:
            total += len(data)
            self.ends.append((total, time))

    def at_end(self):
        return self.place >= len(self.data)

    def time(self, position):
        return next(time for end, time in self.ends if position < end)

    def until(self, mark):
        end = self.data.find(mark, self.place)
        if end < 0:
            raise Cut
        taken, self.place = self.data[self.place : end], end + len(mark)
        return taken

    def take(self, length):
        if self.place + length > len(self.data):
            raise Cut
        taken, self.place = self.data[self.place : self.place + length], self.place + length
        return taken

    def framed(self, length, frames):
        start, data = self.place, self.take(length)
        if length:
            frames.append((self.time(start), self.time(self.place - 1)))
        return data

    def message(self):
        start, *lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
        frames, body, chunked = [], b"", "chunked" in headers.get("transfer-encoding", "").lower()
        try:
            if chunked:
                while length := int(self.until(b"\r\n").split(b";")[0], 16):
                    body += self.framed(length, frames)
                    self.take(2)
                while self.until(b"\r\n"):
                    pass
            else:
                body = self.framed(int(headers.get("content-length", 0)), frames)
            return Message(start, headers, body, frames, True)
        except Cut:
            self.place = len(self.data)
            return Message(start, headers, body, frames, False)
