"""The walk-through's conversation: a real kagent agent, its model calls and its tools."""

import a2a
import kagent
from oracle import judge
from stack import HERE

OBJECTS = HERE / "objects"
QUESTION = "Use Prometheus to view the pod metrics of the kagent namespace of the current cluster."
# What the tools of fakes/mcp_server.py answered, and the model quoted.
CLUSTER, MEMORY = "c0a1b2c3d4e5f", "201326592"
METRICS = ["list_clusters", "query_prometheus"], [CLUSTER, MEMORY]
POD = "my-ack-ops-agent-66b74675fc-rqwwx"


def run(report, stack):
    """Streamed and not; the MCP server direct, as in the walk-through, and behind the gateway; the real one too."""
    controller, stand_in = stack.fake("controller"), stack.fake("mcp_server")
    direct = f"http://127.0.0.1:{stand_in}"

    def walkthrough(stream, mcp, alpn):
        provider = stack.provider(alpn)
        # The walk-through's five files and nothing else, where the agent reaches its tools without the gateway.
        more = [] if mcp else [OBJECTS / "mcp.yaml"]
        gateway = stack.gateway(provider, *more, mcp_port=stand_in)
        evidence = converse(stack, controller, gateway, mcp or gateway.url, stream, QUESTION, METRICS)
        spoken = {entry["version"] for entry in evidence.requests}
        assert spoken == {"HTTP/2" if "h2" in alpn else "HTTP/1.1"}, f"the provider was asked by {spoken}"

    def real_tools():
        gateway = stack.gateway(stack.provider(), OBJECTS / "mcp.yaml", mcp_port=stack.ack_mcp_server())
        question = "[scenario:kubectl] Which pods are there in the namespace kagent?"
        converse(stack, controller, gateway, gateway.url, True, question, (["ack_kubectl"], [POD]))

    report.check("agent: stream true, tools direct, provider h2", walkthrough, True, direct, "h2,http/1.1")
    report.check(
        "agent: stream false, tools through the gateway, provider http/1.1", walkthrough, False, None, "http/1.1"
    )
    report.check("agent: stream true, tools of the real ack-mcp-server through the gateway", real_tools)


def given(report, stack):
    """Streamed, tools direct: through a gateway that is there already, and serves the walk-through's objects."""

    def walkthrough():
        tools = f"http://127.0.0.1:{stack.fake('mcp_server')}"
        converse(stack, stack.fake("controller"), stack.given_gateway(), tools, True, QUESTION, METRICS)

    report.check(f"agent: stream true, tools direct, through {stack.given.gateway}", walkthrough)


def converse(stack, controller, gateway, mcp, stream, question, expected):
    """One agent, one question, then the oracle on the evidence. `expected`: tools called, words of the answer."""
    objects = (OBJECTS / "kagent.yaml").read_text(encoding="utf-8")
    rendered = kagent.render(objects, f"{gateway.url}/v1", f"{mcp}/sse", stream)
    agent, url = kagent.start(stack.processes, controller, rendered)
    outcome = a2a.ask(url, question)
    stack.processes.stop(agent)
    tools, words = expected
    assert outcome.state == "completed", f"the task ended {outcome.state}: {outcome.errors}"
    assert outcome.tools == tools, f"tools called: {outcome.tools}, expected: {tools}"
    missing = [word for word in words if word not in outcome.text]
    assert not missing, f"the answer lacks {missing}: {outcome.text[:400]}"
    evidence = gateway.settled_evidence()
    problems = judge(evidence)
    assert not problems, "; ".join(map(str, problems))
    asked = [entry["stream"] for entry in evidence.requests]
    assert asked == [stream] * (len(tools) + 1), f"the model was asked with stream = {asked}"
    assert not stream or outcome.partials > 5, f"only {outcome.partials} streamed pieces reached the user"
    assert stack.key not in gateway.shown(), "the key is in the gateway's output or on its admin pages"
    gateway.stop()
    return evidence
