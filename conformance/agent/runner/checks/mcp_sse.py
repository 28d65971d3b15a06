"""MCP servers behind the gateway, asked through the MCP SDK's SSE client; event streams that stay uncut."""

import asyncio
import contextlib
from datetime import timedelta

import wire
from mcp import ClientSession
from mcp.client.sse import sse_client
from processes import wait_until
from stack import HERE

# Both servers send a comment each 15 s while a stream is silent.
PING_SECONDS = 15
SHORT, FIVE_MINUTES = 40, 310
POD = "my-ack-ops-agent-66b74675fc-rqwwx"
# What the walk-through's agent names; the real server has more.
TOOLS = {
    "list_clusters",
    "ack_kubectl",
    "query_prometheus",
    "query_prometheus_metric_guidance",
    "diagnose_resource",
    "query_inspect_report",
    "query_audit_log",
    "get_current_time",
    "query_controlplane_logs",
}


def run(report, stack, silence=SHORT):
    """Both servers, each behind a gateway of its own; then both silent side by side for `silence` seconds."""
    objects = HERE / "objects" / "mcp.yaml"
    stand_in = stack.gateway(stack.provider(), objects, mcp_port=stack.fake("mcp_server"))
    real = stack.gateway(stack.provider(), objects, mcp_port=stack.ack_mcp_server())
    report.check("mcp: tools and a 300 kB event of the stand-in", asyncio.run, use_stand_in(stand_in))
    report.check("mcp: tools of the real ack-mcp-server", asyncio.run, use_real(real))
    report.check(f"mcp: event streams uncut for {silence} s", asyncio.run, uncut(stand_in, real, silence))
    report.check("mcp: the pings came down while they were silent", pings, (stand_in, real), silence)
    stand_in.stop()
    real.stop()


@contextlib.asynccontextmanager
async def session(gateway, patience=60):
    async with sse_client(f"{gateway.url}/sse", timeout=30, sse_read_timeout=patience) as streams:
        async with ClientSession(*streams, read_timeout_seconds=timedelta(seconds=patience)) as open_session:
            await open_session.initialize()
            yield open_session


async def call(open_session, tool, **arguments):
    """The text of a tool's answer."""
    result = await open_session.call_tool(tool, arguments)
    text = "".join(getattr(part, "text", "") for part in result.content)
    assert not result.isError, f"{tool} answered with an error: {text[:300]}"
    return text


async def names(open_session):
    return {tool.name for tool in (await open_session.list_tools()).tools}


async def use_stand_in(gateway):
    async with session(gateway) as open_session:
        assert await names(open_session) == TOOLS
        assert "c0a1b2c3d4e5f" in await call(open_session, "list_clusters")
        report = await call(open_session, "query_inspect_report", cluster_id="c")
        assert report.count("x") == 300_000, f"{len(report)} characters came down"


async def use_real(gateway):
    async with session(gateway) as open_session:
        missing = TOOLS - await names(open_session)
        assert not missing, f"the server lists no {missing}"
        assert "current_time" in await call(open_session, "get_current_time")
        guidance = await call(
            open_session, "query_prometheus_metric_guidance", resource_label="node", metric_category="cpu"
        )
        assert "metric" in guidance, guidance[:300]
        pods = await call(open_session, "ack_kubectl", command="get pods -n kagent", cluster_id="local")
        assert POD in pods, pods[:600]


async def uncut(stand_in, real, silence):
    """On one, a call that is silent for so long; on the other, a session that is, and then is used."""
    await asyncio.gather(silent_call(stand_in, silence), silent_session(real, silence))


async def silent_call(gateway, silence):
    async with session(gateway, silence + 60) as open_session:
        answer = await call(open_session, "diagnose_resource", cluster_id="c", resource_type="node", seconds=silence)
        assert f'"waited": {silence}' in answer, answer


async def silent_session(gateway, silence):
    async with session(gateway, silence + 60) as open_session:
        wanted = silence // PING_SECONDS
        await asyncio.to_thread(wait_until, f"{wanted} pings", lambda: most_pings(gateway) >= wanted, silence + 60)
        assert "current_time" in await call(open_session, "get_current_time")


def pings(gateways, silence):
    for gateway in gateways:
        got = most_pings(gateway)
        assert got >= silence // PING_SECONDS, f"{got} pings in {silence} s"


def most_pings(gateway):
    """How many pings came down on the connection that had the most."""
    return max((one.raw()[1].count(b": ping") for one in wire.conversations(gateway.record)), default=0)
