"""Stand-in for ack-mcp-server: the walk-through's nine tools with canned data, on the MCP SDK's own SSE transport.

    python fakes/mcp_server.py

GET /sse, POST /messages/?session_id=…; a ping comment every 15 s. It listens on a free port of the loopback address and
prints {"port": N}.
"""

import asyncio
import datetime
import json
import socket

import uvicorn
from mcp.server.fastmcp import FastMCP
from mcp.server.transport_security import TransportSecuritySettings

# The guard would refuse every Host but localhost, and behind a gateway the Host is what the client called.
GUARD = TransportSecuritySettings(enable_dns_rebinding_protection=False)
CLUSTER = {"cluster_id": "c0a1b2c3d4e5f", "cluster_name": "ack-demo", "region_id": "ap-southeast-1", "state": "running"}
POD = "my-ack-ops-agent-66b74675fc-rqwwx"

server = FastMCP("stand-in", transport_security=GUARD)


@server.tool(description="Gets a list of all ACK clusters in all regions.")
async def list_clusters(page_size: int = 10, page_num: int = 1) -> str:
    return json.dumps({"count": 1, "clusters": [CLUSTER]})


@server.tool(description="Executes a kubectl command in a cluster.")
async def ack_kubectl(command: str, cluster_id: str = "") -> str:
    return f"NAME   READY   STATUS\n{POD}   1/1   Running\n"


@server.tool(description="Queries the Prometheus data of a cluster.")
async def query_prometheus(
    cluster_id: str, promql: str, start_time: str = "", end_time: str = "", step: str = ""
) -> str:
    return json.dumps({"data": [{"metric": {"pod": POD}, "value": [1765600000, "201326592"]}], "promql": promql})


@server.tool(description="Gets Prometheus metric definitions and best practices.")
async def query_prometheus_metric_guidance(resource_label: str, metric_category: str) -> str:
    return json.dumps({"metrics": [], "promql_samples": []})


@server.tool(description="Diagnoses a resource of a cluster; says nothing for so many seconds.")
async def diagnose_resource(cluster_id: str, resource_type: str, resource_target: str = "", seconds: int = 0) -> str:
    await asyncio.sleep(seconds)
    return json.dumps({"result": "ok", "waited": seconds})


@server.tool(description="Gets the latest health report of a cluster: 300 kB in one event.")
async def query_inspect_report(cluster_id: str, is_result_exist: bool = True) -> str:
    return json.dumps({"report_status": "completed", "pad": "x" * 300_000})


@server.tool(description="Queries the audit log of a cluster.")
async def query_audit_log(cluster_id: str, namespace: str = "default", limit: int = 10) -> str:
    return json.dumps({"entries": []})


@server.tool(description="Gets the current time.")
async def get_current_time() -> str:
    return json.dumps({"current_time_iso": datetime.datetime.now(datetime.UTC).isoformat()})


@server.tool(description="Queries the logs of a cluster's control plane.")
async def query_controlplane_logs(cluster_id: str, component_name: str) -> str:
    return json.dumps({"entries": []})


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0))
    print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
    uvicorn.Server(uvicorn.Config(server.sse_app(), log_level="warning")).run(sockets=[listener])
