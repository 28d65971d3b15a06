"""The "model": what DashScope would say to a request body, chosen by the last user message.

(nothing special)       tool call list_clusters, tool call query_prometheus, then Markdown that quotes both results
[scenario:plain]        the answer at once
[scenario:kubectl]      tool call ack_kubectl, then the answer
[scenario:slow=N]       the answer at once, its head held back for N seconds
[scenario:errNNN]       status NNN with DashScope's error body, each time
"""

import json
import re
import time
import uuid

CLUSTER = "c0a1b2c3d4e5f"
PROMQL = 'sum by (pod) (container_memory_working_set_bytes{namespace="kagent"})'

ERRORS = {
    400: ("invalid_parameter_error", "The parameter is wrong.", "invalid_request_error"),
    401: ("invalid_api_key", "Incorrect API key provided. ", "invalid_request_error"),
    404: ("model_not_found", "The model does not exist or you do not have access to it.", "invalid_request_error"),
    429: ("limit_requests", "You exceeded your current requests list.", "limit_requests"),
    500: ("internal_error", "An internal error has occured.", "internal_error"),
}


def scenario(body):
    """The name and the number in `[scenario:name=number]` of the last user message, or ("metrics", 0)."""
    users = [text(message) for message in body.get("messages", []) if message.get("role") == "user"]
    found = re.search(r"\[scenario:([a-z0-9]+)(?:=(\d+))?\]", users[-1]) if users else None
    return (found[1], int(found[2] or 0)) if found else ("metrics", 0)


def text(message):
    """The text of a message's content, whichever of its two forms it has."""
    content = message.get("content") or ""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def plan(body):
    """What comes next in the conversation: ("tools", [(name, arguments), …]) or ("text", Markdown)."""
    messages = body.get("messages", [])
    last_user = max((i for i, message in enumerate(messages) if message.get("role") == "user"), default=-1)
    results = [text(message) for message in messages[last_user + 1 :] if message.get("role") == "tool"]
    script = {
        "metrics": [("list_clusters", {}), ("query_prometheus", {"cluster_id": CLUSTER, "promql": PROMQL})],
        "kubectl": [("ack_kubectl", {"command": "get pods -n kagent", "cluster_id": CLUSTER})],
    }.get(scenario(body)[0], [])
    if len(results) < len(script):
        return "tools", [script[len(results)]]
    quoted = "".join(f"- result {n}: `{result[:400]}`\n" for n, result in enumerate(results, 1))
    return "text", (
        f"### Summary\n\n*I called {len(results)} tool(s) through the gateway.*\n\n{quoted}\n"
        "**Recommendation**: no action needed. \u4f60\u597d\u2728\n"
    )


def completion(body):
    """The whole chat.completion object."""
    kind, payload = plan(body)
    message = {"role": "assistant", "content": payload if kind == "text" else ""}
    if kind == "tools":
        message["tool_calls"] = [
            {
                "index": i,
                "id": call_id(),
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(arguments)},
            }
            for i, (name, arguments) in enumerate(payload)
        ]
    finish = "stop" if kind == "text" else "tool_calls"
    return {
        "choices": [{"message": message, "finish_reason": finish, "index": 0, "logprobs": None}],
        "object": "chat.completion",
        "usage": usage(body, payload),
        **identity(body),
    }


def chunks(body):
    """The chat.completion.chunk objects, in DashScope's order: usage, if asked for, in a last one without choices."""
    kind, payload = plan(body)
    base = {"object": "chat.completion.chunk", **identity(body)}
    deltas = text_deltas(payload) if kind == "text" else tool_deltas(payload)
    out = [
        {"choices": [{"finish_reason": finish, "logprobs": None, "delta": delta, "index": 0}], "usage": None, **base}
        for delta, finish in deltas
    ]
    if (body.get("stream_options") or {}).get("include_usage"):
        out.append({"choices": [], "usage": usage(body, payload), **base})
    return out


def text_deltas(answer):
    yield {"content": "", "role": "assistant"}, None
    for piece in pieces(answer, 24):
        yield {"content": piece}, None
    yield {"content": ""}, "stop"


def tool_deltas(calls):
    for index, (name, arguments) in enumerate(calls):
        role = {"role": "assistant"} if index == 0 else {}
        function = {"name": name, "arguments": ""}
        yield (
            {
                "content": None,
                "tool_calls": [{"index": index, "id": call_id(), "type": "function", "function": function}],
                **role,
            },
            None,
        )
        for piece in pieces(json.dumps(arguments), 9):
            # DashScope says the id once, and then an empty one.
            function = {"arguments": piece}
            yield (
                {"content": None, "tool_calls": [{"index": index, "id": "", "type": "function", "function": function}]},
                None,
            )
    yield {}, "tool_calls"


def error(code, message, kind="invalid_request_error"):
    """DashScope's error body."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}, "request_id": str(uuid.uuid4())}


def identity(body):
    return {
        "created": int(time.time()),
        "system_fingerprint": None,
        "model": body.get("model"),
        "id": f"chatcmpl-{uuid.uuid4()}",
    }


def usage(body, payload):
    prompt, answer = len(json.dumps(body.get("messages"))) // 4, max(1, len(str(payload)) // 4)
    cached = {"cached_tokens": 0}
    return {
        "prompt_tokens": prompt,
        "completion_tokens": answer,
        "total_tokens": prompt + answer,
        "prompt_tokens_details": cached,
    }


def call_id():
    return "call_" + uuid.uuid4().hex[:22]


def pieces(whole, length):
    return [whole[i : i + length] for i in range(0, len(whole), length)]
