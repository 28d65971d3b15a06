"""An A2A client: asks an agent one question, as the kagent controller does for its user interface."""

import http.client
import json
import uuid
from dataclasses import dataclass, field
from urllib.parse import urlparse

USER = "admin@kagent.dev"


@dataclass
class Outcome:
    """What came of a question."""

    state: str | None = None
    text: str = ""
    tools: list[str] = field(default_factory=list)
    partials: int = 0
    errors: list[str] = field(default_factory=list)

    def add(self, event):
        """Takes one JSON-RPC answer into account."""
        if "error" in event:
            self.errors.append(json.dumps(event["error"]))
            return
        result = event["result"]
        status = result.get("status", {})
        message = status.get("message") or {}
        self.state = status.get("state") or self.state
        marks = {**(result.get("metadata") or {}), **(message.get("metadata") or {})}
        partial = bool(marks.get("adk_partial") or marks.get("kagent_adk_partial"))
        final = result.get("kind") == "artifact-update"
        for part in message.get("parts") or (result.get("artifact") or {}).get("parts") or []:
            self.add_part(part, partial, final)
        if self.state == "failed" and message:
            self.errors.append(json.dumps(message.get("parts")))

    def add_part(self, part, partial, final):
        data = part.get("data") or {}
        if part.get("kind") == "text" and partial:
            self.partials += 1
        elif part.get("kind") == "text" and final:
            self.text += part["text"]
        elif "name" in data and "args" in data and not final:
            self.tools.append(data["name"])


def ask(url, question):
    """Sends `message/stream` and returns the Outcome when the agent has ended its answer."""
    place = urlparse(url)
    message = {"kind": "message", "messageId": str(uuid.uuid4()), "role": "user", "contextId": str(uuid.uuid4())}
    message["parts"] = [{"kind": "text", "text": question}]
    call = {
        "jsonrpc": "2.0",
        "id": str(uuid.uuid4()),
        "method": "message/stream",
        "params": {"message": message, "metadata": {}},
    }
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=120)
    headers = {"content-type": "application/json", "accept": "text/event-stream", "x-user-id": USER}
    connection.request("POST", "/", json.dumps(call), headers)
    answer = connection.getresponse()
    assert answer.status == 200, f"the agent answered {answer.status}"
    outcome = Outcome()
    for event in events(answer):
        outcome.add(json.loads(event))
    connection.close()
    return outcome


def events(lines):
    """The data of each server-sent event."""
    data = []
    for line in lines:
        line = line.decode().rstrip("\r\n")
        if line.startswith("data:"):
            data.append(line[5:].lstrip())
        elif not line and data:
            yield "\n".join(data)
            data = []
