"""What an agent pod of kagent 0.10 asks of the kagent controller ($KAGENT_URL), kept in memory.

    python fakes/controller.py

POST /api/sessions, GET and DELETE /api/sessions/ID, POST /api/sessions/ID/events, POST /api/tasks, GET /api/tasks/ID.
It listens on a free port of the loopback address and prints {"port": N}.
"""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SESSIONS, EVENTS, TASKS = {}, {}, {}


class Controller(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def parts(self):
        return self.path.split("?")[0].strip("/").split("/")

    def reply(self, status, data=None):
        body = json.dumps(
            {"error": status >= 400, "data": data, "message": "ok" if status < 400 else "not found"}
        ).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        sent = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"null")
        match self.parts():
            case ["api", "sessions"]:
                key = sent.get("id") or f"session-{len(SESSIONS) + 1}"
                session = {
                    "id": key,
                    "user_id": sent["user_id"],
                    "name": sent.get("name"),
                    "agent_id": sent.get("agent_ref"),
                }
                SESSIONS[key] = session
                EVENTS.setdefault(key, [])
                self.reply(201, session)
            case ["api", "sessions", key, "events"]:
                EVENTS.setdefault(key, []).append({"id": sent["id"], "data": sent["data"]})
                self.reply(201, sent)
            case ["api", "tasks"]:
                TASKS[sent["id"]] = sent
                self.reply(201, sent)
            case _:
                self.reply(404)

    def do_GET(self):
        match self.parts():
            case ["api", "sessions", key] if key in SESSIONS:
                self.reply(200, {"session": SESSIONS[key], "events": EVENTS[key]})
            case ["api", "tasks", key] if key in TASKS:
                self.reply(200, TASKS[key])
            case _:
                self.reply(404)

    def do_DELETE(self):
        _, kind, key = self.parts()
        (SESSIONS if kind == "sessions" else TASKS).pop(key, None)
        self.reply(200)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Controller)
    print(json.dumps({"port": server.server_port}), flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
