"""The few pages of a Kubernetes API server that `kubectl get pods` asks for: one pod of the namespace kagent.

    python fakes/kube_api.py

It listens on a free port of the loopback address, plain HTTP, and prints {"port": N}.
"""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

POD = "my-ack-ops-agent-66b74675fc-rqwwx"
PODS = {
    "name": "pods",
    "singularName": "pod",
    "namespaced": True,
    "kind": "Pod",
    "shortNames": ["po"],
    "verbs": ["get", "list"],
}
PAGES = {
    "/version": {"major": "1", "minor": "32", "gitVersion": "v1.32.4"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [PODS]},
    # The server lays the table out; kubectl prints its columns.
    "/api/v1/namespaces/kagent/pods": {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "columnDefinitions": [
            {"name": n, "type": "string", "format": "", "description": "", "priority": 0}
            for n in ("Name", "Ready", "Status")
        ],
        "rows": [
            {
                "cells": [POD, "1/1", "Running"],
                "object": {
                    "kind": "PartialObjectMetadata",
                    "apiVersion": "meta.k8s.io/v1",
                    "metadata": {"name": POD, "namespace": "kagent"},
                },
            }
        ],
    },
}
MISSING = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}


class Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        page = PAGES.get(self.path.split("?")[0].rstrip("/"))
        body = json.dumps(page or MISSING).encode()
        self.send_response(200 if page else 404)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    print(json.dumps({"port": server.server_port}), flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
