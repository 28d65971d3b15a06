"""Runs the agent tests: real clients, the gateway under test, stand-ins for everything behind it, and an oracle.

Each check prints one line, and the last line counts them. See ../README.md.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from checks import conversation, mcp_sse, openai_sdk, sabotage
from processes import Processes
from report import Report
from stack import Stack

TREE = Path(__file__).resolve().parents[3]
THEMES = {"agent": conversation.run, "openai": openai_sdk.run, "mcp": mcp_sse.run, "sabotage": sabotage.run}


def arguments():
    parser = argparse.ArgumentParser(prog="conformance/agent/run", description="Runs real agents through `sluice run`.")
    parser.add_argument(
        "themes", nargs="*", metavar="THEME", help=f"which checks to run: {', '.join(THEMES)} (default: all)"
    )
    parser.add_argument(
        "--sabotage", action="store_true", help="only that the oracle catches five broken sets of objects"
    )
    parser.add_argument(
        "--five-minutes", action="store_true", help="only the MCP checks, their silent streams held for five minutes"
    )
    parser.add_argument(
        "--sluice",
        type=Path,
        default=os.environ.get("SLUICE_BIN"),
        help="the program (default: $SLUICE_BIN, or built by cargo)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="a new folder for recordings and logs, to be kept (default: a temporary one, kept when a check fails)",
    )
    there = parser.add_argument_group(
        "a gateway that is there already", "serves the walk-through's objects; its key is that of $PROVIDER_API_KEY"
    )
    there.add_argument("--gateway", metavar="ADDRESS:PORT", help="where it is; only the agent is put to it")
    there.add_argument("--provider", metavar="ADDRESS:PORT", help="where it looks for the provider")
    there.add_argument("--certificate", type=Path, help="the provider's: PEM of key, certificate, issuer")
    options = parser.parse_args()
    if options.gateway and not (options.provider and options.certificate):
        parser.error("--gateway needs --provider and --certificate")
    unknown = set(options.themes) - set(THEMES)
    if unknown:
        parser.error(f"no such theme: {', '.join(unknown)}; there are: {', '.join(THEMES)}")
    return options


def chosen(options):
    if options.gateway:
        return [conversation.given]
    if options.sabotage:
        return [sabotage.run]
    if options.five_minutes:
        return [partial(mcp_sse.run, silence=mcp_sse.FIVE_MINUTES)]
    return [THEMES[name] for name in options.themes or THEMES]


def build():
    """Has cargo bring `sluice` up to date, and asks it where the program is."""
    command = ["cargo", "build", "--workspace", "--bin", "sluice", "--locked", "--quiet", "--message-format=json"]
    done = subprocess.run(command, cwd=TREE, stdout=subprocess.PIPE, text=True, check=True)
    artifacts = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return next(one["executable"] for one in artifacts if one.get("executable"))


def main():
    options = arguments()
    sluice = None if options.gateway else Path(options.sluice or build()).resolve()
    folder = (options.out or Path(tempfile.mkdtemp(prefix="sluice-agent-"))).resolve()
    # Journals are appended to: those of another run would be judged with this one's.
    folder.mkdir(parents=True, exist_ok=not options.out)
    # An inherited proxy would come between the programs of this test.
    for name in [name for name in os.environ if name.lower() in ("http_proxy", "https_proxy", "all_proxy")]:
        del os.environ[name]
    with Processes(folder) as processes:
        stack = Stack(processes, sluice, os.environ["ACK_PYTHON"], options if options.gateway else None)
        report = Report(stack.key, folder)
        for theme in chosen(options):
            report.theme(theme, stack)
    if report.failed:
        print(f"what each program said is in {folder}", flush=True)
    elif not options.out:
        shutil.rmtree(folder, ignore_errors=True)
    return report.close()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
