"""Everything around the gateway under test, and the gateway: all on loopback, on ports that the system chose."""

import os
import secrets
import socket
import sys
from pathlib import Path
from urllib.request import urlopen

from certificates import Authority
from oracle import Evidence
from processes import json_lines, wait_until

HERE = Path(__file__).resolve().parent.parent
FAKES = HERE / "fakes"
WALKTHROUGH = HERE.parent.parent / "deploy" / "standalone" / "walkthrough"
PROVIDER = "dashscope-intl.aliyuncs.com"
MCP = "ack-mcp-server.kube-system.svc.cluster.local:8000"
LISTENER = "http-bailian"
PAGES = ("/metrics", "/config_dump", "/listeners")


class Stack:
    """What all checks of a run share: the key, the authority, the programs."""

    def __init__(self, processes, sluice, ack_python, given=None):
        self.processes, self.sluice, self.ack_python, self.given = processes, sluice, ack_python, given
        self.folder = processes.folder
        # A gateway that is there already has a key, and trusts an authority.
        self.key = os.environ["PROVIDER_API_KEY"] if given else "sk-" + secrets.token_hex(24)
        self.authority = Authority("private authority of the agent test")
        self.ca = self.file("ca.pem", self.authority.pem)
        own = self.file("provider.pem", self.authority.server(PROVIDER))
        self.certificate = given.certificate if given else own

    def file(self, name, data):
        path = self.folder / name
        path.write_bytes(data)
        return path

    def fake(self, name, *arguments, environment=None):
        """Starts a program of fakes/; returns its port."""
        script = FAKES / name if (FAKES / name).is_dir() else FAKES / f"{name}.py"
        return self.processes.start(name, [sys.executable, script, *arguments], environment).port()

    def provider(self, alpn="h2,http/1.1"):
        """Starts a provider that speaks these protocols; returns it."""
        return Provider(self, alpn)

    def ack_mcp_server(self):
        """Starts the real MCP server beside a Kubernetes API of one pod; returns its port."""
        api = self.fake("kube_api")
        kubeconfig = self.file("kubeconfig", KUBECONFIG.format(port=api).encode())
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        # A kubectl of the machine comes first; the stand-in serves where there is none.
        path = f"{os.environ['PATH']}:{FAKES / 'bin'}"
        # The server cannot report a port of the system's choosing, so one is picked just before.
        port = free_port()
        program = Path(self.ack_python).parent / "alibabacloud-ack-mcp-server"
        command = [
            program,
            "--transport",
            "sse",
            "--host",
            "127.0.0.1",
            "--port",
            port,
            "--kubeconfig-mode",
            "LOCAL",
            "--kubeconfig-path",
            kubeconfig,
        ]
        environment = {"HOME": str(home), "PATH": path, "NO_COLOR": "1"}
        server = self.processes.start("ack-mcp-server", command, environment)
        server.wait_for("its address", lambda said: f"Uvicorn running on http://127.0.0.1:{port}" in said)
        return port

    def gateway(self, provider, *more_objects, objects=WALKTHROUGH, mcp_port=None):
        """Starts `sluice run` on objects, the walk-through's own if not said otherwise; returns it."""
        return Gateway(self, provider, [objects, *more_objects], mcp_port)

    def given_gateway(self):
        """The gateway that is there already, and a provider where it looks for one."""
        return Recorded(self, self.provider(), self.given.gateway, "given-gateway")


class Provider:
    """A running stand-in of the provider and its journal."""

    def __init__(self, stack, alpn):
        self.journal = stack.folder / (stack.processes.fresh("provider") + ".jsonl")
        arguments = [
            "--certificate",
            stack.certificate,
            "--journal",
            self.journal,
            "--hostname",
            PROVIDER,
            "--alpn",
            alpn,
        ]
        if stack.given:
            arguments += ["--listen", stack.given.provider]
        self.port = stack.fake("dashscope", *arguments, environment={"PROVIDER_API_KEY": stack.key})


class Recorded:
    """A gateway under test, a tap before it, and the provider behind it."""

    def __init__(self, stack, provider, address, name):
        self.stack, self.provider = stack, provider
        self.record = stack.folder / f"{name}.tap.jsonl"
        # Through the tap, as a client sees it.
        self.url = f"http://127.0.0.1:{stack.fake('tap', address, self.record)}"

    def evidence(self):
        """What was recorded so far."""
        return Evidence(self.provider.journal, self.record, self.stack.key, PROVIDER)

    def settled_evidence(self):
        """What was recorded, once nothing is under way any more."""
        wait_until("the provider's journal to be complete", lambda: self.evidence().settled())
        return self.evidence()

    def shown(self):
        """All that it has printed, and what its admin pages show: of one that somebody else runs, nothing is known."""
        return ""

    def stop(self):
        """Ends it, if it was started here."""


class Gateway(Recorded):
    """One that runs for the checks alone: `sluice run`."""

    def __init__(self, stack, provider, paths, mcp_port):
        command = [stack.sluice, "run", *paths, "--admin", "127.0.0.1:0", "--port", "8080=0"]
        command += ["--connect-to", f"{PROVIDER}:443:127.0.0.1:{provider.port}"]
        if mcp_port:
            command += ["--connect-to", f"{MCP}:127.0.0.1:{mcp_port}"]
        environment = {"PROVIDER_API_KEY": stack.key, "SSL_CERT_FILE": str(stack.ca)}
        self.process = stack.processes.start("gateway", command, environment)
        ready = self.process.wait_for("its ready line", ready_line(self.process))
        self.admin = ready["admin"]
        address = next(one["address"] for one in ready["listeners"] if one["listener"] == LISTENER)
        super().__init__(stack, provider, address, self.process.name)

    def shown(self):
        pages = (urlopen(f"http://{self.admin}{page}").read().decode() for page in PAGES)
        return "".join(pages) + self.process.said()

    def stop(self):
        self.stack.processes.stop(self.process)


def ready_line(process):
    def find(_):
        return next(
            (line for line in json_lines(process.output.read_text(), "event") if line["event"] == "ready"), None
        )

    return find


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: local
clusters:
- name: local
  cluster:
    server: http://127.0.0.1:{port}
contexts:
- name: local
  context:
    cluster: local
    user: local
users:
- name: local
  user: {{}}
"""
