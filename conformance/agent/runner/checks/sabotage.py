"""Five edits that break the walk-through's objects: the oracle must catch each, by its own name."""

import http.client
import json
from urllib.parse import urlparse

import yaml
from certificates import Authority
from oracle import judge
from stack import WALKTHROUGH


def run(report, stack):
    """Each edit on a copy of the objects, with a gateway and a provider of its own; first a copy without any."""
    report.check("sabotage: none, and nothing is found", sabotage, stack, "none", lambda _: None, 200, set())
    for name, edit, status, kinds in sabotages():
        report.check(
            f"sabotage: {name}, caught as {' and '.join(sorted(kinds))}", sabotage, stack, name, edit, status, kinds
        )


def sabotages():
    """(name, edit, status that the client gets, kinds of problem that the oracle must name: these and no others)"""
    yield "no host rewrite", no_host_rewrite, 421, {"host"}
    yield "no prefix rewrite", no_prefix_rewrite, 404, {"path"}
    yield "no credential", no_credential, 401, {"authorization", "client-credential"}
    yield "wrong server name", wrong_server_name, 503, {"server-name"}
    yield "wrong authority", wrong_authority, 503, {"certificate"}


def no_host_rewrite(objects):
    del rewrite(objects)["hostname"]


def no_prefix_rewrite(objects):
    del rewrite(objects)["path"]


def no_credential(objects):
    rule(objects)["filters"] = [one for one in rule(objects)["filters"] if one["type"] != "ExtensionRef"]


def wrong_server_name(objects):
    one(objects, "BackendTLSPolicy")["spec"]["validation"]["hostname"] = "dashscope.example"


def wrong_authority(objects):
    validation = one(objects, "BackendTLSPolicy")["spec"]["validation"]
    del validation["wellKnownCACertificates"]
    validation["caCertificateRefs"] = [{"group": "", "kind": "ConfigMap", "name": "another-authority"}]
    metadata = {"name": "another-authority", "namespace": "kagent"}
    data = {"ca.crt": Authority("another authority").pem.decode()}
    objects.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})


def one(objects, kind):
    return next(each for each in objects if each["kind"] == kind)


def rule(objects):
    return one(objects, "HTTPRoute")["spec"]["rules"][0]


def rewrite(objects):
    return next(each for each in rule(objects)["filters"] if each["type"] == "URLRewrite")["urlRewrite"]


def sabotage(stack, name, edit, status, kinds):
    """Edits, runs, sends one request, and compares what the oracle says with what it must say."""
    copy = stack.folder / f"objects-{name.replace(' ', '-')}"
    copy.mkdir()
    objects = [
        each for file in sorted(WALKTHROUGH.glob("*.yaml")) for each in yaml.safe_load_all(file.read_text()) if each
    ]
    edit(objects)
    (copy / "objects.yaml").write_text(yaml.safe_dump_all(objects))
    gateway = stack.gateway(stack.provider(), objects=copy)
    got = send(gateway.url)
    evidence = gateway.settled_evidence()
    problems = judge(evidence)
    gateway.stop()
    caught = {problem.kind for problem in problems}
    assert caught == kinds, (
        f"the oracle says {[str(problem) for problem in problems] or 'nothing'}, expected {sorted(kinds) or 'nothing'}"
    )
    assert got == status, f"the client got {got}, expected {status}"
    if status == 503:
        assert not evidence.requests, "a request, and with it the key, went to a peer that was not verified"


def send(url):
    """One model call as the agent makes it; returns the status."""
    body = {"model": "qwen-plus", "stream": True, "messages": [{"role": "user", "content": "[scenario:plain] hello"}]}
    place = urlparse(url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=60)
    headers = {"content-type": "application/json", "accept": "application/json", "authorization": "Bearer placeholder"}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status
