"""Does for one Agent what the kagent controller does, and runs its pod's program: `kagent-adk static`.

The controller turns the walk-through's Agent, ModelConfig and RemoteMCPServer into the two files of the Secret that is
mounted at /config (kagent 0.10, go/core/internal/controller/translator/agent), and sets the pod's environment.
"""

import json
import re
import sys
from pathlib import Path

import yaml

SECONDS = {"h": 3600, "m": 60, "s": 1, "ms": 0.001}


def render(objects, gateway, mcp, stream):
    """From the objects: (config.json, agent-card.json, environment). The URLs say where gateway and MCP server are."""
    by_kind = {one["kind"]: one for one in yaml.safe_load_all(objects) if one}
    agent, model, server = by_kind["Agent"], by_kind["ModelConfig"]["spec"], by_kind["RemoteMCPServer"]["spec"]
    declared, description = agent["spec"]["declarative"], agent["spec"]["description"]
    config = {
        "model": {"type": "openai", "model": model["model"], "base_url": gateway},
        "description": description,
        "instruction": declared["systemMessage"],
        "sse_tools": [
            {
                # terminateOnClose has no meaning for SSE; the controller drops it too.
                "params": {
                    "url": mcp,
                    "headers": {},
                    "timeout": seconds(server["timeout"]),
                    "sse_read_timeout": seconds(server["sseReadTimeout"]),
                },
                "tools": declared["tools"][0]["mcpServer"]["toolNames"],
            }
        ],
        "stream": declared["stream"] and stream,
    }
    name, namespace = agent["metadata"]["name"], agent["metadata"]["namespace"]
    environment = {variable["name"]: variable["value"] for variable in declared["deployment"]["env"]}
    return (
        config,
        card(name, namespace, description),
        {**environment, "KAGENT_NAME": name, "KAGENT_NAMESPACE": namespace},
    )


def card(name, namespace, description):
    url = f"http://{name}.{namespace}:8080"
    return {
        "name": name.replace("-", "_"),
        "description": description,
        "version": "",
        "url": url,
        "protocolVersion": "0.3",
        "preferredTransport": "JSONRPC",
        "supportedInterfaces": [
            {"url": url, "protocolBinding": "JSONRPC", "protocolVersion": v} for v in ("0.3", "1.0")
        ],
        "defaultInputModes": ["text"],
        "defaultOutputModes": ["text"],
        "capabilities": {"streaming": True},
        "skills": [],
    }


def seconds(duration):
    """A Kubernetes duration such as 5m0s."""
    return float(sum(float(n) * SECONDS[unit] for n, unit in re.findall(r"([\d.]+)(ms|h|m|s)", duration)))


def start(processes, controller_port, rendered):
    """Starts the agent; returns (process, URL) when it serves."""
    config, agent_card, environment = rendered
    folder = processes.folder / processes.fresh("config")
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "agent-card.json").write_text(json.dumps(agent_card))
    environment = {
        **environment,
        "KAGENT_URL": f"http://127.0.0.1:{controller_port}",
        "PYTHONWARNINGS": "ignore",
        "LOG_LEVEL": "INFO",
    }
    program = Path(sys.executable).parent / "kagent-adk"
    process = processes.start(
        "agent", [program, "static", "--host", "127.0.0.1", "--port", "0", "--filepath", folder], environment
    )
    found = process.wait_for(
        "its address", lambda said: re.search(r"Uvicorn running on (http://127\.0\.0\.1:\d+)", said)
    )
    return process, found[1] + "/"
