"""One request and its answer, whatever the HTTP version: refuses what the walk-through's gateway must never send.

SNI                       the provider's name               else 421, problem "sni"
Host or :authority        the provider's name (:443 is fine)   else 421, problem "host"
path                      /compatible-mode/v1/chat/completions    else 404, problem "path"
method                    POST                              else 405, problem "method"
Authorization             exactly one, "Bearer KEY"         else 401, problem "authorization"
"""

import asyncio
import dataclasses
import hashlib
import json
import time
import uuid

import model

PATH = "/compatible-mode/v1/chat/completions"
# Slow enough that a gateway which holds chunks back or joins them is seen, fast enough for a test.
PACE = 0.02


@dataclasses.dataclass
class Connection:
    """What the handshake said."""

    number: int
    sni: str | None
    alpn: str | None


@dataclasses.dataclass
class Request:
    """A request with its body; `headers` as (name, value) pairs in wire order, Host among them."""

    connection: Connection
    nth: int
    version: str
    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes

    def values(self, name):
        """All values of a header."""
        return [value for key, value in self.headers if key.lower() == name]


class Answerer:
    """Answers requests for `hostname`, whose key is `key`, and writes them into the journal."""

    def __init__(self, hostname, key, journal):
        self.hostname, self.key, self.journal = hostname, key, journal

    def refusal(self, request):
        """The first thing that is wrong: (problem, status, body), or None."""
        host = (request.values("host") or [""])[0]
        if request.connection.sni != self.hostname:
            return "sni", 421, model.error("misdirected", f"SNI was {request.connection.sni!r}")
        if host not in (self.hostname, self.hostname + ":443"):
            return "host", 421, model.error("misdirected", f"Host was {host!r}")
        if request.path.split("?")[0] != PATH:
            return "path", 404, model.error("not_found", f"no such path {request.path!r}")
        if request.method != "POST":
            return "method", 405, model.error("method_not_allowed", request.method)
        if request.values("authorization") != ["Bearer " + self.key]:
            return "authorization", 401, model.error("invalid_api_key", "Incorrect API key provided. ")
        return None

    async def respond(self, request, send_head, send_body):
        """Answers. `send_head(status, headers)`, then `send_body(data, is_last)` one or more times."""
        body, refusal = parse(request.body), self.refusal(request)
        name, number = model.scenario(body)
        if not refusal and name.startswith("err"):
            refusal = None, int(name[3:]), model.error(*model.ERRORS[int(name[3:])])
        problem, status, refused = refusal or (None, 200, None)
        rid = str(uuid.uuid4())
        self.record_request(request, body, rid=rid, problem=problem, status=status, scenario=name)
        if not refusal and name == "slow":
            await asyncio.sleep(number)
        common = [
            ("x-request-id", rid),
            ("x-fake-id", rid),
            ("server", "istio-envoy"),
            ("req-cost-time", "42"),
            ("vary", "Origin"),
        ]
        if not refusal and body.get("stream"):
            await send_head(status, common + [("content-type", "text/event-stream;charset=UTF-8")])
            sent = await stream(model.chunks(body), send_body)
        else:
            data = json.dumps(refused or model.completion(body), ensure_ascii=False).encode()
            again = [("retry-after", "1")] if status == 429 else []
            await send_head(
                status, [*common, *again, ("content-type", "application/json"), ("content-length", str(len(data)))]
            )
            await send_body(data, True)
            sent = {"chunks": 1, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        self.journal.write("done", rid=rid, **sent)

    def record_request(self, request, body, **verdict):
        self.journal.write(
            "request",
            conn=request.connection.number,
            nth=request.nth,
            version=request.version,
            sni=request.connection.sni,
            alpn=request.connection.alpn,
            method=request.method,
            path=request.path,
            headers=request.headers,
            stream=bool(body.get("stream")),
            body_sha256=hashlib.sha256(request.body).hexdigest(),
            **verdict,
        )


def parse(data):
    """The JSON object of a body, or an empty one."""
    try:
        body = json.loads(data)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


async def stream(objects, send_body):
    """Sends server-sent events at a pace; returns what was sent and when the first and the last left."""
    digest, total, first = hashlib.sha256(), 0, None
    events = [b"data: %s\n\n" % json.dumps(one, ensure_ascii=False).encode() for one in objects] + [b"data: [DONE]\n\n"]
    for number, event in enumerate(events, 1):
        await asyncio.sleep(PACE)
        digest.update(event)
        total += len(event)
        first = first or time.time()
        await send_body(event, number == len(events))
    return {
        "chunks": len(events),
        "bytes": total,
        "sha256": digest.hexdigest(),
        "t_first": first,
        "t_last": time.time(),
    }
