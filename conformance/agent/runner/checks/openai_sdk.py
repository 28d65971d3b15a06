"""The openai SDK against the gateway: answers, streams, and errors as a program meets them."""

import openai

from oracle import judge
from stack import HERE

QUESTION = [{"role": "user", "content": "[scenario:plain] Is all well?"}]


def run(report, stack):
    """One gateway for all."""
    gateway = stack.gateway(stack.provider(), HERE / "objects" / "short-timeout.yaml")
    report.check("openai: a whole answer", whole, gateway)
    report.check("openai: a streamed answer with its usage", streamed, gateway)
    report.check("openai: the oracle on both", oracle, gateway)
    for status, kind, words in PROVIDER_ERRORS:
        report.check(
            f"openai: the provider's {status} reaches the program", provider_error, gateway, status, kind, words
        )
    report.check("openai: the gateway's own 404 says why", no_route, gateway)
    report.check("openai: a time-out of the gateway is asked once, not three times", timeout_once, gateway)
    gateway.stop()


PROVIDER_ERRORS = [
    (401, openai.AuthenticationError, "Incorrect API key provided."),
    (404, openai.NotFoundError, "The model does not exist"),
    (429, openai.RateLimitError, "You exceeded your current requests list."),
    (500, openai.InternalServerError, "An internal error has occured."),
]


def client(gateway, prefix="/v1", **options):
    return openai.OpenAI(base_url=gateway.url + prefix, api_key="placeholder", timeout=60, **options)


def whole(gateway):
    answer = client(gateway).chat.completions.create(model="qwen-plus", messages=QUESTION)
    assert "Summary" in answer.choices[0].message.content and answer.usage.total_tokens > 0, answer


def streamed(gateway):
    options = {"include_usage": True}
    stream = client(gateway).chat.completions.create(
        model="qwen-plus", messages=QUESTION, stream=True, stream_options=options
    )
    chunks = list(stream)
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert "\u4f60\u597d\u2728" in text, f"the text came down as {text!r}"
    assert len(chunks) > 5 and chunks[-1].usage.total_tokens > 0, f"{len(chunks)} chunks, the last: {chunks[-1]}"


def oracle(gateway):
    problems = judge(gateway.settled_evidence())
    assert not problems, "; ".join(map(str, problems))


def provider_error(gateway, status, kind, words):
    raised = error_of(client(gateway, max_retries=0), f"[scenario:err{status}]")
    assert type(raised) is kind and raised.status_code == status, f"raised {raised!r}"
    assert words in str(raised), f"the message is {raised}"


def no_route(gateway):
    raised = error_of(client(gateway, "/elsewhere", max_retries=0), "hello")
    assert type(raised) is openai.NotFoundError, f"raised {raised!r}"
    told(raised)


def timeout_once(gateway):
    before = len(gateway.evidence().requests)
    raised = error_of(client(gateway, "/short/v1"), "[scenario:slow=30]")
    assert isinstance(raised, openai.APIStatusError) and raised.status_code == 504, f"raised {raised!r}"
    assert raised.response.headers.get("x-should-retry") == "false", "no x-should-retry: false"
    told(raised)
    asked = len(gateway.evidence().requests) - before
    assert asked == 1, f"the provider was asked {asked} times"


def told(raised):
    """The gateway's error has the shape of OpenAI's, so that the SDK shows its message."""
    body = raised.body if isinstance(raised.body, dict) else {}
    assert body.get("message") and body["message"] in str(raised), f"the program is told only: {raised}"
    assert body.get("type"), f"no type in {body}"


def error_of(sdk, content):
    try:
        sdk.chat.completions.create(model="qwen-plus", messages=[{"role": "user", "content": content}])
    except openai.APIError as raised:
        return raised
    raise AssertionError("no error was raised")
