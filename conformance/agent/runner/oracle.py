"""Judges a gateway by what the provider saw and by the bytes between client and gateway.

* each request reached the provider as the walk-through demands: server name, Host, path, one right Authorization
* the client's own credential never went up, the provider's key never came down
* each body arrived byte for byte, both ways, after undoing chunked framing
* streams were not held back, and their events not joined
"""

import hashlib
import json
from dataclasses import dataclass

import wire

# The client's own credential in the walk-through's agent.
PLACEHOLDER = "placeholder"

REFUSALS = {
    "host": "the provider was asked for Host {host!r}, not for its own name: is the host rewritten?",
    "path": "the provider was asked for {path!r}: is the prefix /v1 replaced by /compatible-mode/v1?",
    "authorization": "the provider did not get its key exactly once: is the credential injected?",
    "sni": "a request came on a connection opened for {sni!r}: does the policy name the provider's host?",
    "method": "the provider got the method {method}",
}


@dataclass(frozen=True)
class Problem:
    """What is wrong, as one word for tests and one sentence for people."""

    kind: str
    sentence: str

    def __str__(self):
        return f"{self.kind}: {self.sentence}"


class Evidence:
    """All that was recorded: the provider's journal and the tap before the gateway."""

    def __init__(self, journal, record, key, hostname):
        with open(journal, encoding="utf-8") as lines:
            self.entries = [json.loads(line) for line in lines]
        self.conversations, self.key, self.hostname = wire.conversations(record), key, hostname
        self.requests = [entry for entry in self.entries if entry["ev"] == "request"]
        self.done = [entry for entry in self.entries if entry["ev"] == "done"]

    def of(self, event):
        return [entry for entry in self.entries if entry["ev"] == event]

    def settled(self):
        """Whether the provider has written down how each handshake and each answer ended: a client may know before."""
        shaken = self.of("connect") + self.of("handshake-failed")
        return len(shaken) == len(self.of("accept")) and len(self.done) == len(self.requests)


def judge(evidence):
    """All problems, each kind and sentence once."""
    found = [*handshakes(evidence), *requests(evidence), *leaks(evidence), *bodies_up(evidence), *answers(evidence)]
    if not evidence.requests and not found:
        found.append(Problem("nothing", "no request reached the provider"))
    return list(dict.fromkeys(found))


def handshakes(evidence):
    for entry in evidence.of("handshake-failed"):
        if entry["sni"] != evidence.hostname:
            yield Problem(
                "server-name",
                f"the gateway opened TLS for {entry['sni']!r}, not {evidence.hostname!r}: see the policy's hostname",
            )
        else:
            yield Problem(
                "certificate",
                f"the gateway refused the provider's certificate ({entry['reason']}): see the policy's authority",
            )


def requests(evidence):
    for entry in evidence.requests:
        if entry["problem"]:
            host = next((value for name, value in entry["headers"] if name.lower() == "host"), "")
            yield Problem(entry["problem"], REFUSALS[entry["problem"]].format(host=host, **entry))
        if any(PLACEHOLDER in value for _, value in entry["headers"]):
            yield Problem("client-credential", "the client's own credential went up to the provider")


def leaks(evidence):
    if any(evidence.key.encode() in data for one in evidence.conversations for data in one.raw()):
        yield Problem("key", "the provider's key is visible on the client's side")


def bodies_up(evidence):
    sent = {hashlib.sha256(request.body).hexdigest() for one in evidence.conversations for request in one.requests()}
    for entry in evidence.requests:
        if entry["body_sha256"] not in sent:
            yield Problem(
                "request-body", f"the body of request {entry['conn']}/{entry['nth']} is not what a client sent"
            )


def answers(evidence):
    arrived = {
        answer.headers.get("x-fake-id"): (answer, one) for one in evidence.conversations for answer in one.answers()
    }
    for entry in evidence.done:
        answer, conversation = arrived.get(entry["rid"], (None, None))
        # The SDK's blocking client leaves when it has read [DONE], before the body's formal end.
        if answer is None or not answer.whole and conversation.ended_by == "<":
            yield Problem("answer", f"answer {entry['rid']} did not come down whole")
        elif hashlib.sha256(answer.body).hexdigest() != entry["sha256"]:
            yield Problem(
                "answer-body", f"an answer's body is altered: {entry['bytes']} bytes sent, {len(answer.body)} arrived"
            )
        elif "t_first" in entry:
            yield from stream(entry, answer)


def stream(entry, answer):
    # Against the provider's own pace, not against a wall clock: a held stream begins after its end was sent.
    if answer.frames[0][1] > entry["t_last"]:
        yield Problem("held-back", "a stream's first event came down after its last was sent")
    reads = len({first for first, _ in answer.frames})
    if reads < entry["chunks"] / 4:
        yield Problem("joined", f"{entry['chunks']} events of a stream came down in {reads} reads")
